//! What stops the engine.

use damm_fleet::resource::IllegalPhase;
use damm_planner::Violation;

use crate::keys::KeysError;

/// What stops the engine. What stops only one step is an [`Event`](crate::Event) and a line of the
/// summary instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The state can't be read or written. Nothing is done without it.
    #[error(transparent)]
    Store(#[from] damm_store::Error),
    /// A row was observed as something that it can't be.
    #[error("programming error: {0}; please report it, with the ledger of what it names")]
    Illegal(#[from] IllegalPhase),
    /// The planner made a plan that breaks a rule.
    #[error(
        "the plan breaks {}; it was not adopted and nothing was changed",
        .0.first().map_or_else(String::new, ToString::to_string)
    )]
    Unlawful(Vec<Violation>),
    /// A plan's report can't be stored; a programming error.
    #[error("programming error: a plan's report can't be written as JSON; please report it")]
    Report(#[source] serde_json::Error),
    /// Keys are missing or not kept safe.
    #[error(transparent)]
    Keys(#[from] KeysError),
}
