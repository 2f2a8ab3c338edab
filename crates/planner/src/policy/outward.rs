//! What the outside sees: DNS names, load-balancer targets, catalogs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_fleet::blueprint::{Catalog, RecordKey, RecordSet, Target, TargetKey};
use damm_fleet::topology::{Balancer, DnsEntry, DnsNames};
use damm_fleet::{
    Blueprint, Frontdoor, FrontdoorId, Node, PopulationName, Reason, RegionName, Role, Topology,
    Verb,
};
use sha2::{Digest, Sha256};

use crate::builder::Builder;
use crate::report::{CatalogDiff, Changed, Decision, Item};
use crate::scene::Scene;

/// Addresses behind one name: 16 A records and their header fit a plain 512-byte answer (RFC 1035
/// section 4.2.1), and a name that lists a whole pool would only help to enumerate it.
const ADDRESSES_PER_NAME: usize = 16;

/// Sets the DNS records and the balancer targets that follow from the nodes.
pub(crate) fn point_names(b: &mut Builder<'_>) {
    let mut records = Vec::new();
    for entry in &b.s.topology.dns {
        match entry.names {
            DnsNames::Region => point_region(b, entry, &mut records),
            DnsNames::Node => point_nodes(b, entry, &mut records),
        }
    }
    b.bp.records = records.into_iter().collect();
    let balancers = &b.s.topology.balancers;
    b.bp.targets = balancers.iter().flat_map(|balancer| aim(b, balancer)).collect();
}

type Records = Vec<(RecordKey, RecordSet)>;

fn key(entry: &DnsEntry, name: String) -> RecordKey {
    RecordKey { provider: entry.provider.clone(), zone: entry.zone.clone(), name }
}

fn set(entry: &DnsEntry, addresses: BTreeSet<IpAddr>) -> Option<RecordSet> {
    (!addresses.is_empty()).then_some(RecordSet { addresses, ttl: entry.ttl })
}

fn served<'t>(b: &Builder<'t>, region: &'t RegionName) -> Vec<&'t PopulationName> {
    b.s.topology.served_by(region).map(|(name, _)| name).collect()
}

/// The addresses of a node's doors that are told to at least one of the populations. What has gone
/// has none, even where rotation is halted: its provider gives the address to others.
fn told_addresses<'n>(
    b: &'n Builder<'_>,
    served: &'n [&PopulationName],
    node: &'n Node,
) -> impl Iterator<Item = IpAddr> + 'n {
    let told =
        |d: &&Frontdoor| served.is_empty() || served.iter().any(|p| !d.withheld_from.contains(*p));
    let held = |d: &Frontdoor| b.s.address(d.id.into()).filter(|a| a.phase.may_exist());
    let address = move |d: &Frontdoor| held(d)?.address;
    node.served_doors().filter(told).filter_map(address)
}

fn point_region(b: &Builder<'_>, entry: &DnsEntry, records: &mut Records) {
    let served = served(b, &entry.region);
    let nodes = b.nodes_of(&entry.region, Role::Ingress);
    let addresses =
        nodes.flat_map(|n| told_addresses(b, &served, n)).take(ADDRESSES_PER_NAME).collect();
    let name = format!("{}.{}", entry.label, entry.zone);
    records.extend(set(entry, addresses).map(|set| (key(entry, name), set)));
}

fn point_nodes(b: &Builder<'_>, entry: &DnsEntry, records: &mut Records) {
    let served = served(b, &entry.region);
    for node in b.nodes_of(&entry.region, Role::Ingress) {
        let name = format!("{}.{}.{}", node.id, entry.label, entry.zone);
        let addresses = told_addresses(b, &served, node).collect();
        records.extend(set(entry, addresses).map(|set| (key(entry, name), set)));
    }
}

fn aim(b: &Builder<'_>, balancer: &Balancer) -> Vec<(TargetKey, Target)> {
    let nodes = b.nodes_of(&balancer.region, Role::Ingress);
    let aimed = nodes.filter(|n| n.serves() || n.stage.is_draining()).filter_map(|n| {
        let address = b.s.machine(n.id).filter(|m| m.phase.may_exist())?.address?;
        let (port, draining) = (balancer.port, n.stage.is_draining());
        let key = TargetKey { balancer: balancer.name.clone(), node: n.id };
        Some((key, Target { address, port, draining }))
    });
    aimed.collect()
}

/// Raises the serial of each region whose clients are to be told something else, or the same again
/// because what they were told is past half of its life.
pub(crate) fn raise_catalogs(b: &mut Builder<'_>) {
    let wanted = b.s.topology.regions.keys().cloned();
    let regions: BTreeSet<RegionName> = wanted.chain(b.bp.catalogs.keys().cloned()).collect();
    for region in regions {
        let (before, after) = (told_before(b, &region), told_now(b, &region));
        let policy = policy(b.s, b.nodes_of(&region, Role::Ingress), &region);
        if is_over(b, &region) {
            b.bp.catalogs.remove(&region);
            continue;
        }
        let standing = b.bp.catalogs.get(&region);
        let same = before == after && standing.is_none_or(|c| c.policy == policy);
        let renewal = same && standing.is_some() && is_due(b.s, &region);
        let first = standing.is_none() && tells(b, &region);
        if (!same && standing.is_some()) || first || renewal {
            raise(b, &region, policy, catalog_diff(&before, &after, renewal));
        }
    }
}

