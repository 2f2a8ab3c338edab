//! What a fuzzer holds damm's readers against: functions of bytes that panic when a promise is
//! broken.
//!
//! Two programs call them. `scripts/fuzz` lets libFuzzer look for bytes that reach new code, for as
//! long as one likes; and the test `crates/fuzz/tests/corpus.rs` runs all bytes that were ever kept
//! in `crates/fuzz/corpus`, in each `cargo test`.
//!
//! Each [`Target`] takes bytes in two ways: as they are, and as a list of changes to something
//! valid ([`change::changed`]), since no chance ever finds a signature.

#![allow(clippy::unwrap_used, reason = "what does not work here is what was looked for")]

pub mod change;
mod clients;
mod evidence;
mod formats;
mod hearing;
mod operator;
mod signed;

#[allow(missing_docs, clippy::panic, reason = "they are written as tests of damm-formats")]
#[path = "../../formats/tests/readers/mod.rs"]
mod readers;
#[allow(missing_docs, reason = "it is written as a test of damm-formats")]
#[path = "../../formats/tests/world/mod.rs"]
mod world;

/// A reader, or some that belong together, and what they promise.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Panics when these bytes break a promise.
    pub run: fn(&[u8]),
    /// Bytes to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 12] = [
    Target { name: "report", run: evidence::report, seeds: evidence::report_seeds },
    Target { name: "token", run: evidence::token, seeds: evidence::token_seeds },
    Target { name: "hearing", run: hearing::hearing, seeds: hearing::seeds },
    Target { name: "catalog", run: signed::catalog, seeds: signed::catalog_seeds },
    Target { name: "sealed", run: signed::sealed, seeds: signed::sealed_seeds },
    Target { name: "formats", run: formats::formats, seeds: formats::seeds },
    Target { name: "wanted", run: formats::wanted, seeds: formats::wanted_seeds },
    Target { name: "enrol", run: clients::enrol, seeds: clients::enrol_seeds },
    Target { name: "texts", run: clients::texts, seeds: clients::texts_seeds },
    Target { name: "agents", run: operator::agents, seeds: operator::agents_seeds },
    Target { name: "topology", run: operator::topology, seeds: operator::topology_seeds },
    Target { name: "origins", run: operator::origins, seeds: operator::origins_seeds },
];
