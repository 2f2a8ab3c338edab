//! Carries a blueprint out: actions, steps, ledger, inventory, publishing.

pub mod bootstrap;
pub mod due;
pub mod guard;
pub mod patience;
pub mod sight;
pub mod step;
