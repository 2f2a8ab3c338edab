//! The prefixes that an account's addresses are drawn from.

use std::net::{IpAddr, Ipv4Addr};

use damm_fleet::{Asn, ProviderName};
use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use super::dice::{hash, mix};

/// Prefixes that are made up for each of an account's ASNs, so that rotation within one can be
/// seen to change the prefix.
const MADE_UP_PER_ASN: usize = 2;
/// 4,094 hosts each, and 4,096 of them in 10.0.0.0/8.
const MADE_UP_LENGTH: u8 = 20;

/// One prefix, with how far it has been drawn from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) prefix: IpNet,
    pub(super) asn: Asn,
    /// Addresses drawn so far; it goes on when the prefix's end is reached, so that what was given
    /// back comes round again as late as can be.
    pub(super) drawn: u64,
}

impl Pool {
    pub(super) const fn new(prefix: IpNet, asn: Asn) -> Self {
        Self { prefix, asn, drawn: 0 }
    }

    /// Addresses that can be given; without the network's own and the broadcast address.
    pub(super) fn size(&self) -> u64 {
        let bits = self.prefix.max_prefix_len() - self.prefix.prefix_len();
        match (&self.prefix, bits) {
            (_, 0 | 1) => 1 << bits,
            (IpNet::V4(_), _) => (1 << bits) - 2,
            // More than anybody draws; the end of a wide prefix is never reached.
            (IpNet::V6(_), 33..) => 1 << 33,
            (IpNet::V6(_), _) => (1 << bits) - 1,
        }
    }

    /// The next address that is free, if there is one.
    pub(super) fn draw(&mut self, free: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
        let size = self.size();
        for step in 0..size {
            let address = self.nth((self.drawn + step) % size);
            if free(address) {
                self.drawn += step + 1;
                return Some(address);
            }
        }
        None
    }

    fn nth(&self, n: u64) -> IpAddr {
        let skip = u64::from(self.prefix.max_prefix_len() - self.prefix.prefix_len() > 1);
        match self.prefix {
            IpNet::V4(net) => {
                let base = u64::from(u32::from(net.network()));
                // `n` is below the prefix's size, so the sum stays within 32 bits.
                IpAddr::V4(Ipv4Addr::from((base + skip + n) as u32))
            }
            IpNet::V6(net) => {
                let base = u128::from(net.network());
                IpAddr::V6((base + u128::from(skip + n)).into())
            }
        }
    }
}

/// Pools for prefixes that were told, spread over the ASNs in turn.
pub(super) fn told(prefixes: &[IpNet], asns: &[Asn]) -> Vec<Pool> {
    let asn = |i: usize| asns.get(i % asns.len().max(1)).copied();
    prefixes
        .iter()
        .enumerate()
        .map(|(i, p)| Pool::new(p.trunc(), asn(i).unwrap_or(Asn(0))))
        .collect()
}

/// Pools that are made up from the provider's name, none of which overlaps with what others have.
pub(super) fn made_up(provider: &ProviderName, asns: &[Asn], taken: &[IpNet]) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    for round in 0..MADE_UP_PER_ASN {
        for asn in asns {
            let start = mix(mix(hash(provider.as_str()), u64::from(asn.0)), round as u64);
            let clear = |p: &IpNet| {
                let overlaps = |q: &IpNet| q.contains(p) || p.contains(q);
                !taken.iter().chain(pools.iter().map(|p| &p.prefix)).any(overlaps)
            };
            let found = (0..4_096).map(|i| nth_made_up(start.wrapping_add(i))).find(clear);
            pools.extend(found.map(|prefix| Pool::new(prefix, *asn)));
        }
    }
    pools
}

fn nth_made_up(n: u64) -> IpNet {
    let address = 0x0a00_0000 | ((n % 4_096) as u32) << (32 - MADE_UP_LENGTH);
    // The length is a constant below 33, so this can't fail.
    Ipv4Net::new_assert(Ipv4Addr::from(address), MADE_UP_LENGTH).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn pool(prefix: &str) -> Pool {
        Pool::new(prefix.parse().unwrap(), Asn(1))
    }

    #[test]
    fn a_prefix_gives_each_of_its_hosts_once() {
        for (prefix, hosts) in
            [("192.0.2.0/29", 6), ("192.0.2.0/31", 2), ("192.0.2.9/32", 1), ("2001:db8::/126", 3)]
        {
            let mut pool = pool(prefix);
            let mut seen = BTreeSet::new();
            while let Some(a) = pool.draw(|a| !seen.contains(&a)) {
                assert!(pool.prefix.contains(&a), "{a} is not in {prefix}");
                seen.insert(a);
            }
            assert_eq!(seen.len(), hosts, "{prefix}");
        }
    }

    #[test]
    fn what_was_given_back_comes_round_last() {
        let mut pool = pool("192.0.2.0/29");
        let first = pool.draw(|_| true).unwrap();
        let rest: Vec<_> = (0..5).filter_map(|_| pool.draw(|_| true)).collect();
        assert!(!rest.contains(&first));
        assert_eq!(pool.draw(|_| true), Some(first));
    }

    #[test]
    fn made_up_prefixes_never_overlap_and_alternate_over_the_asns() {
        let mut taken = Vec::new();
        for name in ["a", "b", "c", "d"] {
            let pools = made_up(&name.parse().unwrap(), &[Asn(1), Asn(2)], &taken);
            let asns: Vec<_> = pools.iter().map(|p| p.asn.0).collect();
            assert_eq!(asns, [1, 2, 1, 2]);
            taken.extend(pools.iter().map(|p| p.prefix));
        }
        let different: BTreeSet<_> = taken.iter().collect();
        assert_eq!(different.len(), 16);
    }
}
