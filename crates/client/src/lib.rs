//! What a client does: it enrols once, fetches its catalogs wherever they lie, verifies them,
//! chooses front doors, and reports what worked. For apps to embed, and for `damm client`.
//!
//! ```text
//! Profile ── enrol ──> Assignment ── fetch ──> Catalog ── choose ──> doors ── try ──> Report
//!    └──────────────── one file, written whole or not at all ───────────────────────────┘
//! ```
//!
//! # Guarantees
//!
//! - The client's secret is drawn before anything is sent, and written down before: a lost answer
//!   costs nothing, and the same request again gives the same answer.
//! - A catalog is believed when the fleet's keys signed it, it is for one of the client's own
//!   buckets, it holds now, and no newer one was seen. Where it was fetched from is no matter: one
//!   place that lies, is stale or is down doesn't hurt as long as another works.
//! - A report goes out at the client's own moment of each half hour, whatever happened: when it is
//!   sent says nothing. Times and sizes in it are cut. What could not be sent is kept, and sent
//!   with the next, as long as it is heard.
//! - No secret is in an error or in debug output.
//!
//! # At the border
//!
//! Plain values and few functions, so that other languages can be given them: a [`Profile`] is a
//! JSON text, and so is a report. The clock is the caller's. What dials is behind [`Dial`], so an
//! app that has its own engines brings them.

mod choose;
mod controller;
pub mod dial;
mod enrol;
mod error;
mod export;
mod fetch;
mod file;
mod held;
mod place;
mod profile;
mod report;
mod trial;
mod unsent;

pub use choose::{Plan, STAGGER, plan};
pub use controller::Controller;
pub use dial::{Dial, Met, Real};
pub use error::Error;
pub use export::export;
pub use fetch::{Fetched, Places, fetch};
pub use held::Held;
pub use profile::{Known, Profile};
pub use report::{due, is_time, report};
pub use trial::{Trial, race, try_all};
pub use unsent::Unsent;
