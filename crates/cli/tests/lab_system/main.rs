//! The whole system in the lab: a controller, its nodes, real clients of every transport, real
//! packets. Needs root, and the clients' programs: `scripts/setup test` installs them. Without they
//! are skipped.
//!
//! All tests share one fleet, one after the other, and each leaves it so that the next can use it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod clients;
mod replacement;
mod rotation;
mod stage;
mod traffic;
mod wire;
mod witness;
