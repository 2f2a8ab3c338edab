//! What the agent tells the witness.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use damm_fleet::FrontdoorId;
use damm_protocol::evidence::WitnessKey;
use serde::{Deserialize, Serialize};

/// What the agent tells the witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where it listens. The addresses need not be there yet.
    pub at: Vec<SocketAddr>,
    /// What it signs with.
    pub key: WitnessKey,
    /// The doors that it signs for.
    pub doors: BTreeSet<FrontdoorId>,
}
