//! Machines.
#![allow(missing_docs, reason = "the cases' names are sentences")]

mod faults;
mod life;
mod listing;
mod orders;

pub use faults::*;
pub use life::*;
pub use listing::*;
pub use orders::*;
