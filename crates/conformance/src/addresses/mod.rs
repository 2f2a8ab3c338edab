//! Addresses.
#![allow(missing_docs, reason = "the cases' names are sentences")]

mod attaching;
mod faults;
mod having;

pub use attaching::*;
pub use faults::*;
pub use having::*;
