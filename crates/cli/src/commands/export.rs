//! `damm catalog export`

use std::io::Read as _;
use std::path::Path;

use damm_age::{Entropy, armor, seal};
use damm_formats::{Document, Format, Identity, Settings, Subscription, Wanted};
use damm_protocol::{ClientSecret, CredentialId, Secret32};
use serde::Deserialize;
use serde_json::json;

use super::catalog::{bytes, refused, trusted};
use crate::args::CatalogExport;
use crate::clock;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;

/// No credential is longer.
const LONGEST: u64 = 4096;

/// Writes a catalog for another app, once it was verified as a client verifies it.
pub fn run(args: &CatalogExport, output: &Output) -> Result<Exit> {
    let now = args.at.unwrap_or_else(clock::now);
    let signed = bytes(&args.file)?;
    let verified = trusted(&args.root)?.verify(&signed, now, None);
    let catalog = verified.map_err(|r| refused(&args.file, &r))?;
    let identity = identity(&args.credential)?;
    let settings = Settings { title: args.title.clone(), ..Settings::default() };
    let subscription = Subscription {
        catalog: &catalog,
        signed: &signed,
        identity: &identity,
        settings: &settings,
    };
    let wanted = Wanted { format: args.format, door: args.door };
    let document = subscription.render(wanted, now).map_err(Failure::error)?;
    let text = match args.age {
        Some(recipient) => {
            let entropy = Entropy::new(clock::random()?);
            armor(&seal(&document.bytes, &[recipient], &entropy))
        }
        None => document.text().into_owned(),
    };
    print(args.format, &document, &text, output);
    Ok(Exit::Done)
}

/// Prints a document for another app.
pub fn print(format: Format, document: &Document, text: &str, output: &Output) {
    if !output.json() {
        return output.raw(text);
    }
    let headers: serde_json::Map<_, _> =
        document.headers.iter().map(|(k, v)| ((*k).to_owned(), v.as_str().into())).collect();
    let value = json!({
        "format": format.name(),
        "media_type": document.media_type,
        "headers": headers,
        "document": text,
    });
    output.result("exported", value, &output.page());
}

/// What `damm credentials new` printed.
#[derive(Deserialize)]
struct Printed {
    number: u32,
    secret: Secret32,
}

fn identity(path: &Path) -> Result<Identity> {
    let text = credential(path).map_err(|e| Failure::io("read", path, &e))?;
    // What is wrong with it is not said: the message would hold a part of it.
    let unread = || {
        let message = format!("{}: this is no credential of a client", path.display());
        Failure::error(message).help("give what `damm credentials new` printed")
    };
    let printed: Printed = serde_json::from_slice(&text).map_err(|_| unread())?;
    let id = CredentialId::new(printed.number).ok_or_else(unread)?;
    Ok(Identity::of_client(&ClientSecret::new(printed.secret), id))
}

fn credential(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match path == Path::new("-") {
        true => std::io::stdin().lock().take(LONGEST).read_to_end(&mut text)?,
        false => std::fs::File::open(path)?.take(LONGEST).read_to_end(&mut text)?,
    };
    Ok(text)
}
