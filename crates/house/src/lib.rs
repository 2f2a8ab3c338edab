//! The workspace's own rules, as functions from text to complaints; `tests/` holds them against
//! the workspace as it stands. Nothing else uses this crate.
//!
//! # Guarantees
//!
//! - A complaint says where (`path:line`), what the rule is, and what to do.
//! - Every check has a test on a sample that breaks its rule, so none can pass by looking at
//!   nothing.
//! - Nothing is fetched: cargo is asked with `--offline`.

pub mod licences;
pub mod manifest;
pub mod paths;
pub mod purity;
pub mod rooms;
pub mod shape;
pub mod spdx;
pub mod vendors;
pub mod words;
pub mod workspace;

/// What is wrong, one sentence each. Empty: nothing.
pub type Complaints = Vec<String>;
