//! Decides the next blueprint from topology, inventory and verdicts. Pure.
//!
//! # Guarantees
//!
//! - The same situation and seed give the same plan, byte for byte.
//! - Every change has a [`Reason`](damm_fleet::Reason); every non-change that a reader would ask
//!   about has a [`WaitingOn`](damm_fleet::WaitingOn).
//! - [`lint()`] finds nothing in what [`plan()`] returns.

pub mod edit;
pub mod forecast;
pub mod lint;
pub mod plan;
pub mod report;

pub use edit::{Edit, Refusal, edit};
pub use forecast::{Forecast, forecast};
pub use lint::{Rule, Violation, lint};
pub use plan::{Plan, Situation, plan};
pub use report::{
    CatalogDiff, Changed, Cost, Counts, Decision, Halt, Item, PoolReport, Report, Survival,
    Survivors, Waiting,
};
