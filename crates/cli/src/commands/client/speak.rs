//! Reporting.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use damm_client::{Controller, Error, Profile, Real, is_time, report as told, try_all};
use damm_protocol::evidence::{Epoch, Report};
use serde_json::json;
use tokio::net::TcpStream;

use super::look::home;
use crate::args::Speak;
use crate::clock;
use crate::exit::{Exit, Result};
use crate::output::Output;
use crate::render::{Line, Style};

/// Whoever is near answers within this time.
const NEAR: Duration = Duration::from_secs(5);

/// Tries all doors and reports, when it is time.
pub async fn report(path: &Path, speak: &Speak, output: &Output) -> Result<Exit> {
    let mut profile = Profile::load(path)?;
    let now = clock::now();
    let mut page = output.page();
    let Some(epoch) = is_time(&profile, now)? else {
        let due = damm_client::due(&profile, now)?;
        page.say(format!("Its moment to report is {due}."));
        output.result("reported", json!({ "due": due, "sent": false }), &page);
        return Ok(Exit::Done);
    };
    let said = say(&mut profile, epoch, speak).await;
    profile.save(path)?;
    let report = said?;
    let works = report.entries.iter().filter(|e| e.rcpt.is_some()).count();
    let text = format!("reported on {} doors, {works} work", report.entries.len());
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, text));
    let value = json!({ "sent": true, "doors": report.entries.len(), "work": works });
    output.result("reported", value, &page);
    Ok(Exit::Done)
}

/// Tries all doors that are or were told, and reports for a half hour.
pub async fn say(profile: &mut Profile, epoch: Epoch, speak: &Speak) -> Result<Report> {
    let now = clock::now();
    let dial = Real { patience: speak.ways.patience.to_std() };
    let home = home(&speak.ways);
    let ways = profile.all_ways(now)?;
    let nearby = nearby(speak.nearby);
    let (trials, near) = tokio::join!(try_all(&ways, profile, home, &dial, now), nearby);
    profile.learn(&trials);
    let report = told(profile, home, &trials, near, clock::now())?;
    send(profile, &report, speak.proxy.as_deref()).await?;
    profile.has_reported(epoch);
    Ok(report)
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
