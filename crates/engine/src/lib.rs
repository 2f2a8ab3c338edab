//! Carries a blueprint out: actions, steps, ledger, inventory, publishing.
//!
//! The engine is level-triggered. Its state is the target blueprint, one row for each thing at a
//! provider, and the ledger's open intents. [`Engine::refresh`] looks at the world,
//! [`Engine::pass`] makes one attempt at everything that is due, [`Engine::replan`] asks the
//! planner what should be next, and [`Engine::settle`] does all of that until nothing is left to
//! do. What a crash interrupts, [`Engine::recover`] takes up.

pub mod bootstrap;
mod call;
mod carry;
mod controller_key;
mod counting;
pub mod due;
mod effort;
mod engine;
mod error;
mod event;
mod family;
pub mod gate;
pub mod guard;
pub mod inventory;
pub mod keys;
mod outcome;
mod pass;
mod past;
pub mod patience;
mod publish;
mod recover;
mod refresh;
mod replan;
#[cfg(test)]
mod scene;
mod settle;
pub mod sight;
mod sim_storage;
pub mod splitting;
mod spread;
mod step;
mod stop;
mod world;

pub use controller_key::ControllerKey;
pub use due::{Due, Held, Hold};
pub use effort::GivenUp;
pub use engine::{Engine, Parts};
pub use error::Error;
pub use event::{Event, Listener};
pub use guard::Breach;
pub use keys::{Keys, KeysError, NewKeys};
pub use pass::{Failed, Passed};
pub use publish::PublishError;
pub use refresh::Refreshed;
pub use settle::{Budget, Ended, Settled};
pub use sim_storage::InState;
pub use step::{Call, Step};
pub use stop::Stop;
