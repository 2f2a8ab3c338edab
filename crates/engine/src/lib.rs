//! Carries a blueprint out: actions, steps, ledger, inventory, publishing.

pub mod bootstrap;
