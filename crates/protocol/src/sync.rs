//! Requests and answers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{NodeId, Span};
use serde::{Deserialize, Serialize};

use crate::config::NodeConfig;
use crate::identity::AgentPublicKey;
use crate::report::Report;
use crate::secret::WireguardKey;

/// An agent's first words. Signed with the key that it shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The fleet's name.
    pub fleet: String,
    /// The node that it claims to be.
    pub node: NodeId,
    /// What bootstrap stamped. Good for the first key that shows it; that key may ask again, since
    /// an answer can be lost.
    pub token: String,
    /// What it signs requests with from now on.
    pub identity: AgentPublicKey,
    /// Its key in the overlay.
    pub overlay: WireguardKey,
    /// What clients need to know of its transports, by kind: public keys and the like. An egress
    /// has none.
    pub transports: BTreeMap<String, BTreeMap<String, String>>,
}

impl std::fmt::Debug for JoinRequest {
    /// Without the token: this text may reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinRequest").field("node", &self.node).finish_non_exhaustive()
    }
}

impl JoinRequest {
    /// Where it goes.
    pub const PATH: &'static str = "/a/v1/join";
}

/// The controller's welcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinAnswer {
    /// What the node should do, as far as it is known yet.
    pub config: Option<NodeConfig>,
}

/// What an agent says for the rest of its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The node.
    pub node: NodeId,
    /// Rises with each request, also over restarts: a lower one is refused, so nothing is replayed.
    pub sequence: u64,
    /// The generation that the agent holds; 0: none. Only a newer one is answered.
    pub have: u64,
    /// What it last saw; left out when nothing changed since the last request that was answered.
    pub report: Option<Report>,
    /// What clients need to know of its transports, when that has changed.
    pub transports: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// How long the controller may hold its answer back for news.
    pub wait: Span,
}

impl SyncRequest {
    /// Where it goes.
    pub const PATH: &'static str = "/a/v1/sync";
}

/// The controller's news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncAnswer {
    /// A newer config than the agent has, when there is one.
    pub config: Option<NodeConfig>,
}

/// Whence the controller sees a request come: what proves that an address reaches this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// The address.
    pub address: IpAddr,
}

impl Echo {
    /// Where it is asked for, without a body or a signature.
    pub const PATH: &'static str = "/a/v1/echo";
}

/// Why the controller refuses a request; the agent says so in its log and goes on as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "refused")]
pub enum Refusal {
    /// The token is not this node's, or of an earlier attempt to make it, or of a node that is
    /// gone.
    #[error("the join token is not good for this node: it was made for another attempt")]
    Token,
    /// Another key has joined with the token.
    #[error("the join token was used by another key: this server's user data was read by others")]
    Used,
    /// The node's time to join is over.
    #[error("the join token has expired")]
    Expired,
    /// The signature is not the node's.
    #[error("the signature is not the node's")]
    Signature,
    /// The sequence number was used, or may have been before the controller's last start.
    #[error("the request was seen before: the next sequence number has to be above {above}")]
    Replayed {
        /// The agent goes on with a number above this, at once.
        above: u64,
    },
    /// The controller does not know the node, or no longer.
    #[error("the controller knows no such node")]
    Unknown,
    /// The request can't be read.
    #[error("the request can't be read: {why}")]
    Malformed {
        /// What is wrong with it.
        why: String,
    },
}
