//! Addresses that vendors give.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use ipnet::IpNet;

/// Draws addresses of a prefix in order, each once; subnets of /64 where it is IPv6.
#[derive(Debug)]
pub struct Pool {
    prefix: IpNet,
    drawn: AtomicU32,
}

impl Pool {
    /// A prefix, as in `198.51.100.0/24`.
    ///
    /// # Panics
    ///
    /// When it is no prefix.
    pub fn of(prefix: &str) -> Self {
        let read = prefix.parse();
        let prefix = read.unwrap_or_else(|_| panic!("`{prefix}` is no prefix"));
        Self { prefix, drawn: AtomicU32::new(0) }
    }

    /// The next address; from the start again after the last.
    pub fn draw(&self) -> IpAddr {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        match self.prefix {
            IpNet::V4(net) => {
                let hosts = u32::MAX.checked_shr(u32::from(net.prefix_len())).unwrap_or(0);
                let host = if hosts < 3 { 0 } else { 1 + (n - 1) % (hosts - 1) };
                IpAddr::V4(Ipv4Addr::from_bits(u32::from(net.network()) | host))
            }
            IpNet::V6(net) => {
                let subnets = 64_u8.saturating_sub(net.prefix_len()).min(32);
                let n = u128::from(n) & ((1 << subnets) - 1);
                IpAddr::V6(Ipv6Addr::from_bits(u128::from(net.network()) | n << 64 | 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn addresses_come_once_and_are_of_the_prefix() {
        for prefix in ["198.51.100.0/24", "2001:db8::/32"] {
            let (pool, net) = (Pool::of(prefix), prefix.parse::<IpNet>().unwrap_or_default());
            let drawn: BTreeSet<_> = (0..254).map(|_| pool.draw()).collect();
            assert_eq!(drawn.len(), 254);
            assert!(drawn.iter().all(|a| net.contains(a)), "{drawn:?}");
        }
    }
}
