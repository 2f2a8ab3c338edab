//! The desired life of a node, a front door or an egress address.

use serde::{Deserialize, Serialize};

use crate::reason::Reason;
use crate::time::Timestamp;

/// Where in its life something is meant to be. Only the planner and the operator's verbs move it.
///
/// ```text
/// Building ──Verified──> Live ──Drain──> Draining ──Leave──> Leaving ──(seen gone)──> removed
///     └───────────────────Leave──────────────────────────────────^
/// ```
///
/// A live thing may leave without a drain only when nothing is left to drain: it is dead or never
/// joined. What is `Leaving` stays in the blueprint until its provider no longer shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// To be made, bootstrapped and verified; told to nobody.
    Building,
    /// Verified. Whether clients are told of it is the node's [`Duty`](crate::Duty).
    Live {
        /// When it was verified.
        since: Timestamp,
    },
    /// No new sessions; established ones live on until they end or the deadline comes.
    Draining {
        /// When new sessions stopped.
        since: Timestamp,
        /// When waiting for sessions ends.
        deadline: Timestamp,
        /// Why it drains.
        why: Reason,
    },
    /// To be taken down and given back to the provider.
    Leaving {
        /// When that was decided.
        since: Timestamp,
        /// Why it leaves.
        why: Reason,
    },
}

/// What can happen to a [`Stage`].
#[derive(Debug, Clone, PartialEq)]
pub enum StageEvent {
    /// It was probed, bootstrapped and its agent has joined.
    Verified {
        /// When.
        at: Timestamp,
    },
    /// It takes no new sessions from now on.
    Drain {
        /// When.
        at: Timestamp,
        /// When waiting for sessions ends.
        deadline: Timestamp,
        /// Why.
        why: Reason,
    },
    /// It is to be taken down.
    Leave {
        /// When.
        at: Timestamp,
        /// Why.
        why: Reason,
    },
}

/// A stage can't take this event; a programming error in whoever sent it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("a {stage} one can't be {event}")]
pub struct IllegalStage {
    /// The stage's name.
    pub stage: &'static str,
    /// The event's name.
    pub event: &'static str,
}

impl Stage {
    /// The stage after an event.
    ///
    /// # Errors
    ///
    /// [`IllegalStage`] for a pair that is not in the picture above.
    pub fn next(&self, event: StageEvent) -> Result<Self, IllegalStage> {
        use StageEvent as E;
        match (self, event) {
            (Self::Building, E::Verified { at }) => Ok(Self::Live { since: at }),
            (Self::Live { .. }, E::Drain { at, deadline, why }) => {
                Ok(Self::Draining { since: at, deadline, why })
            }
            // A second reason may only bring the deadline forward: a door found burned while it
            // drains for age.
            (Self::Draining { since, deadline: old, .. }, E::Drain { deadline, why, .. })
                if deadline < *old =>
            {
                Ok(Self::Draining { since: *since, deadline, why })
            }
            (Self::Building | Self::Live { .. } | Self::Draining { .. }, E::Leave { at, why }) => {
                Ok(Self::Leaving { since: at, why })
            }
            (stage, event) => Err(IllegalStage { stage: stage.name(), event: event.name() }),
        }
    }

    /// The stage in one word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Live { .. } => "live",
            Self::Draining { .. } => "draining",
            Self::Leaving { .. } => "leaving",
        }
    }

    /// Whether it is verified and takes new sessions.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Whether it is to be made.
    pub const fn is_building(&self) -> bool {
        matches!(self, Self::Building)
    }

    /// Whether it takes no new sessions.
    pub const fn is_draining(&self) -> bool {
        matches!(self, Self::Draining { .. })
    }

    /// Whether it is to be taken down.
    pub const fn is_leaving(&self) -> bool {
        matches!(self, Self::Leaving { .. })
    }
}

impl StageEvent {
    const fn name(&self) -> &'static str {
        match self {
            Self::Verified { .. } => "verified",
            Self::Drain { .. } => "drained",
            Self::Leave { .. } => "made to leave",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1_000)
    }

    fn drain(deadline: i64) -> StageEvent {
        StageEvent::Drain { at: at(1), deadline: at(deadline), why: Reason::Operator }
    }

    #[test]
    fn what_was_never_verified_does_not_drain() {
        assert!(Stage::Building.next(drain(5)).is_err());
    }

    #[test]
    fn a_drain_deadline_only_comes_nearer() {
        let draining = Stage::Live { since: at(0) }.next(drain(10)).unwrap();
        assert!(draining.next(drain(20)).is_err());
        let sooner = draining.next(drain(5)).unwrap();
        assert!(matches!(sooner, Stage::Draining { deadline, .. } if deadline == at(5)));
    }

    #[test]
    fn what_leaves_never_comes_back() {
        let leave = StageEvent::Leave { at: at(2), why: Reason::Operator };
        let leaving = Stage::Building.next(leave.clone()).unwrap();
        assert!(leaving.next(StageEvent::Verified { at: at(3) }).is_err());
        assert!(leaving.next(leave).is_err());
    }
}
