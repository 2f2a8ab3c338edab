//! What a data plane sees of itself.

use std::collections::BTreeMap;

use damm_fleet::{NodeId, Subject};
use damm_protocol::{Counters, OverlayMode, PeerHealth, Problem};
use serde::{Deserialize, Serialize};

/// Counts and health, never clients: parts of a [`Report`](damm_protocol::Report).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Live sessions, for each front door and egress address.
    pub sessions: BTreeMap<Subject, u64>,
    /// An ingress' live sessions, for each egress node.
    pub towards: BTreeMap<NodeId, u64>,
    /// Bytes and new sessions since the server booted, for each front door and egress address.
    pub counters: BTreeMap<Subject, Counters>,
    /// Connections that could not be begun, since the server booted.
    pub unbegun: u64,
    /// How the overlay's peers are.
    pub peers: BTreeMap<NodeId, PeerHealth>,
    /// How the overlay is run.
    pub overlay: OverlayMode,
    /// What is wrong.
    pub problems: Vec<Problem>,
}