/// Whether a region has left the topology and its last, empty catalogs were published: then they
/// are let expire.
fn is_over(b: &Builder<'_>, region: &RegionName) -> bool {
    let wanted = b.s.parent.catalogs.get(region).map(|c| c.serial);
    let published = b.s.inventory.catalogs.get(region).map(|c| c.serial);
    let left = !b.s.topology.regions.contains_key(region);
    left && wanted.is_some() && wanted == published && !tells(b, region)
}

/// Raises a region's serial because the operator asked for it.
pub(crate) fn raise_by_hand(b: &mut Builder<'_>, region: &RegionName) {
    let policy = policy(b.s, b.nodes_of(region, Role::Ingress), region);
    raise(b, region, policy, CatalogDiff { renewal: true, ..CatalogDiff::default() });
    if let Some(change) = b.report.changes.last_mut() {
        change.why = Reason::Operator;
    }
}

fn raise(b: &mut Builder<'_>, region: &RegionName, policy: String, diff: CatalogDiff) {
    let serial = b.bp.catalogs.get(region).map_or(0, |c| c.serial) + 1;
    b.bp.catalogs.insert(region.clone(), Catalog { serial, planned_at: b.s.now, policy });
    let why = match diff.renewal {
        true => Reason::CatalogRenewal,
        false => {
            let (added, removed) = (diff.added.len() as u32, diff.removed.len() as u32);
            Reason::CatalogChanged { added, removed }
        }
    };
    let decision = Decision::Act { verb: Verb::PublishEndpointCatalog };
    let (item, detail) = (Item::Catalog, format!("serial {serial}"));
    b.report.changes.push(Changed { item, region: region.clone(), decision, detail, why });
    b.report.catalogs.insert(region.clone(), diff);
}

/// Which doors each population is told of in a region. The doors come first, as ids are quicker
/// to compare than names.
pub(crate) type Told<'t> = BTreeSet<(FrontdoorId, &'t PopulationName)>;

/// Which doors each population is told of in a region of a blueprint.
pub(crate) fn told<'t>(topology: &'t Topology, bp: &Blueprint, region: &RegionName) -> Told<'t> {
    told_of(topology, bp.pool(region, Role::Ingress), region)
}

/// Which doors of nodes that may have moved each population was told of: of the others they are
/// the same as before.
fn told_before<'t>(b: &Builder<'t>, region: &RegionName) -> Told<'t> {
    let moving = b.moving_of(region, Role::Ingress);
    told_of(b.s.topology, moving.filter_map(|id| b.s.parent.nodes.get(&id)), region)
}

fn told_now<'t>(b: &Builder<'t>, region: &RegionName) -> Told<'t> {
    let moving = b.moving_of(region, Role::Ingress);
    told_of(b.s.topology, moving.filter_map(|id| b.node(id)), region)
}

/// Whether any population is told of any door of a region.
fn tells(b: &Builder<'_>, region: &RegionName) -> bool {
    let mut nodes = b.nodes_of(region, Role::Ingress);
    nodes.any(|n| !told_of(b.s.topology, [n].into_iter(), region).is_empty())
}

fn told_of<'n, 't>(
    topology: &'t Topology,
    nodes: impl Iterator<Item = &'n Node>,
    region: &RegionName,
) -> Told<'t> {
    let all = topology.populations.iter();
    let served = all.filter(|(_, p)| p.regions.contains(region));
    let served: Vec<&PopulationName> = served.map(|(name, _)| name).collect();
    let to = |door: &'n Frontdoor| {
        let to = served.iter().filter(|p| !door.withheld_from.contains(**p));
        to.map(|p| (door.id, *p)).collect::<Vec<_>>()
    };
    nodes.flat_map(Node::served_doors).flat_map(to).collect()
}

/// Doors that at least one population is told of anew, and those that at least one no longer is.
fn catalog_diff(before: &Told<'_>, after: &Told<'_>, renewal: bool) -> CatalogDiff {
    let doors = |a: &Told<'_>, b: &Told<'_>| -> Vec<FrontdoorId> {
        a.difference(b).map(|(d, _)| *d).collect::<BTreeSet<_>>().into_iter().collect()
    };
    CatalogDiff { added: doors(after, before), removed: doors(before, after), renewal }
}

/// Whether what was published is past half of its life.
pub(crate) fn is_due(s: &Scene<'_>, region: &RegionName) -> bool {
    let (Some(published), Some(wanted)) =
        (s.inventory.catalogs.get(region), s.parent.catalogs.get(region))
    else {
        return false;
    };
    let half = s.topology.catalog.ttl.scale(0.5);
    published.serial == wanted.serial && s.now + half >= published.expires_at
}

/// A digest of what a region's catalogs say beside which doors: what the topology says of them, and
/// what clients need to know of the doors' transports.
pub(crate) fn policy<'n>(
    s: &Scene<'_>,
    nodes: impl Iterator<Item = &'n Node>,
    region: &RegionName,
) -> String {
    let populations: Vec<&PopulationName> = s.topology.served_by(region).map(|(n, _)| n).collect();
    // Plain data of text and numbers: its serialization cannot fail.
    let text = serde_json::to_vec(&(&s.topology.catalog, populations)).unwrap_or_default();
    let served = nodes.filter(|n| n.serves());
    let params = served.filter_map(|n| Some((n.id, s.inventory.transports.get(&n.id)?)));
    let params: BTreeMap<_, _> = params.filter(|(_, p)| !p.is_empty()).collect();
    let mut hash = Sha256::new_with_prefix(text);
    if !params.is_empty() {
        hash.update(serde_json::to_vec(&params).unwrap_or_default());
    }
    hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}
