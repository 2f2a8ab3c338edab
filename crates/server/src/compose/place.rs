//! The addresses that follow from a node's place in its region's overlay.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use damm_fleet::Role;
use damm_fleet::topology::Backbone;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Where the IPv4 addresses of sessions come from: 4,096 prefixes of 1,024 addresses.
const SESSIONS4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 64, 0, 0), 10);

/// The length of one node's prefix of session addresses in IPv4.
const LENGTH4: u8 = 22;

/// The length of one node's prefix in IPv6.
const LENGTH6: u8 = 64;

/// The longest prefix that has one of [`LENGTH6`] for each place.
const LONGEST: u8 = 48;

/// Ingress nodes that a region has room for: as many as [`SESSIONS4`] has prefixes.
const INGRESSES: u16 = 1 << (LENGTH4 - SESSIONS4.prefix_len());

/// The overlay can't be laid out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// The topology's prefix is too long, or of IPv4.
    #[error(
        "{prefix} has no room for the overlay: give backbone.prefix an IPv6 prefix of /48, out of \
         fd00::/8"
    )]
    Prefix {
        /// The prefix.
        prefix: IpNet,
    },
}

/// Where all nodes of a region stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlay(Ipv6Net);

/// A node's place in its region's overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Source addresses of the node's sessions in IPv4; of ingress nodes only.
    pub sessions4: Ipv4Net,
    /// The same for IPv6. The first address in it is the node's own.
    pub sessions6: Ipv6Net,
}

impl Overlay {
    /// The overlay of a topology.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] when its prefix is no IPv6 prefix of /48 or wider.
    pub fn of(backbone: &Backbone) -> Result<Self, NoRoom> {
        match backbone.prefix {
            IpNet::V6(net) if net.prefix_len() <= LONGEST => Ok(Self(net.trunc())),
            prefix => Err(NoRoom::Prefix { prefix }),
        }
    }

    /// The places for nodes of a role. Only ingress nodes need IPv4 addresses for their sessions.
    pub const fn places(role: Role) -> Range<u16> {
        match role {
            Role::Ingress => 0..INGRESSES,
            Role::Egress => INGRESSES..u16::MAX,
        }
    }

    /// What stands at a place.
    pub fn place(self, place: u16) -> Place {
        // An egress' place is beyond the last prefix of IPv4, and is not asked for one.
        let nth4 = u32::from(place % INGRESSES) << (32 - LENGTH4);
        let nth6 = u128::from(place) << (128 - LENGTH6);
        let v4 = Ipv4Addr::from_bits(SESSIONS4.addr().to_bits() | nth4);
        let v6 = Ipv6Addr::from_bits(self.0.addr().to_bits() | nth6);
        Place {
            sessions4: Ipv4Net::new_assert(v4, LENGTH4),
            sessions6: Ipv6Net::new_assert(v6, LENGTH6),
        }
    }
}

impl Place {
    /// The node's own address in the overlay.
    pub fn address(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.sessions6.network().to_bits() | 1)
    }
}

/// A place that nobody has: the one after the highest that is taken, so that addresses are used
/// again as late as can be; else the lowest that is free.
pub(crate) fn free(role: Role, taken: impl Fn(u16) -> bool) -> Option<u16> {
    let all = Overlay::places(role);
    let highest = all.clone().rev().find(|p| taken(*p));
    let next = highest.map_or(all.start, |h| h + 1);
    all.contains(&next).then_some(next).or_else(|| all.clone().find(|p| !taken(*p)))
}
