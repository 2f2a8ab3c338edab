//! Destinations that no client may reach, whatever the packet filter says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use damm_protocol::{TunnelAddresses, witness_addresses};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 that is no destination on the internet: RFC 6890 without what only documents use.
const NOWHERE4: [Ipv4Net; 11] = [
    Ipv4Net::new_assert(Ipv4Addr::new(0, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 0, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15),
    Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4),
    Ipv4Net::new_assert(Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// All of IPv6 that is given to anybody (RFC 4291).
const GLOBAL6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Addresses that carry an IPv4 address and would reach it: 6to4 and Teredo.
const CARRIERS6: [Ipv6Net; 2] = [
    Ipv6Net::new_assert(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32),
];

/// Whether a client may not reach a destination. The resolver that all clients are given and the
/// node's witness are allowed, each at its port.
pub(super) fn refused(to: SocketAddr, allow: &[IpNet]) -> bool {
    let resolver = TunnelAddresses::RESOLVER;
    let asks = to.port() == 53 && [IpAddr::V4(resolver.v4), resolver.v6.into()].contains(&to.ip());
    if asks || witness_addresses().contains(&to) || allow.iter().any(|net| net.contains(&to.ip())) {
        return false;
    }
    match to.ip() {
        IpAddr::V4(v4) => NOWHERE4.iter().any(|net| net.contains(&v4)),
        IpAddr::V6(v6) => !GLOBAL6.contains(&v6) || CARRIERS6.iter().any(|net| net.contains(&v6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_internet_is_allowed_and_what_lies_within_is_not() {
        let witness = witness_addresses().map(|at| at.to_string());
        let others = ["192.0.2.1:443", "[2001:db8::1]:443", "8.8.8.8:53", "100.64.0.2:53"];
        for good in others.into_iter().chain(witness.iter().map(String::as_str)) {
            assert!(!refused(good.parse().unwrap(), &[]), "{good}");
        }
        let bad = [
            "10.64.0.1:80",
            "100.64.0.2:80",
            "100.64.0.9:53",
            "100.64.0.1:30001",
            "100.64.0.2:30000",
            "127.0.0.1:53",
            "0.0.0.0:1",
            "169.254.169.254:80",
            "[::1]:80",
            "[fd5d:616d:6c00::1]:80",
            "[::ffff:8.8.8.8]:80",
            "[fe80::1]:80",
            "[2002:7f00:1::]:80",
            "255.255.255.255:9",
            "[ff02::1]:5353",
        ];
        for bad in bad {
            assert!(refused(bad.parse().unwrap(), &[]), "{bad}");
        }
    }

    #[test]
    fn what_the_operator_allows_is_allowed() {
        let allow = ["127.0.0.0/8".parse().unwrap()];
        assert!(!refused("127.0.0.1:80".parse().unwrap(), &allow));
    }
}
