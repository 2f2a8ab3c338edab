//! The contract: the verbs that change the world, with one spelling for each of their faces.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{EgressIpId, FrontdoorId, InvalidId, NodeId};
use crate::name::{ProfileName, ProviderName, RegionName};
use crate::node::Duty;

/// The verbs of the contract. Plan lines, ledger rows, the HTTP API and the command line use the
/// same names; the command line writes them in kebab-case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Make an ingress node with its front doors.
    CreateIngress,
    /// Make an egress node with its addresses.
    CreateEgress,
    /// Add front doors to a node.
    AllocateIngressFrontdoors,
    /// Add source addresses to a node.
    AllocateEgressIps,
    /// Stop new sessions on a node.
    DrainNode,
    /// Take a node down.
    RetireNode,
    /// Tell a region's clients where to connect.
    PublishEndpointCatalog,
    /// Stop new sessions on one front door.
    DrainFrontdoor,
    /// Give one front door's address back.
    ReleaseFrontdoor,
    /// Stop new sessions from one egress address.
    DrainEgressIp,
    /// Give one egress address back.
    ReleaseEgressIp,
}

impl Verb {
    /// All verbs, in the order of the contract.
    pub const ALL: [Self; 11] = [
        Self::CreateIngress,
        Self::CreateEgress,
        Self::AllocateIngressFrontdoors,
        Self::AllocateEgressIps,
        Self::DrainNode,
        Self::RetireNode,
        Self::PublishEndpointCatalog,
        Self::DrainFrontdoor,
        Self::ReleaseFrontdoor,
        Self::DrainEgressIp,
        Self::ReleaseEgressIp,
    ];

    /// The contract's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateIngress => "createIngress",
            Self::CreateEgress => "createEgress",
            Self::AllocateIngressFrontdoors => "allocateIngressFrontdoors",
            Self::AllocateEgressIps => "allocateEgressIps",
            Self::DrainNode => "drainNode",
            Self::RetireNode => "retireNode",
            Self::PublishEndpointCatalog => "publishEndpointCatalog",
            Self::DrainFrontdoor => "drainFrontdoor",
            Self::ReleaseFrontdoor => "releaseFrontdoor",
            Self::DrainEgressIp => "drainEgressIp",
            Self::ReleaseEgressIp => "releaseEgressIp",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One change to the world, as a plan lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "camelCase")]
pub enum Action {
    /// Make an ingress node with its front doors.
    CreateIngress {
        /// The node.
        node: NodeId,
        /// Where.
        region: RegionName,
        /// At which account.
        provider: ProviderName,
        /// What it runs.
        profile: ProfileName,
        /// What for.
        duty: Duty,
        /// Its front doors.
        frontdoors: Vec<FrontdoorId>,
    },
    /// Make an egress node with its addresses.
    CreateEgress {
        /// The node.
        node: NodeId,
        /// Where.
        region: RegionName,
        /// At which account.
        provider: ProviderName,
        /// What it runs.
        profile: ProfileName,
        /// Its addresses.
        egress_ips: Vec<EgressIpId>,
    },
    /// Add front doors to a node.
    AllocateIngressFrontdoors {
        /// The node.
        node: NodeId,
        /// Where it stands.
        region: RegionName,
        /// The new front doors.
        frontdoors: Vec<FrontdoorId>,
    },
    /// Add source addresses to a node.
    AllocateEgressIps {
        /// The node.
        node: NodeId,
        /// Where it stands.
        region: RegionName,
        /// The new addresses.
        egress_ips: Vec<EgressIpId>,
    },
    /// Stop new sessions on a node.
    DrainNode {
        /// The node.
        node: NodeId,
        /// Where it stands.
        region: RegionName,
    },
    /// Take a node down, with its addresses.
    RetireNode {
        /// The node.
        node: NodeId,
        /// Where it stands.
        region: RegionName,
    },
    /// Tell a region's clients where to connect.
    PublishEndpointCatalog {
        /// The region.
        region: RegionName,
        /// The serial of what is published.
        serial: u64,
    },
    /// Stop new sessions on one front door.
    DrainFrontdoor {
        /// The front door.
        frontdoor: FrontdoorId,
        /// Its node.
        node: NodeId,
        /// Where it stands.
        region: RegionName,
    },
    /// Give one front door's address back.
    ReleaseFrontdoor {
        /// The front door.
        frontdoor: FrontdoorId,
        /// Its node.
        node: NodeId,
        /// Where it stands.
        region: RegionName,
    },
    /// Stop new sessions from one egress address.
    DrainEgressIp {
        /// The address.
        egress_ip: EgressIpId,
        /// Its node.
        node: NodeId,
        /// Where it stands.
        region: RegionName,
    },
    /// Give one egress address back.
    ReleaseEgressIp {
        /// The address.
        egress_ip: EgressIpId,
        /// Its node.
        node: NodeId,
        /// Where it stands.
        region: RegionName,
    },
}

impl Action {
    /// Which verb it is.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::CreateIngress { .. } => Verb::CreateIngress,
            Self::CreateEgress { .. } => Verb::CreateEgress,
            Self::AllocateIngressFrontdoors { .. } => Verb::AllocateIngressFrontdoors,
            Self::AllocateEgressIps { .. } => Verb::AllocateEgressIps,
            Self::DrainNode { .. } => Verb::DrainNode,
            Self::RetireNode { .. } => Verb::RetireNode,
            Self::PublishEndpointCatalog { .. } => Verb::PublishEndpointCatalog,
            Self::DrainFrontdoor { .. } => Verb::DrainFrontdoor,
            Self::ReleaseFrontdoor { .. } => Verb::ReleaseFrontdoor,
            Self::DrainEgressIp { .. } => Verb::DrainEgressIp,
            Self::ReleaseEgressIp { .. } => Verb::ReleaseEgressIp,
        }
    }

    /// The region that it happens in.
    pub const fn region(&self) -> &RegionName {
        match self {
            Self::CreateIngress { region, .. }
            | Self::CreateEgress { region, .. }
            | Self::AllocateIngressFrontdoors { region, .. }
            | Self::AllocateEgressIps { region, .. }
            | Self::DrainNode { region, .. }
            | Self::RetireNode { region, .. }
            | Self::PublishEndpointCatalog { region, .. }
            | Self::DrainFrontdoor { region, .. }
            | Self::ReleaseFrontdoor { region, .. }
            | Self::DrainEgressIp { region, .. }
            | Self::ReleaseEgressIp { region, .. } => region,
        }
    }
}

/// What an action, a ledger row or a resource is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A server.
    Node(NodeId),
    /// A front door's address.
    Frontdoor(FrontdoorId),
    /// An egress address.
    EgressIp(EgressIpId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(id) => id.fmt(f),
            Self::Frontdoor(id) => id.fmt(f),
            Self::EgressIp(id) => id.fmt(f),
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once('-').map(|(kind, _)| kind) {
            Some(FrontdoorId::PREFIX) => text.parse().map(Self::Frontdoor),
            Some(EgressIpId::PREFIX) => text.parse().map(Self::EgressIp),
            _ => text.parse().map(Self::Node),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        crate::text::from_text(d)
    }
}

impl From<NodeId> for Subject {
    fn from(id: NodeId) -> Self {
        Self::Node(id)
    }
}

impl From<FrontdoorId> for Subject {
    fn from(id: FrontdoorId) -> Self {
        Self::Frontdoor(id)
    }
}

impl From<EgressIpId> for Subject {
    fn from(id: EgressIpId) -> Self {
        Self::EgressIp(id)
    }
}
