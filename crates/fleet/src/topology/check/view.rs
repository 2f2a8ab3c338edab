//! The pools of a topology side by side, ingress and egress alike.

use crate::name::{ProfileName, RegionName};
use crate::node::Role;
use crate::topology::path::Path;
use crate::topology::{PoolProvider, Profile, Topology};

/// One pool of one region.
#[derive(Clone, Copy)]
pub struct Pool<'a> {
    /// Where.
    pub region: &'a RegionName,
    /// Which of the region's two.
    pub role: Role,
    /// What its nodes run.
    pub profile: &'a ProfileName,
    /// The accounts that its nodes come from.
    pub providers: &'a [PoolProvider],
    /// Nodes in service.
    pub live: u32,
    /// Warm nodes beside them.
    pub standby: u32,
}

impl<'a> Pool<'a> {
    /// All pools, region by region.
    pub fn all(topology: &'a Topology) -> impl Iterator<Item = Self> {
        topology.regions.iter().flat_map(|(region, r)| {
            let ingress = Self {
                region,
                role: Role::Ingress,
                profile: &r.ingress.profile,
                providers: &r.ingress.providers,
                live: r.ingress.live,
                standby: r.ingress.standby,
            };
            let egress = Self {
                region,
                role: Role::Egress,
                profile: &r.egress.profile,
                providers: &r.egress.providers,
                live: r.egress.nodes,
                standby: 0,
            };
            [ingress, egress]
        })
    }

    /// Where it stands in the file.
    pub fn path(&self) -> Path {
        Path::keys(["regions", self.region.as_str(), &self.role.to_string()])
    }

    /// The key that says how many nodes are in service.
    pub fn count_path(&self) -> Path {
        self.path().key(match self.role {
            Role::Ingress => "live",
            Role::Egress => "nodes",
        })
    }

    /// Where one of its providers is named.
    pub fn provider_path(&self, at: usize) -> Path {
        let entry = self.path().key("providers").index(at);
        match self.providers.get(at) {
            Some(PoolProvider::Weighted(_)) => entry.key("provider"),
            _ => entry,
        }
    }

    /// Its profile, when there is one of that name.
    pub fn profile_of(&self, topology: &'a Topology) -> Option<&'a Profile> {
        topology.profiles.get(self.profile)
    }

    /// Addresses on each of its nodes.
    pub fn addresses(&self, topology: &Topology) -> u32 {
        self.profile_of(topology).map_or(0, |p| match self.role {
            Role::Ingress => p.frontdoors,
            Role::Egress => p.egress_ips,
        })
    }

    /// Nodes of this pool that are held in reserve: as many as the population that asks for most.
    pub fn reserve(&self, topology: &Topology) -> u32 {
        match self.role {
            Role::Ingress => topology
                .served_by(self.region)
                .map(|(_, p)| p.reserve.ceil_of(self.live as usize) as u32)
                .max()
                .unwrap_or(0),
            Role::Egress => 0,
        }
    }

    /// All nodes that it holds when nothing is being replaced.
    pub fn size(&self, topology: &Topology) -> u64 {
        let reserve = self.reserve(topology);
        u64::from(self.live) + u64::from(self.standby) + u64::from(reserve)
    }
}
