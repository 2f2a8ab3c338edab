//! `damm demo`: a fleet's whole life, told line by line.
//!
//! Nothing here is acted: the planner, the engine, the ledger, the catalogs and the detector are
//! the real ones, on the embedded cloud and a clock that is moved by hand; clients report with the
//! tokens and receipts of real ones.

mod acts;
mod client;
mod crowd;
mod tally;
mod theatre;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use damm_clouds::ManualClock;
use damm_engine::Listener;
use damm_fleet::{Seed, Span, Timestamp};

use crate::args::{Demo, Global};
use crate::commands::init;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::topology_file::TopologyFile;
use crate::workbench::{Setup, Workbench};
use crate::{clock, state};
use theatre::Theatre;

/// The fleet of the demo.
const TOPOLOGY: &str = include_str!("topology.json");
/// About 45 lines then take a bit more than 20 seconds.
const PACE: Span = Span::from_millis(500);
/// No play is longer, so that its clock never runs ahead of the machine's.
const LENGTH: Span = Span::from_days(14);

/// Plays a fleet's life.
pub async fn run(args: &Demo, global: &Global, output: &Output) -> Result<Exit> {
    let stage = Stage::set(args)?;
    let start = midnight(clock::now() - LENGTH);
    let hands = ManualClock::at(start);
    let file = TopologyFile::read(&stage.dir.join("topology.json"), output)?;
    let path = match &global.state {
        Some(told) => state::path(Some(told), None)?,
        None => stage.dir.join("damm.db"),
    };
    let mut play = 0;
    let seed = args.seed;
    let setup = Setup {
        file,
        state: path,
        base: stage.dir.clone(),
        clock: Arc::new(hands.clone()),
        seeds: Box::new(move || {
            play += 1;
            Seed::from_number(seed.wrapping_mul(1_000_003).wrapping_add(play))
        }),
        listener: Listener::default(),
    };
    let bench = Workbench::open(setup).await?;
    bench.remember_topology().await?;
    let mut theatre = Theatre::new(&bench, hands, pace(args, output), *output);
    let played = acts::play(&mut theatre, &stage).await;
    let tally = match played {
        Ok(()) => tally::of(&theatre).await,
        Err(failure) => Err(failure),
    };
    let told = tally.and_then(|tally| tally::tell(&tally, &theatre, &stage));
    if stage.is_kept() && told.is_ok() {
        theatre.catch_up(clock::now()).await?;
    }
    if let Some(crowd) = theatre.crowd.take() {
        crowd.leave().await;
    }
    bench.close().await?;
    told
}

/// The moment's day, at midnight.
fn midnight(at: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400_000;
    Timestamp::from_millis(at.as_millis().div_euclid(DAY) * DAY)
}

fn pace(args: &Demo, output: &Output) -> Duration {
    let shown = std::io::stdout().is_terminal() && !output.json();
    match (args.pace, args.fast || !shown) {
        (Some(pace), _) => pace.to_std(),
        (None, true) => Duration::ZERO,
        (None, false) => PACE.to_std(),
    }
}

/// The directory of a play.
pub struct Stage {
    dir: PathBuf,
    /// Removed with all that is in it at the end, unless it is the operator's own.
    _temporary: Option<tempfile::TempDir>,
}

impl Stage {
    fn set(args: &Demo) -> Result<Self> {
        let io = |p: &Path| {
            let p = p.to_owned();
            move |e: std::io::Error| Failure::io("write to", &p, &e)
        };
        let (dir, temporary) = match &args.dir {
            Some(dir) => {
                std::fs::create_dir_all(dir).map_err(io(dir))?;
                (dir.clone(), None)
            }
            None => {
                let made = tempfile::Builder::new().prefix("damm-demo-").tempdir();
                let made = made.map_err(io(&std::env::temp_dir()))?;
                (made.path().to_owned(), Some(made))
            }
        };
        init::place_topology(&dir, TOPOLOGY, "demo")?;
        Ok(Self { dir, _temporary: temporary })
    }

    /// Where catalogs are published.
    fn published(&self) -> PathBuf {
        self.dir.join("published")
    }

    /// Whether it stays.
    const fn is_kept(&self) -> bool {
        self._temporary.is_none()
    }
}
