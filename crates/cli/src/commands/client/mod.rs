//! `damm client`: what a client does, by hand or on and on.

mod look;
mod run;
mod speak;

use std::io::Read as _;

use damm_client::{Controller, Error, Profile, export};
use damm_formats::{Settings, Wanted};
use damm_protocol::InvitationCode;
use serde_json::json;

use crate::args::{Client, ClientExport, ClientVerb, Enrol};
use crate::clock;
use crate::exit::{Exit, Failure, Result};
use crate::failures::chain;
use crate::output::Output;
use crate::render::{Line, Style};

/// No invitation is longer.
const LONGEST: u64 = 256;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::error(chain(&error))
    }
}

/// Does what is asked of a client.
pub async fn run(args: &Client, output: &Output) -> Result<Exit> {
    let path = &args.profile;
    match &args.verb {
        ClientVerb::Enrol(wanted) => enrol(args, wanted, output).await,
        ClientVerb::Fetch(ways) => look::fetch(path, ways, output).await,
        ClientVerb::Choose(ways) => look::choose(path, ways, output).await,
        ClientVerb::Report(speak) => speak::report(path, speak, output).await,
        ClientVerb::Export(wanted) => written(&Profile::load(path)?, wanted, output),
        ClientVerb::Status => look::status(&Profile::load(path)?, output),
        ClientVerb::Run(wanted) => run::run(path, wanted, output).await,
    }
}

async fn enrol(args: &Client, wanted: &Enrol, output: &Output) -> Result<Exit> {
    let proxy = wanted.proxy.as_deref();
    // What is mistyped is told before anything is written.
    Controller::new(&wanted.controller, proxy)?;
    let mut profile = match Profile::load(&args.profile) {
        Ok(profile) if profile.assignment().is_ok() => {
            return Err(Error::Taken { path: args.profile.clone() }.into());
        }
        // Its answer was lost, or it was refused: with the same secret again.
        Ok(profile) => profile.again(&wanted.controller, invitation(wanted)?),
        Err(Error::NotEnrolled) => {
            Profile::new(clock::random()?, &wanted.controller, invitation(wanted)?)
        }
        Err(error) => return Err(error.into()),
    };
    profile.save(&args.profile)?;
    profile.enrol(proxy).await?;
    profile.save(&args.profile)?;
    let assignment = profile.assignment()?;
    let mut page = output.page();
    let text = format!("enrolled in {}, as one of {}", assignment.fleet, assignment.population);
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, text));
    page.say("  `damm client fetch` gets its catalog.");
    let (fleet, population) = (&assignment.fleet, &assignment.population);
    output.result("enrolled", json!({ "fleet": fleet, "population": population }), &page);
    Ok(Exit::Done)
}

fn invitation(wanted: &Enrol) -> Result<InvitationCode> {
    let mut text = wanted.invitation.clone();
    if text == "-" {
        text.clear();
        let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
        read.map_err(|e| Failure::error(format!("the invitation can't be read: {e}")))?;
    }
    text.parse().map_err(Failure::error)
}

fn written(profile: &Profile, wanted: &ClientExport, output: &Output) -> Result<Exit> {
    let (settings, format) = (Settings::default(), wanted.format);
    let choice = Wanted { format, door: wanted.door };
    let document = export(profile, wanted.region.as_ref(), choice, &settings, clock::now())?;
    super::export::print(format, &document, &document.text(), output);
    Ok(Exit::Done)
}
