//! Why nothing can be written.

use damm_fleet::Timestamp;

use crate::format::Format;

/// Why nothing can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalog does not hold at this moment.
    #[error("the catalog holds from {from} until {until}, and it is {now}: fetch a newer one")]
    NotHolding {
        /// From when it holds.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
        /// The moment that was asked for.
        now: Timestamp,
    },
    /// The format has no words for any door of the catalog.
    #[error("no door of this catalog can be told in the format {format}: choose another format")]
    NoDoor {
        /// The format.
        format: Format,
    },
    /// There is no door of this number.
    #[error("there are {have} doors for the format {format}, and number {wanted} is wanted")]
    NoSuchDoor {
        /// The format.
        format: Format,
        /// The number that was asked for.
        wanted: u16,
        /// How many there are.
        have: usize,
    },
}
