//! A client's report.

use damm_fleet::{FrontdoorId, Network};
use serde::{Deserialize, Serialize};

use super::epoch::Epoch;
use super::key::{Attempt, Receipt, ReporterKey, Token, WitnessKey};
use crate::credential::CredentialId;

/// The version of the format.
pub const VERSION: u8 = 1;

/// What one client found out about its doors. Field names are short, since clients in censored
/// networks pay by the byte; names and values are those of Network Error Logging where it has them
/// (<https://www.w3.org/TR/network-error-logging/>, section 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`VERSION`].
    pub v: u8,
    /// The credential's number.
    pub by: CredentialId,
    /// Where the client believes to stand: country and autonomous system.
    pub net: Network,
    /// One entry for each door.
    pub entries: Vec<Entry>,
}

/// What came of the attempts at one door in one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The door.
    pub ep: FrontdoorId,
    /// The epoch that the token is of.
    pub epoch: Epoch,
    /// What it is believed for.
    pub tok: Token,
    /// What the node said to the token, when it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcpt: Option<Receipt>,
    /// Seconds since the attempt.
    #[serde(default)]
    pub age: u32,
    /// How far it came.
    #[serde(default)]
    pub phase: Phase,
    /// How it ended.
    #[serde(rename = "type")]
    pub ending: Ending,
    /// Milliseconds that it took, [cut](super::coarse).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_time: Option<u32>,
    /// Bytes received before it ended, [cut](super::coarse).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx: Option<u64>,
    /// What else the client saw at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctl: Option<Around>,
}

/// How far an attempt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Looking up a name.
    Dns,
    /// Setting up a connection.
    #[default]
    Connection,
    /// The transport's own handshake, and the first exchange.
    Application,
    /// Carrying traffic.
    Transfer,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It went well.
    #[serde(rename = "ok")]
    Ok,
    /// Nothing came back in time.
    #[serde(rename = "tcp.timed_out")]
    TimedOut,
    /// The connection was reset.
    #[serde(rename = "tcp.reset")]
    Reset,
    /// Nobody listened.
    #[serde(rename = "tcp.refused")]
    Refused,
    /// The connection was closed before its time.
    #[serde(rename = "tcp.closed")]
    Closed,
    /// There was no way to the address.
    #[serde(rename = "tcp.address_unreachable")]
    Unreachable,
    /// The handshake went wrong.
    #[serde(rename = "tls.protocol.error")]
    Handshake,
    /// Someone else answered: the certificate or key was not the door's.
    #[serde(rename = "tls.cert.invalid")]
    Imposter,
    /// The user gave up: it says nothing.
    #[serde(rename = "abandoned")]
    Abandoned,
    /// Something else.
    #[serde(rename = "unknown")]
    Unknown,
}

/// What else a client saw at about the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Around {
    /// Whether another of its doors worked.
    pub other_ep_ok: bool,
    /// Whether anything in its own country answered.
    pub in_country_ok: bool,
}

/// What a receipt shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeSaw {
    /// The node was asked through a door of its own.
    Through,
    /// There is no receipt, or one that is not the node's.
    Nothing,
}

impl Entry {
    /// What one token speaks of: this entry, sent from a network.
    pub fn attempt(&self, network: Network) -> Attempt {
        Attempt { door: self.ep, epoch: self.epoch, network }
    }

    /// Whether the token was made with a key, for a network.
    pub fn is_by(&self, key: &ReporterKey, network: Network) -> bool {
        key.token(&self.attempt(network)) == self.tok
    }

    /// What the node that the door belongs to saw.
    pub fn seen_by(&self, node: &WitnessKey) -> NodeSaw {
        let receipt = node.receipt(self.ep, self.epoch, &self.tok);
        match self.rcpt == Some(receipt) {
            true => NodeSaw::Through,
            false => NodeSaw::Nothing,
        }
    }
}
