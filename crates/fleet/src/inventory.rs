//! What was last observed: the planner's picture of the world. It may be out of date.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::history::Lessons;
use crate::id::{EgressIpId, FrontdoorId, NodeId};
use crate::name::{ProviderName, RegionName};
use crate::net::{Asn, prefix_of};
use crate::resource::{FailureClass, Phase};
use crate::time::Timestamp;

/// What was last observed of the whole fleet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Servers.
    pub machines: BTreeMap<NodeId, ObservedMachine>,
    /// The addresses of front doors.
    pub frontdoors: BTreeMap<FrontdoorId, ObservedAddress>,
    /// Egress addresses.
    pub egress_ips: BTreeMap<EgressIpId, ObservedAddress>,
    /// Accounts that something is known of.
    pub providers: BTreeMap<ProviderName, ObservedProvider>,
    /// Published catalogs.
    pub catalogs: BTreeMap<RegionName, ObservedCatalog>,
    /// What clients need to know of nodes' transports beside address and port: public keys and the
    /// like, as their agents made them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transports: BTreeMap<NodeId, TransportParams>,
    /// What became of earlier addresses.
    #[serde(default, skip_serializing_if = "Lessons::is_empty")]
    pub lessons: Lessons,
}

/// What clients need to know of a node's transports, by kind.
pub type TransportParams = BTreeMap<String, BTreeMap<String, String>>;

/// What was last observed of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservedMachine {
    /// How far it has come.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// What its agent says, or its silence.
    pub health: Health,
    /// The last refusal of its provider.
    pub failure: Option<FailureClass>,
    /// Its own address.
    pub address: Option<IpAddr>,
    /// Sessions through it that are established now.
    pub sessions: u64,
}

/// What an agent says, or its silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "health", rename_all = "lowercase")]
pub enum Health {
    /// Never heard of.
    Unseen,
    /// Heard of lately, and well.
    Healthy,
    /// Heard of lately, and not well; or not heard of.
    Unhealthy {
        /// Since when.
        since: Timestamp,
    },
}

/// What was last observed of an address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservedAddress {
    /// How far it has come. `Ready`: attached to its node and probed.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// The address, once the provider gave it.
    pub address: Option<IpAddr>,
    /// The autonomous system that it is announced from.
    pub asn: Option<Asn>,
    /// Sessions through it that are established now.
    pub sessions: u64,
    /// The latest expiry of the catalogs that name it.
    pub named_until: Option<Timestamp>,
    /// When the last DNS record that names it has left every cache.
    pub resolvable_until: Option<Timestamp>,
    /// The last refusal of its provider.
    pub failure: Option<FailureClass>,
    /// How many clients can ever have learned it; none did of an egress address.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub learned_by: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl ObservedAddress {
    /// The prefix that it stands in.
    pub fn prefix(&self) -> Option<IpNet> {
        self.address.map(prefix_of)
    }
}

/// What is known of an account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ObservedProvider {
    /// It had none to give, or refused: not asked again before this moment.
    pub exhausted_until: Option<Timestamp>,
}

/// What is known of a region's published catalogs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservedCatalog {
    /// The blueprint's serial that was published last.
    pub serial: u64,
    /// When.
    pub published_at: Timestamp,
    /// When the first of them expires.
    pub expires_at: Timestamp,
}
