//! What stands in a lab beside its machines, and at which addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use damm_fleet::{Asn, Topology};
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::error::{LabError, Result};

/// The addresses of something that stands in the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// IPv4.
    pub v4: Ipv4Addr,
    /// IPv6.
    pub v6: Ipv6Addr,
}

impl Site {
    const fn own(host: u8) -> Self {
        Self {
            v4: Ipv4Addr::new(192, 0, 2, host),
            v6: Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, host as u16),
        }
    }

    /// Both addresses.
    pub fn both(self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }

    /// The first addresses of the server that plays the internet: it has this many, so that one
    /// client can be seen to reach many places.
    pub fn internet() -> impl Iterator<Item = Self> {
        (0..INTERNET_SITES).map(|n| Self::own(INTERNET_FIRST + n))
    }
}

/// The controller's addresses; machines know it as `controller.lab`.
pub const CONTROL: Site = Site::own(2);
/// The first addresses of the server that plays the internet.
pub const INTERNET: Site = Site::own(INTERNET_FIRST);

const INTERNET_FIRST: u8 = 16;
const INTERNET_SITES: u8 = 16;
/// Networks of clients that fit into 203.0.113.0/24.
const NETWORKS: usize = 16;
/// Clients that fit into one of them.
const CLIENTS: u32 = 14;

/// A network that clients are in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its number, from the topology's populations.
    pub asn: Asn,
    /// Its addresses.
    pub v4: Ipv4Net,
    /// The same of IPv6.
    pub v6: Ipv6Net,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The network that it is in, by name.
    pub network: String,
    /// Its addresses.
    pub site: Site,
}

/// What stands in a lab beside its machines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Clients' networks by name, as in `as58224`.
    pub networks: BTreeMap<String, Network>,
    /// Clients by name, as in `as58224-1`.
    pub clients: BTreeMap<String, Client>,
}

impl Layout {
    /// One network for each network of the topology's populations, with this many clients in each
    /// (14 at most).
    ///
    /// # Errors
    ///
    /// [`LabError::TooManyNetworks`].
    pub fn of(topology: &Topology, clients: u32) -> Result<Self> {
        let asns = topology.populations.values().flat_map(|p| p.asns.iter().copied());
        let asns: std::collections::BTreeSet<Asn> = asns.collect();
        if asns.len() > NETWORKS {
            return Err(LabError::TooManyNetworks { room: NETWORKS, wanted: asns.len() });
        }
        let mut layout = Self::default();
        for (number, asn) in (0u8..).zip(asns) {
            let (name, network) = (format!("as{}", asn.0), network(number, asn));
            for client in 1..=clients.min(CLIENTS) {
                let client_name = format!("{name}-{client}");
                layout.clients.insert(client_name, network.client(&name, client));
            }
            layout.networks.insert(name, network);
        }
        Ok(layout)
    }
}

fn network(number: u8, asn: Asn) -> Network {
    let v4 = Ipv4Addr::new(203, 0, 113, number * 16);
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0xc000 + u16::from(number), 0, 0, 0, 0);
    // The lengths are constants within their families' bounds.
    Network { asn, v4: Ipv4Net::new_assert(v4, 28), v6: Ipv6Net::new_assert(v6, 64) }
}

impl Network {
    fn client(&self, name: &str, number: u32) -> Client {
        let v4 = Ipv4Addr::from_bits(self.v4.addr().to_bits() + number);
        let v6 = Ipv6Addr::from_bits(self.v6.addr().to_bits() + u128::from(number));
        Client { network: name.to_owned(), site: Site { v4, v6 } }
    }
}

#[cfg(test)]
mod tests {
    use damm_fleet::topology::LabSettings;

    use super::*;

    #[test]
    fn all_that_the_lab_itself_uses_lies_within_its_own_prefixes() {
        let own = |a: IpAddr| LabSettings::OWN.iter().any(|p| p.contains(&a));
        assert!(Site::internet().chain([CONTROL]).flat_map(Site::both).all(own));
        let last = network(15, Asn(1)).client("x", CLIENTS).site;
        assert_eq!(last.v4, Ipv4Addr::new(203, 0, 113, 254));
        assert!(last.both().into_iter().all(own));
    }
}
