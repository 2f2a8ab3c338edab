//! What the vendor writes.

use std::net::IpAddr;

use damm_fleet::Timestamp;
use serde::Deserialize;

/// An instance.
#[derive(Debug, Deserialize)]
pub(super) struct Instance {
    pub id: String,
    pub status: String,
    pub power_status: String,
    pub server_status: String,
    pub date_created: Timestamp,
    /// `0.0.0.0` until there is one.
    #[serde(default)]
    pub main_ip: String,
    #[serde(default)]
    pub v6_main_ip: String,
    #[serde(default)]
    pub label: String,
    #[serde(default)]
    pub tags: Vec<String>,
}

impl Instance {
    /// Its own address, once it has one: the IPv6 one where the plan has no IPv4.
    pub fn address(&self) -> Option<IpAddr> {
        let given = |text: &String| text.parse().ok().filter(|a: &IpAddr| !a.is_unspecified());
        given(&self.main_ip).or_else(|| match self.main_ip.is_empty() {
            true => given(&self.v6_main_ip),
            false => None,
        })
    }
}

/// A reply about one instance.
#[derive(Debug, Deserialize)]
pub(super) struct OneInstance {
    pub instance: Instance,
}

/// A reserved address.
#[derive(Debug, Deserialize)]
pub(super) struct Reserved {
    pub id: String,
    /// An IPv4 address, or an IPv6 network.
    pub subnet: IpAddr,
    #[serde(default)]
    pub label: String,
    /// Empty where it is attached to nothing.
    #[serde(default)]
    pub instance_id: Option<String>,
}

impl Reserved {
    /// The address; of an IPv6 network the first one that a machine may have (RFC 4291, section
    /// 2.6.1, keeps the zeroth for routers).
    pub fn address(&self) -> IpAddr {
        match self.subnet {
            IpAddr::V4(_) => self.subnet,
            IpAddr::V6(net) => IpAddr::V6((net.to_bits() | 1).into()),
        }
    }

    /// The instance that it is attached to.
    pub fn holder(&self) -> Option<&str> {
        self.instance_id.as_deref().filter(|id| !id.is_empty())
    }
}

/// A reply about one reserved address.
#[derive(Debug, Deserialize)]
pub(super) struct OneReserved {
    pub reserved_ip: Reserved,
}

/// An operating system.
#[derive(Debug, Deserialize)]
pub(super) struct Os {
    pub id: u64,
    pub name: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn instance(main_ip: &str, v6_main_ip: &str) -> Instance {
        let text = json!({
            "id": "a", "status": "active", "power_status": "running", "server_status": "ok",
            "date_created": "2024-12-02T10:19:45-05:00", "main_ip": main_ip,
            "v6_main_ip": v6_main_ip,
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn an_address_that_is_still_to_come_is_none() {
        assert_eq!(instance("0.0.0.0", "2001:db8::1").address(), None);
        assert_eq!(instance("", "").address(), None);
        assert_eq!(instance("", "2001:db8::1").address(), "2001:db8::1".parse().ok());
        assert_eq!(instance("192.0.2.1", "").address(), "192.0.2.1".parse().ok());
    }

    #[test]
    fn moments_are_read_in_any_zone() {
        let utc = "2024-12-02T15:19:45Z".parse().unwrap();
        assert_eq!(instance("", "").date_created, utc);
    }
}
