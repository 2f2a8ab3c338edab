//! What would follow if all that a plan makes comes up well.

use damm_fleet::Seed;
use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Situation};
use crate::report::Report;

/// What would follow a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The reports of the plans that would follow at once, in order, if all that is made comes up
    /// well and nothing else happens. Empty when none would.
    pub then: Vec<Report>,
}

/// Plans on from a plan, as if all that it makes had been verified at once.
pub fn forecast(situation: &Situation<'_>, plan: &Plan, seed: Seed) -> Forecast {
    let _ = (situation, plan, seed);
    unimplemented!()
}
