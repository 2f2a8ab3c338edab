//! A new address is held against what became of earlier ones before anybody is told of it.

use damm_fleet::{Frontdoor, Node, NodeId, Reason, Subject, prefix_of};

use crate::address;
use crate::age;
use crate::builder::Builder;

/// Addresses that are refused on a node within a day; the next one is taken as it is. A provider
/// whose pool is burnt would else be asked without end, and a door that some can reach is better
/// than none.
const REFUSALS_A_DAY: u32 = 3;

/// Blocked addresses that make a prefix count as blocked, where no other door in it is reachable: a
/// single one tells nothing of its neighbours.
const MAKE_A_PREFIX: usize = 2;

/// What speaks against telling clients of a node's new front door.
pub(crate) fn against(b: &Builder<'_>, id: NodeId, subject: Subject) -> Option<Reason> {
    let Subject::Frontdoor(door) = subject else { return None };
    if b.s.inventory.lessons.is_empty() {
        return None;
    }
    let node = b.node(id)?;
    let why = past(b, node, node.frontdoors.get(&door)?)?;
    (refused(b, node) < REFUSALS_A_DAY).then_some(why)
}

fn past(b: &Builder<'_>, node: &Node, door: &Frontdoor) -> Option<Reason> {
    let lessons = &b.s.inventory.lessons;
    let address = address::observed(b.s, door.id.into())?.address?;
    if let Some(networks) = lessons.of(address) {
        return Some(Reason::BlockedBefore { networks: networks.iter().copied().collect() });
    }
    let prefix = prefix_of(address);
    let mut served = b.s.topology.served_by(&node.region);
    let blocked = served.find(|(name, population)| {
        let stands = b.tallies.0.get(*name).is_some_and(|t| t.prefixes.contains_key(&prefix));
        !stands && lessons.blocked_in(prefix, population) >= MAKE_A_PREFIX
    });
    blocked.map(|(name, _)| Reason::PrefixBlocked { prefix, population: name.clone() })
}

/// Addresses that were refused lately: on the node, or where its addresses can't be exchanged, so
/// that another node is made for each, at its provider.
fn refused(b: &Builder<'_>, node: &Node) -> u32 {
    let refused = &b.s.inventory.lessons.refused;
    if age::node_rotates_addresses(b.s.topology, b.s.offers, node) {
        return refused.get(&node.id).map_or(0, |(_, n)| *n);
    }
    let there = refused.values().filter(|(provider, _)| *provider == node.provider);
    there.map(|(_, n)| n).sum()
}
