//! Typed failures of calls to providers.

use damm_fleet::{FailureClass, Span};

/// A call to a provider that failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{provider}: {operation}: {message}")]
pub struct Error {
    /// What the failure means for the world, and so what happens next.
    pub class: FailureClass,
    /// The account's name in the topology.
    pub provider: String,
    /// What was tried, in a few words.
    pub operation: &'static str,
    /// The provider's words, cut to a readable length, with no secret in them.
    pub message: String,
    /// How long the provider asks to be left alone; for `Throttled` and `Busy`.
    pub retry_after: Option<Span>,
}
