//! From a blueprint and what was observed to what a bucket is told.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_assign::{AssignKey, Bucket, Candidate, Deal, Learned, Splitting, Table};
use damm_fleet::inventory::{ObservedAddress, TransportParams};
use damm_fleet::{
    Asn, Blueprint, FrontdoorId, Inventory, Node, NodeId, Phase, PopulationName, RegionName, Role,
    Subject, Timestamp, Topology, node::Frontdoor, prefix_of,
};

use crate::audience::Audience;
use crate::contents::{Catalog, Front, MAX_VERSION, SCHEMA};
use crate::error::Error;

/// One edition of a bucket's catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// Higher than that of any edition for the same bucket before it.
    pub version: u64,
    /// From when on it holds.
    pub not_before: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
}

/// All that one population is told in one region, ready to be divided over its buckets.
///
/// Egress is looked at only to refuse its addresses (rule 1); nothing of it gets any further, so
/// no change of it can change a catalog (rule 2).
#[derive(Debug, Clone)]
pub struct Told {
    fleet: String,
    region: RegionName,
    population: PopulationName,
    buckets: u32,
    fronts_per_bucket: usize,
    fronts: BTreeMap<FrontdoorId, Front>,
    candidates: Vec<Candidate>,
    deal: Deal,
}

/// One bucket's catalog. For many buckets, make [`Told`] once.
///
/// # Errors
///
/// As [`Told::new`] and [`Told::catalog`].
#[allow(clippy::too_many_arguments)] // What a catalog follows from is that much.
pub fn build(
    blueprint: &Blueprint,
    topology: &Topology,
    inventory: &Inventory,
    region: &RegionName,
    population: &PopulationName,
    bucket: u32,
    key: &AssignKey,
    edition: Edition,
) -> Result<Catalog, Error> {
    Told::new(blueprint, topology, inventory, region, population)?.catalog(key, bucket, edition)
}

impl Told {
    /// Gathers the doors that a population may be told of in a region: those that
    /// [`Blueprint::told`] names, and whose address is observed attached and probed.
    ///
    /// # Errors
    ///
    /// - [`Error::EgressAddress`] when one of them has an egress address.
    /// - [`Error::NoFronts`] when there are none: an empty catalog would cut clients off.
    pub fn new(
        blueprint: &Blueprint,
        topology: &Topology,
        inventory: &Inventory,
        region: &RegionName,
        population: &PopulationName,
    ) -> Result<Self, Error> {
        let hidden = hidden(blueprint, inventory);
        let mut fronts = BTreeMap::new();
        let mut candidates = Vec::new();
        for (node, door) in blueprint.told(topology, population) {
            let observed = inventory.frontdoors.get(&door.id);
            let Some((observed, address)) = observed.and_then(usable) else {
                continue;
            };
            if node.region != *region {
                continue;
            }
            if let Some(egress) = hidden.get(&address.to_canonical()) {
                return Err(Error::EgressAddress { door: door.id, egress: *egress });
            }
            let params = inventory.transports.get(&node.id);
            let front = front(door, address, params);
            if let Some(egress) = named(&front, &hidden) {
                return Err(Error::EgressAddress { door: door.id, egress });
            }
            fronts.insert(door.id, front);
            candidates.push(candidate(topology, node, door.id, observed, address));
        }
        if fronts.is_empty() {
            return Err(Error::NoFronts { region: region.clone(), population: population.clone() });
        }
        Ok(Self {
            fleet: topology.fleet.clone(),
            region: region.clone(),
            population: population.clone(),
            buckets: topology.catalog.buckets,
            fronts_per_bucket: topology.catalog.fronts_per_bucket as usize,
            fronts,
            deal: Deal::of_all(
                population,
                topology.catalog.fronts_per_bucket as usize,
                &candidates,
            ),
            candidates,
        })
    }

    /// The same with some buckets split: those who are suspected are told of doors of their own.
    pub fn split(mut self, key: &AssignKey, splitting: &Splitting, learned: &Learned) -> Self {
        let (population, count) = (&self.population, self.fronts_per_bucket);
        let table = Table { key, population, count, splitting, learned };
        self.deal = Deal::new(table, &self.candidates);
        self
    }

    /// The doors that the population is told of in the region, over all buckets.
    pub fn fronts(&self) -> impl Iterator<Item = &Front> {
        self.fronts.values()
    }

