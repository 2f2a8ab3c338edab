//! The controller as others reach it: the agents' endpoint.

pub mod agents;
pub mod compose;
mod error;

pub use agents::{AgentsEndpoint, MixedAgents, Parts, Served};
pub use error::ServerError;
