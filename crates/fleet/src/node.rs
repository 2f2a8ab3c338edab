//! Nodes, front doors and egress addresses, as a blueprint wants them.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::few::Few;
use crate::id::{EgressIpId, FrontdoorId, NodeId};
use crate::name::{PopulationName, ProfileName, ProviderName, RegionName};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::time::Timestamp;
use crate::topology::Transport;
use crate::units::Usd;

/// Which end of the path a node stands at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Clients connect to it.
    Ingress,
    /// Clients' traffic leaves from it.
    Egress,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

/// What a verified node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duty {
    /// In service: its front doors are told to clients.
    Serve,
    /// Warm, told to nobody; steps in for a lost node.
    Standby,
    /// Held back from every catalog until many doors are blocked at once.
    Reserve,
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Serve => "serve",
            Self::Standby => "standby",
            Self::Reserve => "reserve",
        })
    }
}

/// One server, as a blueprint wants it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Ours, given before any call to the provider.
    pub id: NodeId,
    /// Which end of the path it stands at.
    pub role: Role,
    /// Where it stands.
    pub region: RegionName,
    /// The account it stands at.
    pub provider: ProviderName,
    /// What it runs.
    pub profile: ProfileName,
    /// The vendor's name for its size.
    pub machine: String,
    /// The vendor's name for its place.
    pub location: String,
    /// When it was planned.
    pub created_at: Timestamp,
    /// What it is for.
    pub duty: Duty,
    /// Where in its life it is meant to be.
    pub stage: Stage,
    /// The node that it was made to replace.
    pub replaces: Option<NodeId>,
    /// Why it was made.
    pub reason: Reason,
    /// Its cost a month, without its addresses.
    pub cost: Usd,
    /// Ingress: its front doors.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub frontdoors: Few<FrontdoorId, Frontdoor>,
    /// Egress: its source addresses.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub egress_ips: Few<EgressIpId, EgressIp>,
}

impl Node {
    /// Whether it is an ingress node in service.
    pub fn serves(&self) -> bool {
        self.role == Role::Ingress && self.duty == Duty::Serve && self.stage.is_live()
    }

    /// Its front doors that clients may be told of now.
    pub fn served_doors(&self) -> impl Iterator<Item = &Frontdoor> {
        let serves = self.serves();
        self.frontdoors.values().filter(move |d| serves && d.stage.is_live())
    }

    /// Its cost a month with its addresses.
    pub fn monthly(&self) -> Usd {
        let doors: Usd = self.frontdoors.values().map(|d| d.cost).sum();
        let ips: Usd = self.egress_ips.values().map(|e| e.cost).sum();
        self.cost + doors + ips
    }
}

/// One address:port:transport on an ingress node, as a blueprint wants it.
///
/// The address itself is the provider's to give: it stands in the inventory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frontdoor {
    /// Ours, given before any call to the provider.
    pub id: FrontdoorId,
    /// What it speaks, and on which port.
    pub transport: Transport,
    /// When it was planned.
    pub created_at: Timestamp,
    /// Where in its life it is meant to be.
    pub stage: Stage,
    /// The front door that it was made to replace, on whichever node that stands.
    pub replaces: Option<FrontdoorId>,
    /// Populations that are not told of it, because it is blocked for all of their networks.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub withheld_from: BTreeSet<PopulationName>,
    /// Why it was made.
    pub reason: Reason,
    /// Its address's cost a month.
    pub cost: Usd,
}

/// One source address on an egress node, as a blueprint wants it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EgressIp {
    /// Ours, given before any call to the provider.
    pub id: EgressIpId,
    /// When it was planned.
    pub created_at: Timestamp,
    /// Where in its life it is meant to be.
    pub stage: Stage,
    /// The address that it was made to replace.
    pub replaces: Option<EgressIpId>,
    /// Why it was made.
    pub reason: Reason,
    /// Its cost a month.
    pub cost: Usd,
}
