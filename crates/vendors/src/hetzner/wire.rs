//! What Hetzner's answers hold, as far as it is read.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use damm_fleet::Timestamp;
use serde::{Deserialize, Deserializer, de};

use crate::moments::moment;

/// Labels, each at most once.
pub type Labels = BTreeMap<String, String>;

/// A thing with labels.
pub trait Labelled {
    /// Its labels.
    fn labels(&self) -> &Labels;
}

/// One page of any listing.
#[derive(Deserialize)]
pub struct Page<T> {
    #[serde(
        alias = "servers",
        alias = "floating_ips",
        alias = "load_balancers",
        alias = "locations",
        alias = "rrsets",
        alias = "server_types"
    )]
    pub items: Vec<T>,
    pub meta: Meta,
}

#[derive(Deserialize)]
pub struct Meta {
    pub pagination: Pagination,
}

#[derive(Deserialize)]
pub struct Pagination {
    pub next_page: Option<u64>,
    pub total_entries: Option<u64>,
}

#[derive(Deserialize)]
pub struct Server {
    pub id: u64,
    pub status: String,
    #[serde(deserialize_with = "moment")]
    pub created: Timestamp,
    pub public_net: PublicNet,
    pub labels: Labels,
}

#[derive(Deserialize)]
pub struct PublicNet {
    pub ipv4: Option<Given>,
    pub ipv6: Option<Given>,
}

#[derive(Deserialize)]
pub struct Given {
    #[serde(deserialize_with = "address")]
    pub ip: IpAddr,
}

impl Server {
    /// Its own address.
    pub fn address(&self) -> Option<IpAddr> {
        let net = &self.public_net;
        net.ipv4.as_ref().or(net.ipv6.as_ref()).map(|given| given.ip)
    }
}

/// A server that was just made.
#[derive(Deserialize)]
pub struct MadeServer {
    server: Server,
}

#[derive(Deserialize)]
pub struct FloatingIp {
    pub id: u64,
    #[serde(deserialize_with = "address")]
    pub ip: IpAddr,
    pub server: Option<u64>,
    #[serde(deserialize_with = "moment")]
    pub created: Timestamp,
    pub labels: Labels,
}

/// A floating IP alone.
#[derive(Deserialize)]
pub struct OneFloatingIp {
    pub floating_ip: FloatingIp,
}

#[derive(Deserialize)]
pub struct LoadBalancer {
    pub id: u64,
    pub name: String,
    pub services: Vec<Service>,
    pub targets: Vec<Target>,
}

#[derive(Deserialize)]
pub struct Service {
    pub destination_port: u16,
}

/// A target; those that are no servers are not ours.
#[derive(Deserialize)]
pub struct Target {
    pub server: Option<TargetServer>,
}

#[derive(Deserialize)]
pub struct TargetServer {
    pub id: u64,
}

#[derive(Deserialize)]
pub struct RrSet {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub ttl: Option<u64>,
    pub labels: Labels,
    pub records: Vec<Record>,
}

#[derive(Deserialize)]
pub struct Record {
    pub value: String,
}

impl Labelled for Server {
    fn labels(&self) -> &Labels {
        &self.labels
    }
}

impl Labelled for FloatingIp {
    fn labels(&self) -> &Labels {
        &self.labels
    }
}

impl Labelled for RrSet {
    fn labels(&self) -> &Labels {
        &self.labels
    }
}

impl From<MadeServer> for Server {
    fn from(made: MadeServer) -> Self {
        made.server
    }
}

impl From<OneFloatingIp> for FloatingIp {
    fn from(made: OneFloatingIp) -> Self {
        made.floating_ip
    }
}

/// An address of IPv4, or the first one of the /64 that is given where it is IPv6.
fn address<'de, D: Deserializer<'de>>(d: D) -> Result<IpAddr, D::Error> {
    let text = String::deserialize(d)?;
    given(&text).ok_or_else(|| de::Error::custom("an address, or a network as in 2001:db8::/64"))
}

fn given(text: &str) -> Option<IpAddr> {
    match text.split_once('/') {
        None => text.parse().ok(),
        Some((network, "32")) => network.parse::<Ipv4Addr>().ok().map(Into::into),
        Some((network, length)) => {
            let network: Ipv6Addr = network.parse().ok()?;
            let host = u128::from(length.parse::<u8>().ok()? < 128);
            Some(Ipv6Addr::from_bits(network.to_bits() | host).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_network_the_first_address_is_taken() {
        for (text, wanted) in [
            ("198.51.100.1", "198.51.100.1"),
            ("2001:db8:1::/64", "2001:db8:1::1"),
            ("2001:db8:1::7", "2001:db8:1::7"),
            ("2001:db8:1::7/128", "2001:db8:1::7"),
        ] {
            assert_eq!(given(text), wanted.parse().ok(), "{text}");
        }
        assert_eq!(given("198.51.100.0/24"), None);
        assert_eq!(given("x"), None);
    }
}
