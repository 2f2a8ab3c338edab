//! Half hours, which tokens are made for.

use damm_fleet::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// The half hours since 1970, counted from 0. A client says of each of its doors one thing in each:
/// who says more often counts no more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Epoch(u32);

impl Epoch {
    /// How long one lasts.
    pub const LENGTH: Span = Span::from_mins(30);

    /// The epoch of a number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The epoch that holds a moment; what lies before 1970 is in the first.
    pub fn at(now: Timestamp) -> Self {
        let number = now.as_millis().max(0) / Self::LENGTH.as_millis() as i64;
        Self(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// When it begins.
    pub fn begins(self) -> Timestamp {
        Timestamp::from_millis(i64::from(self.0) * Self::LENGTH.as_millis() as i64)
    }

    /// For so long after it was due a report is taken: it may take a few tries to get it through.
    pub const GRACE: Span = Span::from_mins(10);

    /// For so long before it is due: clocks differ.
    const EARLY: Span = Span::from_mins(2);

    /// Whether a report is taken at a moment that was due at another.
    pub fn is_heard(due: Timestamp, now: Timestamp) -> bool {
        due - Self::EARLY <= now && now <= due + Self::GRACE
    }

    /// Whether tokens of this epoch have to be remembered at a moment, as some may still come.
    pub fn is_taken(self, now: Timestamp) -> bool {
        self.0.abs_diff(Self::at(now).0) <= 1
    }
}
