//! What clients say of front doors, and what gives it weight. Pure.
//!
//! # What a lie costs
//!
//! - A failure counts only with a [`Token`]: made from the client's own [`ReporterKey`] for one
//!   door, one [`Epoch`] and one network, and counted once. Who was never told of a door, or
//!   enrolled once and wants to speak twice, has none.
//! - A success counts only with a [`Receipt`]: the node signs the token, asked through the door.
//!   Nobody who is stopped at the door can show one, and nobody else can make one up.
//!
//! Both are HMAC-SHA-256, cut to 128 bits (RFC 2104, section 5): checked in about a microsecond
//! each, without asking any table. The same places could hold presentations of anonymous
//! credentials (RFC 9578, draft-ietf-privacypass-arc-crypto) once those are ready.
//!
//! # What a report says of its client
//!
//! The number of its credential, which its tokens are checked with, and the network that it stands
//! in. The controller keeps neither: it counts the report and forgets who sent it. A [`Report`] is
//! one request without cookies or headers that matter, so it can travel in an oblivious message
//! (RFC 9458) as it is.

mod coarse;
mod epoch;
mod key;
mod report;
mod wire;

pub use coarse::coarse;
pub use epoch::Epoch;
pub use key::{Attempt, Receipt, ReporterKey, Token, WitnessKey};
pub use report::{Around, Ending, Entry, NodeSaw, Phase, Report, VERSION};
pub use wire::{BadReport, MAX_BYTES, MAX_ENTRIES};
