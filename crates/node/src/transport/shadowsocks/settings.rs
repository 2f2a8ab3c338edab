//! What the agent tells the process that serves Shadowsocks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use damm_protocol::{CredentialId, Secret32};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::service::ServiceError;

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

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it can't be read; the message names the line and shows none of it.
    pub fn read(path: &Path) -> Result<Self, ServiceError> {
        let text = std::fs::read(path).map_err(ServiceError::file(path))?;
        serde_json::from_slice(&text).map_err(|e| {
            let field = format!("line {}", e.line());
            ServiceError::field(path, field, "not what this version of the agent writes")
        })
    }
}
