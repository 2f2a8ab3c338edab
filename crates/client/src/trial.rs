//! Trying doors.

use damm_fleet::{Network, Timestamp};
use damm_formats::Door;
use damm_protocol::Question;
use damm_protocol::evidence::{Attempt, Epoch, ReporterKey};
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;

use crate::choose::STAGGER;
use crate::dial::{Dial, Met};
use crate::profile::Profile;

/// A door, and what came of trying it.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The door.
    pub door: Door,
    /// What the client asked its node.
    pub question: Question,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub met: Met,
}

/// Tries doors in their order, each a while after the one before, until two are known to work: the
/// one to use, and one to keep in hand. Gives what was learned, those that work first.
pub async fn race(
    doors: &[Door],
    profile: &Profile,
    home: Network,
    dial: &dyn Dial,
    now: Timestamp,
) -> Vec<Trial> {
    let mut under_way = FuturesUnordered::new();
    let mut rest = doors.iter();
    let mut trials: Vec<Trial> = Vec::new();
    loop {
        let works = trials.iter().filter(|t| t.met.works()).count();
        if works >= 2 {
            break;
        }
        let next = rest.next();
        under_way.extend(next.map(|door| try_one(door, profile, home, dial, now)));
        let is_last = next.is_none();
        tokio::select! {
            Some(trial) = under_way.next() => trials.push(trial),
            () = tokio::time::sleep(STAGGER.to_std()), if !is_last => {}
            else => break,
        }
    }
    trials.sort_by_key(|trial| !trial.met.works());
    trials
}

/// Tries all doors at once.
pub async fn try_all(
    doors: &[Door],
    profile: &Profile,
    home: Network,
    dial: &dyn Dial,
    now: Timestamp,
) -> Vec<Trial> {
    join_all(doors.iter().map(|door| try_one(door, profile, home, dial, now))).await
}

async fn try_one(
    door: &Door,
    profile: &Profile,
    home: Network,
    dial: &dyn Dial,
    now: Timestamp,
) -> Trial {
    let epoch = Epoch::at(now);
    let attempt = Attempt { door: door.id, epoch, network: home };
    // Who has not enrolled has no door to try, so there is a key.
    let reporter = profile.assignment().map(|a| *a.reporter.as_bytes()).unwrap_or_default();
    let token = ReporterKey::new(reporter).token(&attempt);
    let question = Question { door: door.id, epoch, token };
    let met = dial.meet(door, &question).await;
    Trial { door: door.clone(), question, at: now, met }
}

impl Profile {
    /// Remembers what was learned of doors.
    pub fn learn(&mut self, trials: &[Trial]) {
        for Trial { door, at, met, .. } in trials {
            let Some(known) = self.doors.get_mut(&door.id) else { continue };
            match met.works() {
                true => (known.worked, known.misses) = (Some(*at), 0),
                false => {
                    (known.failed, known.misses) = (Some(*at), known.misses.saturating_add(1));
                }
            }
        }
    }
}
