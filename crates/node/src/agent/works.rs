//! What the agent works with: packets and services.

use std::collections::BTreeSet;

use async_trait::async_trait;
use damm_protocol::{NodeConfig, Problem, Secret32};

use crate::dataplane::{Dataplane, Observation};
use crate::home::PublicParams;
use crate::service::Services;

/// What makes a server do what a config says. Everything that it sets up outlives the agent.
#[async_trait]
pub trait Works: Send + 'static {
    /// Makes the server do what a config says. It may be killed anywhere; the next call finishes.
    ///
    /// # Errors
    ///
    /// What is wrong; what could be done is done, and packets go nowhere they should not.
    async fn apply(&mut self, config: &NodeConfig) -> Result<(), Problem>;

    /// What goes on. Called every few seconds.
    async fn observe(&mut self) -> Observation;

    /// The kinds of transports that take connections.
    fn listening(&self) -> BTreeSet<String>;

    /// What clients need to know of the transports that this server can serve.
    fn transports(&self) -> PublicParams;
}

/// The real works.
#[derive(Debug)]
pub struct Machinery {
    dataplane: Dataplane,
    services: Services,
    overlay: Secret32,
}

impl Machinery {
    /// Of a server's data plane and its services, with its key in the overlay.
    pub const fn new(dataplane: Dataplane, services: Services, overlay: Secret32) -> Self {
        Self { dataplane, services, overlay }
    }
}

#[async_trait]
impl Works for Machinery {
    /// Packets first: no service runs before what keeps its packets from leaving the wrong way,
    /// and each finds the addresses and interfaces that it is to use.
    async fn apply(&mut self, config: &NodeConfig) -> Result<(), Problem> {
        let applied = self.dataplane.apply(config, &self.overlay).await;
        applied.map_err(|e| problem("packets", &e))?;
        self.services.apply(config).await.map_err(|e| problem("services", &e))
    }

    async fn observe(&mut self) -> Observation {
        let seen = self.dataplane.observe().await;
        let mut seen = seen.unwrap_or_else(|e| Observation {
            problems: vec![problem("packets", &e)],
            ..Observation::default()
        });
        seen.problems.extend(self.services.health().await);
        seen
    }

    fn listening(&self) -> BTreeSet<String> {
        self.services.listening()
    }

    fn transports(&self) -> PublicParams {
        self.services.public_params().clone()
    }
}

/// With the errors behind it, which say what the system answered.
fn problem(part: &str, error: &dyn std::error::Error) -> Problem {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    Problem { part: part.to_owned(), message }
}
