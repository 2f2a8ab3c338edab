//! What the services' answers hold, as far as it is read.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::Timestamp;
use serde::{Deserialize, Deserializer};

use super::pages::Listed;
use crate::moments;

/// One machine (`GET /servers/detail`).
#[derive(Deserialize)]
pub struct Server {
    pub id: String,
    pub status: String,
    /// What is being done with it.
    #[serde(rename = "OS-EXT-STS:task_state", default)]
    pub task: Option<String>,
    #[serde(deserialize_with = "moments::moment")]
    pub created: Timestamp,
    #[serde(default)]
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    /// By network.
    pub addresses: BTreeMap<String, Vec<Address>>,
}

#[derive(Deserialize)]
pub struct Address {
    pub addr: IpAddr,
    #[serde(rename = "OS-EXT-IPS:type", default)]
    pub kind: Option<String>,
}

/// A machine that was just made: nothing is told of it but its name.
#[derive(Deserialize)]
pub struct MadeServer {
    pub server: Id,
}

/// A thing by its id.
#[derive(Deserialize)]
pub struct Id {
    pub id: String,
}

/// A thing with a name.
#[derive(Deserialize)]
pub struct Named {
    pub id: String,
    pub name: String,
}

/// A size of machines.
#[derive(Deserialize)]
pub struct Flavor {
    pub id: String,
    pub name: String,
    pub vcpus: u32,
    /// In MiB.
    pub ram: u64,
    /// In GiB; none where machines have to boot from a volume.
    pub disk: u64,
}

/// An image.
#[derive(Deserialize)]
pub struct Image {
    pub id: String,
    #[serde(deserialize_with = "moments::moment")]
    pub created_at: Timestamp,
}

/// A floating address.
#[derive(Deserialize)]
pub struct FloatingIp {
    pub id: String,
    pub floating_ip_address: IpAddr,
    pub port_id: Option<String>,
    /// What it leads to.
    pub fixed_ip_address: Option<IpAddr>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "some_moment")]
    pub created_at: Option<Timestamp>,
    /// Counts its changes.
    pub revision_number: Option<u64>,
}

/// A floating address alone.
#[derive(Deserialize)]
pub struct OneFloatingIp {
    pub floatingip: FloatingIp,
}

/// A network interface.
#[derive(Deserialize)]
pub struct Port {
    pub id: String,
    /// The machine's id.
    #[serde(default)]
    pub device_id: String,
    pub network_id: String,
    pub fixed_ips: Vec<FixedIp>,
    pub revision_number: Option<u64>,
}

#[derive(Deserialize)]
pub struct FixedIp {
    pub subnet_id: String,
    pub ip_address: IpAddr,
}

/// A network interface alone.
#[derive(Deserialize)]
pub struct OnePort {
    pub port: Port,
}

/// A load balancer.
#[derive(Deserialize)]
pub struct LoadBalancer {
    pub id: String,
    pub name: String,
    pub provisioning_status: String,
    pub pools: Vec<Id>,
}

/// What a load balancer listens on.
#[derive(Deserialize)]
pub struct Listener {
    pub id: String,
    pub protocol_port: u16,
    pub default_pool_id: Option<String>,
}

/// One target of a pool.
#[derive(Deserialize)]
pub struct Member {
    pub id: String,
    pub name: Option<String>,
    pub address: IpAddr,
    pub protocol_port: u16,
    pub weight: u32,
}

fn some_moment<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(d)?.as_deref().and_then(moments::read))
}

macro_rules! listed {
    ($($kind:ty)*) => {
        $(impl Listed for $kind {
            fn id(&self) -> &str {
                &self.id
            }
        })*
    };
}

listed! { Server Named Flavor Image FloatingIp Port LoadBalancer Listener Member }
