//! Rules about what the outside sees: 1, 2, 10 and 12.

use std::collections::BTreeSet;
use std::net::IpAddr;

use damm_fleet::{Blueprint, FrontdoorId, Origin, Role, Verb};

use crate::address;
use crate::condition;
use crate::lint::{Rule, Violation};
use crate::policy::outward;
use crate::scene::Scene;

/// Every address that traffic leaves from, in its canonical form.
///
/// What has gone has none: its provider gives the address to others, and one of our doors may be
/// next.
fn egress_addresses(s: &Scene<'_>, child: &Blueprint) -> BTreeSet<IpAddr> {
    let nodes = child.nodes.values().filter(|n| n.role == Role::Egress);
    let machines = nodes.filter_map(|n| s.machine(n.id)).filter(|m| m.phase.may_exist());
    let ips = s.inventory.egress_ips.values().filter(|a| a.phase.may_exist());
    let addresses = machines.filter_map(|m| m.address).chain(ips.filter_map(|a| a.address));
    addresses.map(|a| a.to_canonical()).collect()
}

/// The address of a front door, if its provider may still hold it for us.
fn door_address(s: &Scene<'_>, id: FrontdoorId) -> Option<IpAddr> {
    s.address(id.into()).filter(|a| a.phase.may_exist())?.address
}

/// Rule 1: no DNS record, balancer target or front door holds an egress address.
pub(super) fn egress_is_hidden(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let hidden = egress_addresses(s, child);
    let records = child.records.iter().flat_map(|(key, set)| {
        set.addresses.iter().map(move |a| (format!("record {}", key.name), *a))
    });
    let targets = child.targets.iter().map(|(key, target)| {
        (format!("target {} of balancer {}", key.node, key.balancer), target.address)
    });
    let doors = child.nodes.values().flat_map(|n| n.frontdoors.keys());
    let doors = doors.filter_map(|id| Some((format!("front door {id}"), door_address(s, *id)?)));
    let all = records.chain(targets).chain(doors);
    let shown = all.filter(|(_, address)| hidden.contains(&address.to_canonical()));
    // The address itself is not repeated: this text may reach a log.
    shown
        .map(|(what, _)| Violation::new(Rule::EgressHidden, format!("{what} is an egress address")))
        .collect()
}

/// Rules 2 and 12: a region's catalogs change when, and only when, what its clients are told does.
pub(super) fn catalogs_follow_what_is_told(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let by_hand = child.origin == Origin::Operator(Verb::PublishEndpointCatalog);
    let mut violations = Vec::new();
    for region in s.topology.regions.keys() {
        let (old, new) = (s.parent.catalogs.get(region), child.catalogs.get(region));
        let raised = new.map(|c| c.serial) != old.map(|c| c.serial);
        let before = outward::told(s.topology, s.parent, region);
        let after = outward::told(s.topology, child, region);
        let policy = outward::policy(s, child.pool(region, Role::Ingress), region);
        let same_policy = old.is_none_or(|c| c.policy == policy);
        let differs = before != after || !same_policy;
        let may_stay = !differs || (old.is_none() && after.is_empty());
        if raised && !differs && !by_hand && !outward::is_due(s, region) && old.is_some() {
            let what =
                format!("{region}'s catalogs change although what clients are told does not");
            violations.push(Violation::new(Rule::EgressInvisible, what));
        }
        if !raised && !may_stay {
            let what = format!("what {region}'s clients are told changes and no catalog says so");
            violations.push(Violation::new(Rule::Outlives, what));
        }
    }
    violations
}

/// Rule 10: a door is withheld only from populations that it is blocked for, and leaves service for
/// being blocked only when that is all of them.
pub(super) fn verdicts_are_per_network(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let mut violations = Vec::new();
    for node in child.nodes.values().filter(|n| n.serves()) {
        for door in node.frontdoors.values().filter(|d| d.stage.is_live()) {
            let blocked = condition::blocked(s, &node.region, door);
            let was = s.parent.nodes.get(&node.id).and_then(|n| n.frontdoors.get(&door.id));
            for population in &door.withheld_from {
                let before = was.is_some_and(|d| d.withheld_from.contains(population));
                if !before && !blocked.for_population(population) {
                    let what = format!("{} is withheld from {population} without a block", door.id);
                    violations.push(Violation::new(Rule::PerNetwork, what));
                }
            }
        }
    }
    violations.extend(burned_are_blocked_everywhere(s, child));
    violations
}

fn burned_are_blocked_everywhere(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let entered = super::standing::newly_draining(s, child);
    let burned = entered.into_iter().filter(|e| *e.why == damm_fleet::Reason::Burned);
    let wrong = burned.filter(|e| {
        let blocked = |a: address::Address<'_>| a.blocked(s, e.node).everywhere;
        !address::of(e.node).filter(|a| a.subject == e.subject).all(blocked)
    });
    wrong
        .map(|e| {
            let what = format!("{} drains as burned and is not blocked for everybody", e.subject);
            Violation::new(Rule::PerNetwork, what)
        })
        .collect()
}
