//! Reports of clients in, verdicts out: what works where, and what a censor stopped. Pure.
//!
//! # How
//!
//! A cell is one front door as seen from one client network, a country and an autonomous system.
//! Each report moves its score: evidence for a block over a baseline that comes from the network
//! itself ([`score`]). The same score is kept over a country, over all networks of it. Once a
//! minute [`Reach::tick`] judges.
//!
//! A cell is called blocked only while its door is known to be up elsewhere, and
//! - its own score reaches the threshold, and enough reporters spoke, or
//! - its country's score does, or two more of the country's networks are blocked, and its own shows
//!   odds of 55 to 1 (of 10 to 1 where both hold), or
//! - vantage points agree, and what is left to the threshold comes from clients, or
//! - reports that it should have had, going by the rest of its network, no longer come.
//!
//! What a door stops in half of the other countries too is its own trouble, and no censor's: it is
//! put on top of what is usual, as an ISP's brownout is. A door that fails in most countries at
//! once is given five minutes to miss its heartbeats before anything is called a block.
//!
//! # What lies cost
//!
//! - A success counts only if the node saw it, so saying that all is well hides no block.
//! - A credential that reports more often than others counts so much less, and a failure of
//!   one that failed in the same cell before, and did not get through since, counts half.
//! - A new credential counts a quarter of an old one.
//! - Both hypotheses allow for a share of liars. The score falls as long as fewer than about
//!   45 % of the counted reporters lie.
//!
//! # Guarantees
//!
//! - Constant time for a report; 64 bytes and a place for a cell.
//! - The same calls in the same order give the same verdicts, also over a restart.
//! - Nothing leaves of a cell with fewer than `k` reporters: it is told as its country is, or not.
//!   What is written down is [`Reach::without_few`].
//! - False alarms by a cell's own score: at most `reports * e^-h` a day, over all cells together,
//!   whatever depends on what, as long as no more than the allowed share lies.
//!
//! # Caveats
//!
//! - What fails for an honest reason that neither the network's other doors nor a heartbeat show is
//!   no false alarm to the bound, and may still be called a block.
//! - A country's score adds as many false alarms again at most, but one of them can touch all
//!   of its networks.

mod around;
mod bytes;
mod cell;

mod door;
mod few;
mod fixed;
mod ground;
mod judge;
mod ladder;
mod pool;
mod report;
mod room;
pub mod score;
mod settings;
mod shared;
mod snapshot;
mod told;
mod voice;
mod weather;
mod window;

pub use ground::{Aspect, Hours, choose};
pub use judge::Change;
pub use ladder::{ONE_CANARY_IN, RECHECKS, Step, is_canary, rechecks};
pub use report::{Age, FREEZE_BYTES, Ignored, Outcome, Probe, Report, Reporter, Standing, Taken};
pub use room::Reach;
pub use settings::Settings;
pub use snapshot::BadSnapshot;
pub use told::{AtLeast, Evidence, Finding, Place};
