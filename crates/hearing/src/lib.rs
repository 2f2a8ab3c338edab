//! Which reports of clients count, and for how much. Pure.
//!
//! A [`Report`](damm_protocol::evidence::Report) comes in from a network; what is believed of it
//! goes on to [`Reach`](damm_reach::Reach). Here its tokens and receipts are checked, each token is
//! spent, and the client's number is replaced by one that nobody can trace back.
//!
//! # What counts
//!
//! - An entry whose token is the client's own, for a door that the client was told of; once in an
//!   epoch, and within ten minutes of the client's own moment in it. So all speak equally often,
//!   and those who lie together can't do so all at once.
//! - As a success only with the receipt of the door's own node.
//! - From the network that the sender was seen in; as claimed when nobody could see it, and then
//!   only within the client's population, else as of an unknown network of its country.
//! - From new credentials only so many failures at a time, [`rush`]: whoever enrols a thousand
//!   clients in an afternoon can't convict a door in a minute.
//!
//! # Guarantees
//!
//! - Constant time for an entry, and bounded memory: what would go beyond is not counted.
//! - Nothing is kept of a client but keyed numbers, in memory alone: which tokens are spent, for
//!   three epochs. Numbers of reporters change every half day.
//! - The answer to a report never depends on which entries counted; see [`Heard`].
//! - The same calls in the same order count the same.
//!
//! # Caveats
//!
//! - After a restart tokens of the last hour can be spent once more, and a reporter has another
//!   number: one report more for each client and door.
//! - A receipt proves the node, not by which of its addresses the client came.

mod hearing;
mod meaning;
mod numbers;
mod roll;
pub mod rush;
mod spent;

pub use hearing::{Heard, Hearing};
pub use roll::{Member, Roll, Sender};
