//! What a data plane has to know of its own server.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use damm_protocol::OverlayMode;

/// The client side of the WireGuard transport: packets that come from it are clients'.
pub const CLIENT_TUNNEL: &str = "wg-c";
/// The overlay's interface on an egress node.
pub const EGRESS_OVERLAY: &str = "wg-in";

/// A server's own facts, which no controller knows.
#[derive(Clone)]
pub struct Local {
    /// The interface towards the internet; it holds front doors and egress addresses.
    pub uplink: String,
    /// The user that transports run as which end clients' connections here. It may send by the
    /// uplink in answer only.
    pub proxy_uid: u32,
    /// The user that the resolver runs as; its questions leave from egress addresses.
    pub resolver_uid: u32,
    /// How the overlay is run: see [`overlay_mode`](crate::dataplane::overlay_mode).
    pub mode: OverlayMode,
    /// Makes interfaces where the kernel has no WireGuard.
    pub starter: Arc<dyn WireguardStarter>,
}

/// Runs WireGuard interfaces in processes that outlive the agent.
#[async_trait]
pub trait WireguardStarter: Send + Sync {
    /// Makes sure that an interface of this name is there: nothing is done when it is.
    ///
    /// # Errors
    /// The reason, as a sentence.
    async fn ensure(&self, name: &str) -> Result<(), String>;

    /// Makes sure that there is none.
    ///
    /// # Errors
    /// The reason, as a sentence.
    async fn remove(&self, name: &str) -> Result<(), String>;
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("uplink", &self.uplink)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
