//! Decides the next blueprint from topology, inventory and verdicts. Pure.
//!
//! # Guarantees
//!
//! - The same situation and seed give the same plan, byte for byte.
//! - Every change has a [`Reason`](damm_fleet::Reason); every non-change that a reader would ask
//!   about has a [`WaitingOn`](damm_fleet::WaitingOn).
//! - [`lint()`] finds nothing in what [`plan()`] returns.

mod address;
pub mod age;
mod builder;
mod choose;
mod condition;
pub mod edit;
pub mod forecast;
pub mod lint;
mod lost_reasons;
pub mod plan;
mod policy;
mod pool;
pub mod report;
mod scene;
mod tally;

pub use edit::{Edit, Refusal, edit};
pub use forecast::{Forecast, destroys, forecast};
pub use lint::{Rule, Violation, lint};
pub use plan::{Plan, Situation, plan};
pub use report::{
    CatalogDiff, Changed, Cost, Counts, Decision, Halt, Item, PoolReport, Report, Survival,
    Survivors, Waiting,
};
pub use tally::survival;
