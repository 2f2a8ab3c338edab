//! What bootstrap stamps into a new server.

use std::fmt;

use damm_fleet::{NodeId, Role};
use serde::{Deserialize, Serialize};

use crate::pin::Pin;

/// A new server's place in its fleet: `/etc/damm/node.json`, as bootstrap writes it. It holds a
/// one-time secret. Fields that are not here are for people to read, and ignored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The fleet's name.
    pub fleet: String,
    /// The node that this server is.
    pub node: NodeId,
    /// What it is for.
    pub role: Role,
    /// Where the controller is reached: `https://host:port`.
    pub controller: String,
    /// The only key that the controller may show.
    pub pin: Pin,
    /// Good for one join of this node.
    pub join_token: String,
}

impl fmt::Debug for Seat {
    /// Without the token: this text may reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("fleet", &self.fleet)
            .field("node", &self.node)
            .field("role", &self.role)
            .field("controller", &self.controller)
            .finish_non_exhaustive()
    }
}
