//! All that a node should do.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use damm_fleet::{EgressIpId, FrontdoorId, NodeId};
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::credential::Credential;
use crate::evidence::WitnessKey;
use crate::secret::WireguardKey;

/// All that a node should do, whole: applying it needs no other config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeConfig {
    /// Only rises, for this node. An agent refuses an older one.
    pub generation: u64,
    /// The generation of the blueprint whose orders are in it; reported back as it is.
    pub orders: u64,
    /// The node that it is for. An agent refuses another's.
    pub node: NodeId,
    /// Its place in the overlay.
    pub overlay: OverlayConfig,
    /// What its role asks for.
    pub role: RoleConfig,
}

/// A node's place in the overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlayConfig {
    /// UDP port that egress nodes listen on.
    pub port: u16,
    /// Largest packet inside the overlay, in bytes: 1420 fits an underlay of 1500 over IPv6.
    pub mtu: u16,
    /// The node's own address in it; its peers reach the node itself there.
    pub address: Ipv6Addr,
}

/// What a role asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleConfig {
    /// Clients connect to it.
    Ingress(IngressConfig),
    /// Clients' traffic leaves from it.
    Egress(EgressConfig),
}

/// Whether a thing takes new sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receiving {
    /// New sessions, in proportion to its weight.
    Active,
    /// Established sessions only.
    Draining,
}

impl Receiving {
    /// Whether it takes new sessions.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}

/// What an ingress node should do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressConfig {
    /// Source addresses of this node's sessions in the overlay, of no other node's in its region.
    /// The first of them is the node's own.
    pub sessions4: Ipv4Net,
    /// The same for IPv6.
    pub sessions6: Ipv6Net,
    /// Its front doors. One that is no longer here is closed, with what goes through it.
    pub frontdoors: BTreeMap<FrontdoorId, DoorConfig>,
    /// The egress nodes that it may use. One that is no longer here is dropped, with its sessions.
    pub egresses: BTreeMap<NodeId, EgressPeer>,
    /// The transports that its front doors speak, by kind.
    pub transports: BTreeMap<String, TransportConfig>,
    /// The clients that are let in, in order of their numbers.
    pub credentials: Vec<Credential>,
    /// What the node's witness signs receipts with; without it there is no witness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<WitnessKey>,
}

/// One front door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorConfig {
    /// Where clients connect to, as this server sees it: behind a translation it differs from what
    /// clients are told.
    pub address: IpAddr,
    /// What clients are told, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// What it speaks: a key of [`transports`](IngressConfig::transports).
    pub transport: String,
    /// Whether it takes new sessions.
    pub receiving: Receiving,
}

/// How a transport is served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportConfig {
    /// What its template may ask for, beside what every template is given.
    pub params: BTreeMap<String, String>,
}

/// An egress node, as an ingress knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressPeer {
    /// Its key in the overlay.
    pub key: WireguardKey,
    /// Where its end of the overlay listens.
    pub endpoint: SocketAddr,
    /// Its own address in the overlay, for probes.
    pub address: Ipv6Addr,
    /// New sessions in proportion to this; 0: none.
    pub weight: u32,
    /// Whether it has IPv4 addresses to send from.
    pub v4: bool,
    /// Whether it has IPv6 addresses to send from.
    pub v6: bool,
    /// Whether it takes new sessions.
    pub receiving: Receiving,
}

/// What an egress node should do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressConfig {
    /// The ingress nodes that may send through it.
    pub ingresses: BTreeMap<NodeId, IngressPeer>,
    /// Its source addresses. One that is no longer here is dropped, with its sessions.
    pub addresses: BTreeMap<EgressIpId, AddressConfig>,
}

/// An ingress node, as an egress knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressPeer {
    /// Its key in the overlay.
    pub key: WireguardKey,
    /// Source addresses of its sessions.
    pub sessions4: Ipv4Net,
    /// The same for IPv6.
    pub sessions6: Ipv6Net,
}

/// One source address of an egress node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressConfig {
    /// The address, as this server sees it: behind a translation it differs from what the internet
    /// sees.
    pub address: IpAddr,
    /// What the internet sees, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<IpAddr>,
    /// New sessions in proportion to this; 0: none.
    pub weight: u32,
    /// Whether it takes new sessions.
    pub receiving: Receiving,
}

impl IngressConfig {
    /// The node's own address among its sessions' in IPv4: the prefix' first host.
    pub fn own4(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.sessions4.network().to_bits() | 1)
    }

    /// The node's own address among its sessions' in IPv6: the prefix' first host.
    pub fn own6(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.sessions6.network().to_bits() | 1)
    }
}
