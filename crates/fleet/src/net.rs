//! Networks: autonomous systems and prefixes.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of an autonomous system (RFC 6793: 32 bits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Asn(#[schemars(range(min = 1))] pub u32);

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("AS{}", self.0))
    }
}

impl fmt::Debug for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The prefix that counts as one when addresses are blocked by neighbourhood: /24 for IPv4 and
/// /48 for IPv6, the smallest that are routed on the public internet.
pub fn prefix_of(address: IpAddr) -> IpNet {
    // Both lengths are within their family's, so neither constructor can fail.
    match address {
        IpAddr::V4(a) => Ipv4Net::new_assert(a, 24).trunc().into(),
        IpAddr::V6(a) => Ipv6Net::new_assert(a, 48).trunc().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_prefix() {
        let of = |a: &str| prefix_of(a.parse().unwrap()).to_string();
        assert_eq!(of("198.51.100.7"), "198.51.100.0/24");
        assert_eq!(of("2001:db8:1:2::3"), "2001:db8:1::/48");
    }
}
