//! What the vendor writes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use damm_fleet::Timestamp;
use serde::Deserialize;

/// A droplet.
#[derive(Debug, Deserialize)]
pub(super) struct Droplet {
    pub id: u64,
    pub status: String,
    pub created_at: Timestamp,
    pub networks: Networks,
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Its addresses.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Networks {
    #[serde(default)]
    pub v4: Vec<Network>,
    #[serde(default)]
    pub v6: Vec<Network>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(super) struct Network {
    pub ip_address: IpAddr,
    #[serde(rename = "type")]
    pub kind: String,
}

impl Droplet {
    /// Its public addresses, its own one before a reserved one of the same protocol.
    pub fn public(&self) -> impl Iterator<Item = IpAddr> {
        let all = self.networks.v4.iter().chain(&self.networks.v6);
        all.filter(|n| n.kind == "public").map(|n| n.ip_address)
    }

    /// Its own public address.
    pub fn address(&self) -> Option<IpAddr> {
        self.public().next()
    }
}

/// A reply about one droplet.
#[derive(Debug, Deserialize)]
pub(super) struct OneDroplet {
    pub droplet: Droplet,
}

/// A reserved IPv4 address.
#[derive(Debug, Deserialize)]
pub(super) struct ReservedV4 {
    pub ip: Ipv4Addr,
    pub droplet: Option<Holder>,
    /// Left out where the token may not read projects.
    #[serde(default)]
    pub project_id: Option<String>,
}

/// A reserved IPv6 address.
#[derive(Debug, Deserialize)]
pub(super) struct ReservedV6 {
    pub ip: Ipv6Addr,
    pub reserved_at: Timestamp,
    #[serde(default)]
    pub droplet: Option<Holder>,
}

/// The droplet that holds a reserved address, as far as it matters.
#[derive(Debug, Deserialize)]
pub(super) struct Holder {
    pub id: u64,
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A reply about one reserved address.
#[derive(Debug, Deserialize)]
pub(super) struct OneV4 {
    pub reserved_ip: ReservedV4,
}

/// A reply about one reserved address.
#[derive(Debug, Deserialize)]
pub(super) struct OneV6 {
    pub reserved_ipv6: ReservedV6,
}

/// A reply about something that takes time.
#[derive(Debug, Deserialize)]
pub(super) struct OneAction {
    pub action: Action,
}

/// Something that takes time. It is not waited for: listings tell.
#[derive(Debug, Deserialize)]
pub(super) struct Action {
    pub status: String,
}

/// A record of a domain.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    pub id: u64,
    #[serde(rename = "type")]
    pub kind: String,
    /// Below the domain; `@` for its own name.
    pub name: String,
    pub data: String,
    /// In seconds.
    pub ttl: u64,
}

impl Record {
    /// Its name with the domain's.
    pub fn full_name(&self, zone: &str) -> String {
        match self.name.trim_end_matches('.') {
            "@" | "" => zone.to_owned(),
            name => format!("{name}.{zone}"),
        }
    }

    /// The address in it.
    pub fn address(&self) -> Option<IpAddr> {
        let fits = matches!(self.kind.as_str(), "A" | "AAAA");
        fits.then(|| self.data.parse().ok()).flatten()
    }

    /// The text in it.
    pub fn text(&self) -> Option<&str> {
        (self.kind == "TXT").then(|| self.data.trim_matches('"'))
    }
}

/// A load balancer.
#[derive(Debug, Deserialize)]
pub(super) struct LoadBalancer {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub forwarding_rules: Vec<Rule>,
    #[serde(default)]
    pub droplet_ids: Vec<u64>,
}

/// What it forwards.
#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    pub target_port: u16,
}
