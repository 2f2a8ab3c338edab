//! What every adapter is held to, written against the traits of `damm-clouds` alone.
//!
//! # How to hold a vendor to it
//!
//! Make a type that stands for a fresh, empty account (the embedded cloud, a double, a real server
//! that the test started), implement [`Vendor`] for it, and of [`CloudVendor`], [`DnsVendor`] and
//! [`BalancerVendor`] what it has. Then name the cases; each becomes a test with an account of its
//! own:
//!
//! ```ignore
//! struct Hetzner { front: Front, clock: ManualClock, /* ... */ }
//!
//! #[async_trait]
//! impl Vendor for Hetzner { /* ... */ }
//! #[async_trait]
//! impl CloudVendor for Hetzner { /* ... */ }
//!
//! mod as_it_comes {
//!     use super::*;
//!
//!     async fn fresh() -> Hetzner { Hetzner::fresh() }
//!
//!     damm_conformance::machines!(fresh());
//!     damm_conformance::addresses!(fresh());
//! }
//! ```
//!
//! The test's package needs `tokio` with `macros` among its dev-dependencies. The macros can be
//! used in as many modules of a file as there are ways to set the vendor up.
//!
//! # What is left out, and how it is said
//!
//! A case about a [`Trouble`] that the vendor does not [make](Vendor::makes), a quota that it has
//! not, or a thing that its [`Capabilities`](damm_fleet::Capabilities) lack returns at once, and
//! prints why. A real server that is known not to do as the vendor does is
//! [excused](Vendor::excuses) from a case by its name, with the reason. Nothing else is left out.
#![allow(clippy::unwrap_used, reason = "these are tests, kept where several rooms can use them")]

pub mod addresses;
pub mod balancers;
mod bench;
mod lists;
pub mod machines;
pub mod names;
mod vendor;

pub use bench::{Bench, FLEET, SECRET, tag};
pub use vendor::{Aim, BalancerVendor, CloudVendor, DnsVendor, Trouble, Vendor};
