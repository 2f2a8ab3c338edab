//! Pools: the ingress or the egress nodes of a region, and what the topology wants of them.

use std::collections::BTreeSet;

use damm_fleet::topology::{PoolProvider, Profile, Transport};
use damm_fleet::{
    Blueprint, Duty, FrontdoorId, Node, ProfileName, ProviderName, RegionName, Role, Share, Span,
    Topology,
};

use crate::builder::stays;

/// One pool, with what the topology wants of it.
#[derive(Debug, Clone)]
pub(crate) struct Pool<'a> {
    pub(crate) region: RegionName,
    pub(crate) role: Role,
    /// Nodes in service.
    pub(crate) live: usize,
    /// Warm nodes beside them.
    pub(crate) standby: usize,
    /// Nodes held back from every catalog.
    pub(crate) reserve: usize,
    /// None when the region has left the topology: all of the pool is surplus then.
    pub(crate) profile: Option<(&'a ProfileName, &'a Profile)>,
    pub(crate) providers: &'a [PoolProvider],
    pub(crate) max_disrupted: Share,
    pub(crate) drain: Span,
    pub(crate) burned_drain: Span,
}

impl<'a> Pool<'a> {
    /// All pools that the topology wants or the blueprint has, in order of region; ingress first.
    pub(crate) fn all(topology: &'a Topology, blueprint: &Blueprint) -> Vec<Self> {
        let wanted = topology.regions.keys();
        let standing = blueprint.nodes.values().map(|n| &n.region);
        let regions: BTreeSet<&RegionName> = wanted.chain(standing).collect();
        let both = |r: &&RegionName| [Self::ingress(topology, r), Self::egress(topology, r)];
        regions.iter().flat_map(both).collect()
    }

    fn ingress(topology: &'a Topology, name: &RegionName) -> Self {
        let rotation = &topology.rotation.ingress;
        let pool = topology.regions.get(name).map(|r| &r.ingress);
        let live = pool.map_or(0, |p| p.live as usize);
        let shares = topology.served_by(name).map(|(_, p)| p.reserve.ceil_of(live));
        Self {
            region: name.clone(),
            role: Role::Ingress,
            live,
            standby: pool.map_or(0, |p| p.standby as usize),
            reserve: shares.max().unwrap_or(0),
            profile: pool.and_then(|p| topology.profiles.get_key_value(&p.profile)),
            providers: pool.map_or(&[], |p| &p.providers),
            max_disrupted: rotation.max_disrupted,
            drain: rotation.drain,
            burned_drain: rotation.burned_drain,
        }
    }

    fn egress(topology: &'a Topology, name: &RegionName) -> Self {
        let rotation = &topology.rotation.egress;
        let pool = topology.regions.get(name).map(|r| &r.egress);
        Self {
            region: name.clone(),
            role: Role::Egress,
            live: pool.map_or(0, |p| p.nodes as usize),
            standby: 0,
            reserve: 0,
            profile: pool.and_then(|p| topology.profiles.get_key_value(&p.profile)),
            providers: pool.map_or(&[], |p| &p.providers),
            max_disrupted: rotation.max_disrupted,
            drain: rotation.drain,
            burned_drain: rotation.drain,
        }
    }

    /// How many nodes the topology wants for a duty.
    pub(crate) const fn want(&self, duty: Duty) -> usize {
        match duty {
            Duty::Serve => self.live,
            Duty::Standby => self.standby,
            Duty::Reserve => self.reserve,
        }
    }

    /// Addresses on each node.
    pub(crate) fn per_node(&self) -> usize {
        let count = self.profile.map_or(0, |(_, p)| match self.role {
            Role::Ingress => p.frontdoors,
            Role::Egress => p.egress_ips,
        });
        count as usize
    }

    /// Addresses in service, when all is well.
    pub(crate) fn size(&self) -> usize {
        self.live * self.per_node()
    }

    /// Addresses that may be draining, replaced, unhealthy or not joined at once. At least one, or
    /// a small pool could never rotate.
    pub(crate) fn max_disrupted(&self) -> usize {
        self.max_disrupted.floor_of(self.size()).max(1)
    }

    /// Addresses that may look blocked or down at once before rotation halts. At least one node's,
    /// or a single loss would halt a small pool.
    pub(crate) fn breaker(&self, share: Share, of: usize) -> usize {
        share.floor_of(of).max(self.per_node()).max(1)
    }

    /// The pool's word on a provider, when the pool draws from it.
    pub(crate) fn provider(&self, name: &ProviderName) -> Option<&PoolProvider> {
        self.providers.iter().find(|p| p.name() == name)
    }

    /// What a node's next front door should speak: the transport that it has fewest of, not
    /// counting the door that is to be replaced.
    pub(crate) fn next_transport(
        &self,
        node: &Node,
        replaces: Option<FrontdoorId>,
    ) -> Option<Transport> {
        let (_, profile) = self.profile?;
        let standing = |t: &Transport| {
            let doors = node.frontdoors.values().filter(|d| d.transport == *t);
            doors.filter(|d| stays(&d.stage) && Some(d.id) != replaces).count()
        };
        profile.transports.iter().min_by_key(|t| standing(t)).cloned()
    }

    /// What of a node the topology no longer asks for, in a few words.
    pub(crate) fn drift(&self, topology: &Topology, node: &Node) -> Option<String> {
        let (name, profile) = self.profile?;
        if node.profile != *name {
            return Some(format!("profile {} is now {name}", node.profile));
        }
        if self.provider(&node.provider).is_none() {
            return Some(format!("{} has left the pool", node.provider));
        }
        let provider = topology.providers.get(&node.provider)?;
        let machine = profile.machine.get(&provider.kind);
        if let Some(machine) = machine.filter(|m| **m != node.machine) {
            return Some(format!("machine {} is now {machine}", node.machine));
        }
        let location = provider.locations.get(&self.region);
        let location = location.filter(|l| **l != node.location)?;
        Some(format!("location {} is now {location}", node.location))
    }
}
