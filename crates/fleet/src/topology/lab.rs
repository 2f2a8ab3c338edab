//! How the lab behaves: a provider whose machines are network namespaces of this one.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::net::Asn;
use crate::time::Span;
use crate::topology::schema;

/// How an account of the lab behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabSettings {
    /// Prefixes that addresses are drawn from, spread evenly over the provider's ASNs in order,
    /// IPv4 and IPv6 each for itself. Each ASN needs one of IPv4. With one of IPv6 for each ASN
    /// too, every second egress address is of IPv6.
    #[schemars(schema_with = "schema::some_prefixes")]
    pub prefixes: Vec<IpNet>,
    /// From a machine's creation to its first process.
    #[serde(default = "boot_time")]
    pub boot_time: Span,
    /// Machines that the account may hold; none: no end of them.
    #[serde(default)]
    pub quota: Option<u32>,
    /// Addresses that one machine can hold beside its own.
    #[serde(default = "max_addresses")]
    pub max_addresses: u32,
}

const fn boot_time() -> Span {
    Span::from_secs(1)
}

const fn max_addresses() -> u32 {
    256
}

impl LabSettings {
    /// What stands in the lab beside its machines: the controller and the server that plays the
    /// internet; clients' networks; the same in IPv6 (documentation prefixes of RFC 5737 and RFC
    /// 3849). No account may draw addresses from here.
    pub const OWN: [IpNet; 3] = [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, 0), 24)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0), 48)),
    ];

    /// The prefixes of one family, each with the ASN that announces it.
    pub fn dealt(&self, asns: &[Asn], v6: bool) -> Vec<(IpNet, Asn)> {
        let family = self.prefixes.iter().filter(|p| p.addr().is_ipv6() == v6);
        family.zip(asns.iter().cycle()).map(|(p, a)| (p.trunc(), *a)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_dealt_for_itself() {
        let prefixes = ["198.18.0.0/24", "2001:db8:1::/48", "198.18.1.0/24", "198.18.2.0/24"];
        let settings = LabSettings {
            prefixes: prefixes.map(|p| p.parse().unwrap()).into(),
            boot_time: boot_time(),
            quota: None,
            max_addresses: 1,
        };
        let asns = |v6| settings.dealt(&[Asn(1), Asn(2)], v6).iter().map(|d| d.1.0).collect();
        let (v4, v6): (Vec<u32>, Vec<u32>) = (asns(false), asns(true));
        assert_eq!((v4, v6), (vec![1, 2, 1], vec![1]));
    }
}
