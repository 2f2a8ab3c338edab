//! Reporting.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use damm_client::{Controller, Error, Profile, Real, Unsent, is_time, report as told, try_all};
use damm_protocol::evidence::{Epoch, Report};
use serde_json::json;
use tokio::net::TcpStream;

use super::look::home;
use crate::args::Speak;
use crate::clock;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Page, Style};

/// Whoever is near answers within this time.
const NEAR: Duration = Duration::from_secs(5);

/// Tries all doors and reports, when it is time.
pub async fn report(path: &Path, speak: &Speak, output: &Output) -> Result<Exit> {
    let mut profile = Profile::load(path)?;
    let now = clock::now();
    let mut page = output.page();
    let Some(epoch) = is_time(&profile, now)? else {
        if let Some(report) = catch_up(path, &mut profile, speak).await? {
            profile.save(path)?;
            sent(&report, page, output);
            return Ok(Exit::Done);
        }
        let due = damm_client::due(&profile, now)?;
        page.say(format!("Its moment to report is {due}."));
        output.result("reported", json!({ "due": due, "sent": false }), &page);
        return Ok(Exit::Done);
    };
    let said = say(path, &mut profile, epoch, speak).await;
    profile.save(path)?;
    sent(&said?, page, output);
    Ok(Exit::Done)
}

fn sent(report: &Report, mut page: Page, output: &Output) {
    let works = report.entries.iter().filter(|e| e.rcpt.is_some()).count();
    let text = format!("reported on {} doors, {works} work", report.entries.len());
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, text));
    let value = json!({ "sent": true, "doors": report.entries.len(), "work": works });
    output.result("reported", value, &page);
}

/// Tries all doors that are or were told, and reports for a half hour. What can't be sent is kept
/// beside the profile, and is sent when this is called again; but not if nothing at all got
/// through: then the client itself may have been offline, and has to look anew.
pub async fn say(
    path: &Path,
    profile: &mut Profile,
    epoch: Epoch,
    speak: &Speak,
) -> Result<Report> {
    let file = Unsent::beside(path);
    let mut unsent = Unsent::load(&file);
    if !unsent.holds(epoch) {
        let (report, online) = seen(profile, speak).await?;
        if !online {
            send(profile, &report, speak.proxy.as_deref()).await?;
            profile.has_reported(epoch);
            return Ok(report);
        }
        unsent.keep(epoch, report, clock::now());
        unsent.save(&file)?;
    }
    let sent = catch_up(path, profile, speak).await?;
    // What was just kept is heard for minutes yet.
    sent.ok_or_else(|| Failure::error("its moment to report has passed"))
}

/// Sends what could not be sent, as long as it is heard; gives the last that was sent.
pub async fn catch_up(path: &Path, profile: &mut Profile, speak: &Speak) -> Result<Option<Report>> {
    let file = Unsent::beside(path);
    let mut unsent = Unsent::load(&file);
    unsent.drop_late(profile, clock::now())?;
    let mut last = None;
    while let Some((epoch, report)) = unsent.next(clock::now()) {
        send(profile, &report, speak.proxy.as_deref()).await?;
        profile.has_reported(epoch);
        unsent.sent(epoch);
        unsent.save(&file)?;
        last = Some(report);
    }
    unsent.save(&file)?;
    Ok(last)
}

/// What the client sees of all doors that are or were told, and whether it is online for certain.
async fn seen(profile: &mut Profile, speak: &Speak) -> Result<(Report, bool)> {
    let now = clock::now();
    let dial = Real { patience: speak.ways.patience.to_std() };
    let home = home(&speak.ways);
    let ways = profile.all_ways(now)?;
    let nearby = nearby(speak.nearby);
    let (trials, near) = tokio::join!(try_all(&ways, profile, home, &dial, now), nearby);
    profile.learn(&trials);
    let online = trials.iter().any(|t| t.met.works()) || (speak.nearby.is_some() && near);
    Ok((told(profile, home, &trials, near, clock::now())?, online))
}

/// Whether anything nearby answers; taken for granted where nothing was named.
async fn nearby(at: Option<SocketAddr>) -> bool {
    match at {
        Some(at) => matches!(tokio::time::timeout(NEAR, TcpStream::connect(at)).await, Ok(Ok(_))),
        None => true,
    }
}

/// Sends a report to the first controller that takes it.
async fn send(profile: &Profile, report: &Report, proxy: Option<&str>) -> Result<()> {
    let mut last = Error::NotEnrolled;
    for url in &profile.controllers {
        match Controller::new(url, proxy)?.report(report).await {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}
