//! Fetching, trying and reporting again and again.

use std::path::Path;

use damm_client::{Profile, is_time};
use damm_engine::Stop;
use damm_fleet::{Span, Timestamp};
use serde_json::json;

use super::look::fetched;
use super::speak::say;
use crate::args::Run;
use crate::exit::{Exit, Result};
use crate::output::Output;
use crate::progress::Progress;
use crate::render::{Line, Style};
use crate::{clock, interrupt};

/// What failed is tried again after this.
const AGAIN: Span = Span::from_secs(30);

/// Lives as a client until it is told to stop.
pub async fn run(path: &Path, args: &Run, output: &Output) -> Result<Exit> {
    let progress = Progress::new(output);
    let stop = Stop::default();
    let _watch = interrupt::watch(stop.clone(), None);
    let mut life = Life { path, args, progress: &progress, fetch_at: clock::now(), reports: 0 };
    let mut profile = Profile::load(path)?;
    life.note(format!("reports next at {}", damm_client::due(&profile, clock::now())?));
    while !stop.is_stopped() {
        let wait = life.turn(&mut profile).await?;
        tokio::select! {
            () = tokio::time::sleep(wait.to_std()) => {}
            () = stop.stopped() => {}
        }
    }
    progress.finish();
    let mut page = output.page();
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, "Stopped."));
    output.result("ran", json!({ "reports": life.reports }), &page);
    Ok(Exit::Done)
}

struct Life<'a> {
    path: &'a Path,
    args: &'a Run,
    progress: &'a Progress,
    fetch_at: Timestamp,
    reports: u64,
}

impl Life<'_> {
    /// Does what is due; the answer is how long to wait for the next.
    async fn turn(&mut self, profile: &mut Profile) -> Result<Span> {
        let ways = &self.args.speak.ways;
        if clock::now() >= self.fetch_at {
            let done = fetched(profile, ways).await;
            self.fetch_at = clock::now() + if done.is_ok() { self.args.every } else { AGAIN };
            match done {
                Ok(done) => done.failures.iter().for_each(|why| self.warn(why)),
                Err(failure) => self.warn(&failure.message),
            }
            profile.save(self.path)?;
        }
        if let Some(epoch) = is_time(profile, clock::now())? {
            match say(self.path, profile, epoch, &self.args.speak).await {
                Ok(report) => {
                    self.reports += 1;
                    let failed = report.entries.iter().any(|e| e.rcpt.is_none());
                    self.note(format!("reported on {} doors", report.entries.len()));
                    // There may be a catalog without what fails by now.
                    self.fetch_at = if failed { clock::now() } else { self.fetch_at };
                }
                Err(failure) => {
                    self.warn(&failure.message);
                    profile.save(self.path)?;
                    return Ok(AGAIN);
                }
            }
            profile.save(self.path)?;
        }
        let now = clock::now();
        let next = damm_client::due(profile, now)?.min(self.fetch_at);
        Ok(next.since(now).max(Span::from_secs(1)))
    }

    fn note(&self, text: String) {
        self.progress.say(&Line::of(Style::Dim, "… ").put(Style::Dim, text));
    }

    fn warn(&self, text: &str) {
        self.progress.say(&Line::of(Style::Warn, "! ").put(Style::Plain, text.to_owned()));
    }
}
