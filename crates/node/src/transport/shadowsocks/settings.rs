//! What the agent tells the process that serves Shadowsocks.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use damm_protocol::{CredentialId, Secret32};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// What the agent tells the process that serves Shadowsocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where it listens, TCP and UDP, on all addresses.
    pub port: u16,
    /// This server's own key: what the identity header is hidden with (SIP023).
    pub server_key: Secret32,
    /// Sources of clients' sessions; where there are none, connections leave from any address.
    pub sessions4: Option<Ipv4Net>,
    /// The same for IPv6.
    pub sessions6: Option<Ipv6Net>,
    /// Who looks up names, in order.
    pub resolvers: Vec<SocketAddr>,
    /// Destinations that are allowed although they are nobody's or private.
    #[serde(default)]
    pub allow: Vec<IpNet>,
    /// The clients' keys.
    pub users: BTreeMap<CredentialId, Secret32>,
}
