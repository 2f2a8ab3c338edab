//! What Linode's answers hold, as far as it is read.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use damm_fleet::Timestamp;
use serde::Deserialize;

use crate::moments::moment;

/// One page of any listing.
#[derive(Deserialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub pages: u64,
    pub results: u64,
}

#[derive(Deserialize)]
pub struct Instance {
    pub id: u64,
    pub label: String,
    pub status: String,
    #[serde(deserialize_with = "moment")]
    pub created: Timestamp,
    /// Public and private ones, its own and reserved ones, in no order.
    pub ipv4: Vec<Ipv4Addr>,
    pub tags: Vec<String>,
}

impl Instance {
    fn public(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.ipv4.iter().copied().filter(|a| !a.is_private())
    }

    /// Whether only a look at the reserved addresses tells which one is its own.
    pub fn has_several(&self) -> bool {
        self.public().count() > 1
    }

    /// The public address that it was made with and that goes with it.
    pub fn own(&self, reserved: &BTreeSet<Ipv4Addr>) -> Option<IpAddr> {
        self.public().find(|a| !reserved.contains(a)).map(Into::into)
    }

    /// Its address in the private network of its region.
    pub fn private(&self) -> Option<Ipv4Addr> {
        self.ipv4.iter().copied().find(Ipv4Addr::is_private)
    }
}

#[derive(Deserialize)]
pub struct Reserved {
    pub address: Ipv4Addr,
    pub linode_id: Option<u64>,
    pub assigned_entity: Option<Entity>,
    /// Left out by calls that are older than tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What an address is assigned to.
#[derive(Deserialize)]
pub struct Entity {
    pub id: u64,
    #[serde(rename = "type")]
    pub kind: String,
}

impl Reserved {
    /// What it is assigned to: an instance by its reference, anything else by its kind and id.
    pub fn holder(&self) -> Option<String> {
        match (self.linode_id, &self.assigned_entity) {
            (Some(id), _) => Some(id.to_string()),
            (None, Some(other)) if other.kind == "linode" => Some(other.id.to_string()),
            (None, Some(other)) => Some(format!("{} {}", other.kind, other.id)),
            (None, None) => None,
        }
    }
}

#[derive(Deserialize)]
pub struct NodeBalancer {
    pub id: u64,
    pub label: String,
}

/// A port that a NodeBalancer listens on.
#[derive(Deserialize)]
pub struct Config {
    pub id: u64,
    pub port: u16,
}

/// A target of a port.
#[derive(Deserialize)]
pub struct Node {
    pub id: u64,
    pub config_id: u64,
    pub label: String,
    /// The address, a colon and the port.
    pub address: String,
    pub mode: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instances_own_address_is_the_public_one_that_is_not_reserved() {
        let instance = Instance {
            id: 1,
            label: "a".to_owned(),
            status: "running".to_owned(),
            created: Timestamp::EPOCH,
            ipv4: ["192.168.130.5", "198.51.100.7", "203.0.113.9"]
                .map(|a| a.parse().unwrap())
                .into(),
            tags: Vec::new(),
        };
        let reserved = ["198.51.100.7".parse().unwrap()].into();
        assert!(instance.has_several());
        assert_eq!(instance.own(&reserved), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(instance.private(), Some("192.168.130.5".parse().unwrap()));
    }
}