    /// One bucket's catalog. It names no front door when the bucket is a single client that gave
    /// away all that it was told, and should not be published then.
    ///
    /// # Errors
    ///
    /// [`Error::NoBucket`], [`Error::Version`] or [`Error::Times`].
    pub fn catalog(
        &self,
        key: &AssignKey,
        bucket: u32,
        edition: Edition,
    ) -> Result<Catalog, Error> {
        let leaf = self.check(bucket, edition)?;
        let chosen = self.deal.doors_of(key, leaf);
        Ok(Catalog {
            schema: SCHEMA,
            fleet: self.fleet.clone(),
            region: self.region.clone(),
            audience: self.audience(key, bucket),
            version: edition.version,
            not_before: edition.not_before,
            expires: edition.expires,
            fronts: chosen.iter().filter_map(|id| self.fronts.get(id).cloned()).collect(),
        })
    }

    fn check(&self, bucket: u32, edition: Edition) -> Result<Bucket, Error> {
        let leaf = Bucket::new(bucket).filter(|b| b.its_base().number() < self.buckets);
        let leaf = leaf.ok_or_else(|| Error::NoBucket {
            region: self.region.clone(),
            population: self.population.clone(),
            bucket,
        })?;
        if edition.version > MAX_VERSION {
            return Err(Error::Version(edition.version));
        }
        match edition.not_before < edition.expires {
            true => Ok(leaf),
            false => Err(Error::Times { not_before: edition.not_before, expires: edition.expires }),
        }
    }

    /// Whom a bucket's catalogs are for.
    fn audience(&self, key: &AssignKey, bucket: u32) -> Audience {
        audience(key, &self.fleet, &self.region, &self.population, bucket)
    }
}

/// Whom the catalogs of a population's bucket are for in a region.
pub fn audience(
    key: &AssignKey,
    fleet: &str,
    region: &RegionName,
    population: &PopulationName,
    bucket: u32,
) -> Audience {
    let names = [fleet, region.as_str(), population.as_str()];
    let [fleet, region, population] = names.map(str::as_bytes);
    let parts = [fleet, region, population, &bucket.to_be_bytes()];
    Audience::from_hash(&key.derive("audience", &parts))
}

/// An address that clients can connect to.
fn usable(observed: &ObservedAddress) -> Option<(&ObservedAddress, IpAddr)> {
    let address = observed.address.filter(|_| observed.phase == Phase::Ready)?;
    Some((observed, address))
}

fn front(door: &Frontdoor, address: IpAddr, params: Option<&TransportParams>) -> Front {
    let params = params.and_then(|p| p.get(&door.transport.kind));
    Front {
        id: door.id,
        address,
        port: door.transport.port,
        transport: door.transport.kind.clone(),
        params: params.cloned().unwrap_or_default(),
    }
}

/// The hidden address that a front's params name, however they are written around it: they come
/// from the node's agent, which knows where its egress nodes are.
fn named(front: &Front, hidden: &BTreeMap<IpAddr, Subject>) -> Option<Subject> {
    let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    let words = front.params.iter().flat_map(|(name, value)| [name, value]);
    let mut words = words.flat_map(|text| text.split(|c| !of_address(c)));
    words.find_map(|word| {
        // An IPv4 address may have a port behind it, and an IPv6 address stands in brackets then.
        let whole = word.parse::<IpAddr>().ok();
        let host = || word.split(':').next()?.parse().ok();
        hidden.get(&whole.or_else(host)?.to_canonical()).copied()
    })
}

fn candidate(
    topology: &Topology,
    node: &Node,
    id: FrontdoorId,
    observed: &ObservedAddress,
    address: IpAddr,
) -> Candidate {
    let account = topology.providers.get(&node.provider);
    let declared = account.and_then(|p| p.asns.first());
    Candidate {
        id,
        provider: node.provider.clone(),
        // AS0 is nobody's (RFC 7607): doors of which nothing is known count as neighbours.
        asn: observed.asn.or(declared.copied()).unwrap_or(Asn(0)),
        prefix: prefix_of(address),
        // The planner has already dealt nodes by the weight of their providers.
        weight: 1,
    }
}

/// Every address that no client may be told of: those of egress, and those of machines that the
/// blueprint does not know as ingress.
fn hidden(blueprint: &Blueprint, inventory: &Inventory) -> BTreeMap<IpAddr, Subject> {
    let is_ingress = |id: &NodeId| {
        let node = blueprint.nodes.get(id);
        node.is_some_and(|n| n.role == Role::Ingress)
    };
    let ips = inventory.egress_ips.iter().filter(|(_, ip)| ip.phase.may_exist());
    let machines = inventory.machines.iter();
    let machines = machines.filter(|(id, m)| m.phase.may_exist() && !is_ingress(id));
    let ips = ips.filter_map(|(id, ip)| Some((ip.address?, Subject::EgressIp(*id))));
    let machines = machines.filter_map(|(id, m)| Some((m.address?, Subject::Node(*id))));
    machines.chain(ips).map(|(a, s)| (a.to_canonical(), s)).collect()
}
