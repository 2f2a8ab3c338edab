//! What a data plane has to remember: what its numbers in the kernel mean.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use damm_fleet::{EgressIpId, FrontdoorId, NodeId};
use damm_protocol::{AddressConfig, NodeConfig, PeerHealth, RoleConfig};
use serde::{Deserialize, Serialize};

use crate::dataplane::DataplaneError;
use crate::dataplane::marks::Marks;
use crate::dataplane::ruleset::Receivers;
use crate::dataplane::slots::Slots;
use crate::home::{Found, Shelf, Tripwire};
use crate::transport::internal_port;

/// The file's name.
const NAME: &str = "dataplane";

/// What a data plane remembers over its own restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// An ingress' egress nodes.
    pub peers: Marks<NodeId>,
    /// An ingress' front doors.
    pub doors: Marks<FrontdoorId>,
    /// Where front doors are, also those that are being closed.
    pub places: BTreeMap<FrontdoorId, Place>,
    /// An egress' addresses.
    pub addresses: Marks<EgressIpId>,
    /// Who gets new sessions of IPv4.
    pub slots4: Slots,
    /// Who gets new sessions of IPv6.
    pub slots6: Slots,
    /// Addresses that were put on the uplink by us.
    pub uplink: BTreeSet<IpAddr>,
}

/// Where connections to a front door end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The front door's address.
    pub address: IpAddr,
    /// Where its transport listens.
    pub port: u16,
}

/// Keeps a [`Memory`] on disk.
#[derive(Debug)]
pub struct Keeper {
    shelf: Shelf,
    kept: Memory,
}

impl Keeper {
    /// The keeper of a directory, what it last kept, and whether that was damaged: what the kernel
    /// holds means nothing then.
    pub fn open(home: &Path) -> Result<(Self, Memory, bool), DataplaneError> {
        let shelf = Shelf::open(home, Tripwire::default())?;
        let (memory, damaged) = match shelf.get::<Memory>(NAME)? {
            Found::Whole(memory) => (memory, false),
            Found::Nothing => (Memory::default(), false),
            Found::Previous(_) | Found::Lost => (Memory::default(), true),
        };
        Ok((Self { shelf, kept: memory.clone() }, memory, damaged))
    }

    /// Keeps it; on the disk when this returns.
    pub fn keep(&mut self, memory: &Memory) -> Result<(), DataplaneError> {
        if self.kept != *memory {
            self.shelf.put(NAME, memory)?;
            self.kept = memory.clone();
        }
        Ok(())
    }
}

impl Memory {
    /// Gives marks and slots for a config; `health` is what is known of its egress nodes.
    ///
    /// # Errors
    /// When there are no marks left.
    pub fn follow(
        &mut self,
        config: &NodeConfig,
        health: &BTreeMap<NodeId, PeerHealth>,
        now: u64,
    ) -> Result<(), DataplaneError> {
        let ids = |role: &RoleConfig| match role {
            RoleConfig::Ingress(i) => {
                (i.egresses.keys().copied().collect(), i.frontdoors.keys().copied().collect())
            }
            RoleConfig::Egress(_) => (Vec::new(), Vec::new()),
        };
        let (peers, doors): (Vec<NodeId>, Vec<FrontdoorId>) = ids(&config.role);
        let addresses: Vec<EgressIpId> = match &config.role {
            RoleConfig::Ingress(_) => Vec::new(),
            RoleConfig::Egress(e) => e.addresses.keys().copied().collect(),
        };
        self.peers.hold(peers, now)?;
        self.doors.hold(doors, now)?;
        self.addresses.hold(addresses, now)?;
        let [v4, v6] = self.weights(&config.role, health);
        (self.slots4, self.slots6) = (self.slots4.deal(&v4), self.slots6.deal(&v6));
        if let RoleConfig::Ingress(ingress) = &config.role {
            let place = |door: &damm_protocol::DoorConfig| Place {
                address: door.address,
                port: internal_port(&door.transport),
            };
            self.places.extend(ingress.frontdoors.iter().map(|(id, door)| (*id, place(door))));
        }
        Ok(())
    }

    /// Weights by mark, of IPv4 and of IPv6, of what takes new sessions.
    fn weights(
        &self,
        role: &RoleConfig,
        health: &BTreeMap<NodeId, PeerHealth>,
    ) -> [BTreeMap<u16, u32>; 2] {
        match role {
            RoleConfig::Ingress(ingress) => {
                let peers = || ingress.egresses.iter().filter(|(_, p)| p.receiving.is_active());
                let is_down = |id: &NodeId| health.get(id) == Some(&PeerHealth::Down);
                // When none answers it is more likely our own way that is broken: then all stay,
                // and serve again as soon as it is mended.
                let all_down = peers().all(|(id, _)| is_down(id));
                let of = |v4: bool| {
                    let up = peers().filter(|(id, _)| all_down || !is_down(id));
                    let able = up.filter(|(_, peer)| if v4 { peer.v4 } else { peer.v6 });
                    able.filter_map(|(id, p)| Some((self.peers.get(*id)?, p.weight))).collect()
                };
                [of(true), of(false)]
            }
            RoleConfig::Egress(egress) => [true, false].map(|v4| {
                let of = || egress.addresses.iter().filter(|(_, a)| a.address.is_ipv4() == v4);
                let takes = |a: &AddressConfig| a.receiving.is_active() && a.weight > 0;
                // Where all drain the whole node does, and ingresses send it nothing new once they
                // have heard of that. Who has not yet is served, or its clients would be refused.
                let all_drain = !of().any(|(_, a)| takes(a));
                let taking = of().filter(|(_, a)| all_drain || takes(a));
                taking.filter_map(|(id, a)| Some((self.addresses.get(*id)?, a.weight))).collect()
            }),
        }
    }

    /// Who gets new sessions.
    pub fn receivers(&self) -> Receivers {
        Receivers { v4: self.slots4.clone(), v6: self.slots6.clone() }
    }

    /// Whether something is still to be taken down.
    pub fn leaves(&self) -> bool {
        let marks = self.peers.leaving().count() + self.addresses.leaving().count();
        marks + self.doors.leaving().count() > 0
    }

    /// All that left has been taken down.
    pub fn rest(&mut self, now: u64) {
        self.peers.rest(now);
        self.doors.rest(now);
        self.addresses.rest(now);
        let held: BTreeSet<_> = self.doors.held().map(|(id, _)| id).collect();
        self.places.retain(|id, _| held.contains(id));
    }
}
