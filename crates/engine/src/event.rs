//! What happens, as it happens: for progress bars, logs and demos.

use std::fmt;
use std::sync::Arc;

use damm_assign::Turn;
use damm_fleet::{
    BlueprintId, FailureClass, Phase, PopulationName, ProviderName, RegionName, Subject, Timestamp,
};
use damm_store::Lag;

use crate::step::Step;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A wave of steps is due.
    Due {
        /// How many.
        steps: usize,
    },
    /// A step was written down, and its call is made now.
    Began {
        /// The step.
        step: Step,
    },
    /// A step was done.
    Done {
        /// The step.
        step: Step,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: Step,
        /// What that means for the world.
        class: FailureClass,
        /// The provider's words.
        message: String,
    },
    /// A step was not made, because it would have broken a rule.
    Breach {
        /// Which, in a sentence.
        what: String,
    },
    /// A row came to another phase by being looked at.
    Observed {
        /// What it is about.
        subject: Subject,
        /// What it was.
        from: Phase,
        /// What it is.
        to: Phase,
    },
    /// An account could not be listed.
    Unlisted {
        /// The account.
        provider: ProviderName,
        /// Its words.
        message: String,
    },
    /// Something with our tag, or where none can carry one, was seen that no living row holds.
    Stray {
        /// The account that shows it.
        provider: ProviderName,
        /// The provider's name for it.
        provider_ref: String,
        /// Whether the ledger ever knew it.
        ever_known: bool,
    },
    /// A region's catalogs were published.
    Published {
        /// The region.
        region: RegionName,
        /// Catalogs that were written.
        written: usize,
        /// Catalogs that had not changed.
        unchanged: usize,
    },
    /// Buckets of clients were split, or made one again, for what was blocked.
    Judged {
        /// Whose.
        population: PopulationName,
        /// What became of them.
        turn: Turn,
    },
    /// A channel could not be brought up to date. It is tried again.
    Lags {
        /// Which.
        channel: String,
        /// With which region.
        region: RegionName,
        /// Since when, and why.
        lag: Lag,
    },
    /// A channel that lagged behind no longer does.
    CaughtUp {
        /// Which.
        channel: String,
        /// With which region.
        region: RegionName,
    },
    /// A blueprint became the target.
    Adopted {
        /// Which.
        blueprint: BlueprintId,
        /// Its generation.
        generation: u64,
        /// Entries that differ from its parent's.
        changes: usize,
    },
    /// Nothing can be done before that moment.
    Waiting {
        /// Until when.
        until: Timestamp,
    },
}

/// Whoever is told.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&Event) + Send + Sync>);

impl Listener {
    /// Calls `hear` for each event, in order, from the task that runs the engine: it has to be
    /// quick.
    pub fn new(hear: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(crate) fn tell(&self, event: &Event) {
        (self.0)(event);
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
