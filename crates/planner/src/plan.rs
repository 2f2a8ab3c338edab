//! The policy.

use damm_fleet::{Blueprint, Diff, Inventory, Offers, Seed, Timestamp, Topology, Verdicts};
use serde::{Deserialize, Serialize};

use crate::report::Report;

/// All that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What the operator wants.
    pub topology: &'a Topology,
    /// The current target.
    pub parent: &'a Blueprint,
    /// What was last observed.
    pub inventory: &'a Inventory,
    /// What providers can do and charge.
    pub offers: &'a Offers,
    /// What is known of front doors' reachability.
    pub verdicts: &'a Verdicts,
    /// The moment.
    pub now: Timestamp,
    /// Servers and addresses that earlier plans of the same run took down; they count against
    /// `max_destroys_per_plan`, so that a run of plans does not get round it.
    pub destroys_used: u32,
}

/// The next blueprint, with what changes and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The next desired state. When `diff` is empty it equals its parent but for its header.
    pub blueprint: Blueprint,
    /// What differs from its parent.
    pub diff: Diff,
    /// What changes, what waits, and why.
    pub report: Report,
}

/// Decides the next blueprint.
pub fn plan(situation: &Situation<'_>, seed: Seed) -> Plan {
    let _ = (situation, seed);
    unimplemented!()
}
