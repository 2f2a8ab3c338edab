//! What comes in and what goes out of the agent without hands.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use damm_fleet::Span;
use damm_protocol::{JoinAnswer, NodeConfig, Problem, Report, SyncAnswer};

use crate::dataplane::Observation;
use crate::home::{Joined, PublicParams};
use crate::link::LinkError;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Time went by.
    Tick,
    /// A join was answered.
    Joined(u64, Result<JoinAnswer, LinkError>),
    /// A sync was answered.
    Synced(u64, Result<SyncAnswer, LinkError>),
    /// A config was applied, or not; what clients need to know of transports now.
    Applied(Result<(), Problem>, PublicParams),
    /// The server was looked at; the kinds of transports that take connections.
    Observed(Box<Observation>, BTreeSet<String>),
    /// What the controller sees an address as.
    Echoed(IpAddr, Result<IpAddr, LinkError>),
    /// The state directory took what was given to it, or why not.
    Kept(Result<(), String>),
}

/// What to do. In the order in which it comes out.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// Ask to be let in; the number comes back with the answer.
    Join(u64),
    /// Ask for news; the number comes back with the answer.
    Sync(u64, Box<Ahead>),
    /// Give the request up that is under way.
    GiveUp,
    /// Number requests above this.
    Rise(u64),
    /// Remember that the controller knows this server.
    KeepJoined(Joined),
    /// Remember what the controller sent.
    KeepHeld(Arc<NodeConfig>),
    /// Remember what is in force.
    KeepApplied(Arc<NodeConfig>),
    /// Remember what was proved.
    KeepVerified(BTreeMap<IpAddr, IpAddr>),
    /// Apply a config.
    Apply(Arc<NodeConfig>),
    /// Look at the server.
    Observe,
    /// Ask the controller what it sees an address as, from that address.
    Prove(IpAddr),
}

/// What a sync says, but for its number and its signature.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    /// The generation that is held.
    pub have: u64,
    /// What the controller is told.
    pub report: Option<Report>,
    /// What it does not know of transports yet.
    pub transports: Option<PublicParams>,
    /// How long it may hold its answer back.
    pub wait: Span,
}
