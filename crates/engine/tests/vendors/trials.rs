//! What a life is put through: faults on the way to the vendor, and crashes.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use damm_clouds::Error;
use damm_conformance::Trouble;
use damm_doubles::Odds;
use damm_fleet::topology::Dial;
use damm_store::Tripwire;
use tokio::sync::Semaphore;

use super::far::Far;
use super::support::crash::{Draw, Fuse};
use super::support::tap::{Tap, looks};

/// What can go wrong with a step.
pub const TROUBLES: [Trouble; 11] = [
    Trouble::LostAnswers,
    Trouble::FailedRequests,
    Trouble::FailedAnswers,
    Trouble::Throttling,
    Trouble::SilentThrottling,
    Trouble::TruncatedAnswers,
    Trouble::GarbledAnswers,
    Trouble::LateListings,
    Trouble::OutOfStock,
    Trouble::SlowDeletes,
    Trouble::Busy,
];

/// How often a fault comes to a request.
const ODDS: f64 = 0.15;

/// What goes wrong on the way to the vendor.
#[derive(Debug, Clone, Copy)]
pub enum Faults {
    /// Nothing.
    None,
    /// Whatever has bad luck with this seed, listings too.
    Odds(u64),
    /// Every step has a trouble, each in turn; the number tells which begins. All numbers below
    /// [`TROUBLES`]' count together put every step through every trouble.
    Steps(u64),
}

impl Faults {
    /// How many seeds differ in what they dial.
    pub const KINDS: u64 = 6;

    /// Dials them.
    pub fn turn(self, far: &Far) {
        match self {
            Self::Odds(seed) => far.turn(&odds(seed)),
            Self::None | Self::Steps(_) => far.turn(&Odds::default()),
        }
    }

    fn at(self, step: u64) -> Option<Trouble> {
        match self {
            Self::Steps(shift) => Some(TROUBLES[(step + shift) as usize % TROUBLES.len()]),
            _ => None,
        }
    }
}

/// Two faults that make each other worse, or are much alike, in turn by the seed.
fn odds(seed: u64) -> Odds {
    let mut odds = Odds { dial: Dial { seed, ..Dial::default() }, ..Odds::default() };
    let dial = &mut odds.dial;
    match seed % Faults::KINDS {
        // What is both made without an answer and shown late is what duplicates come from.
        0 => (dial.late_listing, dial.lost_response) = (2.0 * ODDS, ODDS),
        1 => (dial.error_before, dial.error_after) = (ODDS, ODDS),
        2 => (dial.throttled, dial.throttled_silent) = (ODDS, ODDS),
        3 => (odds.truncated, odds.garbled) = (ODDS, ODDS),
        4 => (dial.stuck_create, dial.out_of_stock) = (ODDS, ODDS),
        _ => (dial.slow_delete, dial.busy) = (2.0 * ODDS, ODDS),
    }
    odds
}

/// When processes die.
#[derive(Debug, Clone, Copy)]
pub enum Crashes {
    /// Never.
    None,
    /// Up to twice, anywhere among so many points.
    Some(u64),
    /// At every so-manieth point, from this one on. All beginnings together are every point.
    Every {
        /// The first point.
        first: u64,
        /// How far the next one is from it.
        stride: u64,
    },
}

impl Crashes {
    /// Crashes in a part that end it at last, so that something is finished.
    const MOST: usize = 60;

    /// After how many points each process of a part dies, and whether looks count for nothing.
    pub fn drawn(self, draw: &mut Draw) -> Vec<(u64, bool)> {
        match self {
            Self::None => vec![(0, true)],
            Self::Some(points) => {
                // A restart begins anew, so later crashes come sooner.
                let one = |n: u64| (1 + draw.below((points >> n).max(10)), draw.below(4) > 0);
                (0..2).map(one).collect()
            }
            Self::Every { first, stride } => {
                let rest = std::iter::repeat_n((stride, true), Self::MOST - 1);
                std::iter::once((first, true)).chain(rest).collect()
            }
        }
    }
}

/// Listens in on one process: lets it make one call at a time, so that a seed gives the same life
/// each time, dials what goes wrong with it, and counts until it dies.
///
/// A process dies after a change only, of the state or of the world outside: to die before the next
/// one leaves the same behind.
pub struct Trial {
    fuse: Arc<Fuse>,
    far: Arc<Far>,
    faults: Faults,
    steps: AtomicU64,
    one: Semaphore,
}

impl Trial {
    pub fn new(fuse: Arc<Fuse>, far: Arc<Far>, faults: Faults) -> Self {
        Self { fuse, far, faults, steps: AtomicU64::new(0), one: Semaphore::new(1) }
    }
}

/// The same for commits of the state.
pub fn tripwire(fuse: Arc<Fuse>) -> Tripwire {
    Tripwire::new(move |point| match point.starts_with("before") {
        true => fuse.is_dead(),
        false => fuse.burns(point.ends_with("put_reports")),
    })
}

#[async_trait]
impl Tap for Trial {
    async fn before(&self, call: &'static str) -> Option<Error> {
        self.one.acquire().await.unwrap().forget();
        if !looks(call) {
            let step = self.steps.fetch_add(1, Ordering::Relaxed);
            if let Some(trouble) = self.faults.at(step) {
                self.far.trouble(trouble);
            }
        }
        if self.fuse.is_dead() {
            pending::<()>().await;
        }
        None
    }

    async fn after(&self, call: &'static str) -> Option<Error> {
        if matches!(self.faults, Faults::Steps(_)) {
            self.far.trouble(Trouble::None);
        }
        let error = self.fuse.after(call).await;
        self.one.add_permits(1);
        error
    }
}
