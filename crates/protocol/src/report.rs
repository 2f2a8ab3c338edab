//! What an agent tells: counts and health, never clients.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{NodeId, Subject};
use serde::{Deserialize, Serialize};

/// What an agent last saw. It holds counts only: nothing in it tells one client from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The generation of the config that is applied; 0 before the first.
    pub applied: u64,
    /// That config's blueprint generation.
    pub orders: u64,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
    /// Addresses that were probed and found working, whether clients are told of them or not.
    pub verified: BTreeSet<Subject>,
    /// Live sessions, for each front door and egress address.
    pub sessions: BTreeMap<Subject, u64>,
    /// An ingress' live sessions, for each egress node.
    pub towards: BTreeMap<NodeId, u64>,
    /// Bytes and new sessions since the agent's server booted, for each front door and egress
    /// address.
    pub counters: BTreeMap<Subject, Counters>,
    /// Connections that could not be begun since the agent's server booted. On an egress node no
    /// port was free at the address that they should have left from: it needs more addresses. An
    /// older agent does not say.
    #[serde(default)]
    pub unbegun: u64,
    /// How the overlay's peers are.
    pub peers: BTreeMap<NodeId, PeerHealth>,
    /// How the overlay is run.
    pub overlay: OverlayMode,
    /// The agent's version.
    pub version: String,
}

/// What went through an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Sessions that began.
    pub sessions: u64,
    /// Bytes from clients.
    pub up: u64,
    /// Bytes to clients.
    pub down: u64,
}

/// How a peer of the overlay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerHealth {
    /// Nothing was sent to it yet.
    Idle,
    /// It answers.
    Up,
    /// It does not answer; it gets no new sessions until it does.
    Down,
}

/// How the overlay is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverlayMode {
    /// By the kernel.
    #[default]
    Kernel,
    /// By a process, where the kernel has no WireGuard.
    Userspace,
}

/// Something that is wrong on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What it is about, in one word: `overlay`, `nftables`, `transport`, `address`, `disk`, …
    pub part: String,
    /// A sentence, without secrets and without addresses of clients.
    pub message: String,
}
