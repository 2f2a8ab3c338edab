//! Which config is applied, and when again.

use std::sync::Arc;

use damm_fleet::Timestamp;
use damm_protocol::{NodeConfig, Problem};

use super::pace::{Backoff, Pace};

/// Which config is applied, and when again.
#[derive(Debug)]
pub(super) struct Applying {
    /// What should be applied.
    want: Option<Arc<NodeConfig>>,
    /// What worked before the agent's last start, when it is another.
    spare: Option<Arc<NodeConfig>>,
    /// What was applied last.
    done: Option<Arc<NodeConfig>>,
    /// What is being applied, and since when.
    busy: Option<(Arc<NodeConfig>, Timestamp)>,
    /// Nothing is begun before.
    due: Timestamp,
    backoff: Backoff,
    problem: Option<Problem>,
}

impl Applying {
    /// Begins with what was held, and with what was applied in reserve.
    pub(super) fn new(
        held: Option<NodeConfig>,
        applied: Option<NodeConfig>,
        seed: u64,
        now: Timestamp,
    ) -> Self {
        let spare = applied.filter(|a| held.as_ref().is_some_and(|h| h != a)).map(Arc::new);
        let (want, backoff) = (held.map(Arc::new), Backoff::new(seed));
        Self { want, spare, done: None, busy: None, due: now, backoff, problem: None }
    }

    /// What should be applied.
    pub(super) const fn wanted(&self) -> Option<&Arc<NodeConfig>> {
        self.want.as_ref()
    }

    /// What was applied last.
    pub(super) const fn done(&self) -> Option<&Arc<NodeConfig>> {
        self.done.as_ref()
    }

    /// What went wrong the last time.
    pub(super) const fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// Since when something is being applied.
    pub(super) fn busy_since(&self) -> Option<Timestamp> {
        self.busy.as_ref().map(|(_, since)| *since)
    }

    /// When there is something to begin, unless something happens before.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        (self.busy.is_none() && self.want.is_some()).then_some(self.due)
    }

    /// A newer config has come.
    pub(super) fn want(&mut self, config: Arc<NodeConfig>, now: Timestamp) {
        self.want = Some(config);
        self.backoff.worked();
        self.due = now;
    }

    /// What to begin now.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Arc<NodeConfig>> {
        if self.busy.is_some() || now < self.due {
            return None;
        }
        // The newest failed and nothing runs: what worked before serves until it can be mended.
        let serves = self.done.is_none() && self.backoff.failures() > 0;
        let spare = self.spare.take_if(|_| serves);
        let config = spare.or_else(|| self.want.clone())?;
        self.busy = Some((Arc::clone(&config), now));
        Some(config)
    }

    /// What was begun has ended. Returns the config that is in force from now on, if it was not.
    pub(super) fn ended(
        &mut self,
        ended: Result<(), Problem>,
        pace: &Pace,
        now: Timestamp,
    ) -> Option<Arc<NodeConfig>> {
        let (config, _) = self.busy.take()?;
        let current = self.want.as_ref().is_some_and(|w| Arc::ptr_eq(w, &config));
        if let Err(problem) = ended {
            self.problem = Some(problem);
            // A newer one may have come meanwhile: it is tried at once.
            let again = self.backoff.failed(now, pace.retry);
            self.due = if current && self.spare.is_none() { again } else { now };
            return None;
        }
        self.spare = None;
        if current {
            self.problem = None;
            self.backoff.worked();
            self.due = now + pace.again;
        } else {
            self.due = if self.problem.is_some() { now + pace.retry.1 } else { now };
        }
        let changed = self.done.as_ref().is_none_or(|d| **d != *config);
        self.done = Some(Arc::clone(&config));
        changed.then_some(config)
    }
}
