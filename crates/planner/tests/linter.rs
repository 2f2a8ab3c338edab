//! What the linter finds, and what it leaves alone, in blueprints that the planner makes of a world
//! that went wrong.

#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod world;

use std::net::IpAddr;

use damm_fleet::{EgressIpId, FrontdoorId, NodeId, Phase, Role};
use damm_planner::Rule;
use serde_json::json;
use world::World;

const PHASES: [Phase; 9] = [
    Phase::Wanted,
    Phase::Creating,
    Phase::Unknown,
    Phase::Present,
    Phase::Ready,
    Phase::Deleting,
    Phase::Gone,
    Phase::Refused,
    Phase::Ambiguous,
];

/// A fleet in service, with names and a balancer, for which there is nothing to plan.
fn standing() -> World {
    let mut world = World::new(include_str!("world/base.json"), 5);
    world.topology["dns"] = json!([
        { "provider": "a", "zone": "example.net", "region": "north", "label": "north",
          "names": "region" },
        { "provider": "a", "zone": "example.net", "region": "north", "label": "each",
          "names": "node" }
    ]);
    world.topology["balancers"] =
        json!([{ "name": "front", "provider": "a", "region": "north", "port": 443 }]);
    world.reread();
    for _ in 0..5 {
        world.up();
        let plan = world.plan();
        world.adopt(&plan);
    }
    let plan = world.plan();
    assert!(plan.diff.is_empty(), "it does not come to rest: {:#?}", plan.report.changes);
    assert!(!world.target.records.is_empty() && !world.target.targets.is_empty());
    world
}

/// The rules that the next plan breaks.
fn broken(world: &mut World) -> Vec<Rule> {
    let plan = world.plan();
    world.lint(&plan).into_iter().map(|v| v.rule).collect()
}

fn doors(world: &World) -> Vec<FrontdoorId> {
    let nodes = world.target.nodes.values().filter(|n| n.serves());
    nodes.flat_map(|n| n.frontdoors.keys().copied()).collect()
}

fn address_of(world: &World, door: FrontdoorId) -> IpAddr {
    world.inventory.frontdoors[&door].address.unwrap()
}

fn egress_node(world: &World) -> NodeId {
    world.target.nodes.values().find(|n| n.role == Role::Egress).unwrap().id
}

/// An egress address that an earlier blueprint had, in a phase.
fn earlier_egress_ip(world: &mut World, address: IpAddr, phase: Phase) {
    let mut seen = world.inventory.egress_ips.values().next().unwrap().clone();
    (seen.address, seen.phase) = (Some(address), phase);
    let id = EgressIpId::from_raw(world.inventory.egress_ips.len() as u64);
    world.inventory.egress_ips.insert(id, seen);
}

#[test]
fn a_front_door_may_get_an_address_that_was_egress_once_it_is_gone_and_not_before() {
    let world = standing();
    for phase in PHASES {
        let mut world = world.clone();
        let address = address_of(&world, doors(&world)[0]);
        earlier_egress_ip(&mut world, address, phase);
        let found = broken(&mut world);
        match phase.may_exist() {
            true => assert!(found.contains(&Rule::EgressHidden), "{phase}: {found:?}"),
            false => assert_eq!(found, [], "{phase}"),
        }
    }
}

#[test]
fn a_front_door_may_get_the_address_of_an_egress_machine_once_it_is_gone_and_not_before() {
    let world = standing();
    for phase in PHASES {
        let mut world = world.clone();
        let (address, node) = (address_of(&world, doors(&world)[0]), egress_node(&world));
        let machine = world.inventory.machines.get_mut(&node).unwrap();
        (machine.address, machine.phase) = (Some(address), phase);
        let hidden = broken(&mut world).contains(&Rule::EgressHidden);
        assert_eq!(hidden, phase.may_exist(), "{phase}");
    }
}

#[test]
fn an_egress_address_in_another_notation_is_one_too() {
    let mut world = standing();
    let IpAddr::V4(address) = address_of(&world, doors(&world)[0]) else { panic!("IPv6") };
    earlier_egress_ip(&mut world, address.to_ipv6_mapped().into(), Phase::Ready);
    assert!(broken(&mut world).contains(&Rule::EgressHidden));
}

#[test]
fn egress_may_get_the_address_of_a_front_door_that_is_gone() {
    let mut world = standing();
    let door = doors(&world)[0];
    let address = address_of(&world, door);
    world.inventory.frontdoors.get_mut(&door).unwrap().phase = Phase::Gone;
    earlier_egress_ip(&mut world, address, Phase::Ready);
    assert_eq!(broken(&mut world), []);
}

/// Where most doors are gone at once rotation is halted, and they stay in service.
#[test]
fn no_name_and_no_balancer_holds_on_to_what_is_gone_while_rotation_is_halted() {
    let mut world = standing();
    let machines: Vec<NodeId> = world.target.targets.keys().map(|t| t.node).collect();
    for door in doors(&world) {
        let address = address_of(&world, door);
        world.inventory.frontdoors.get_mut(&door).unwrap().phase = Phase::Gone;
        earlier_egress_ip(&mut world, address, Phase::Ready);
    }
    for node in machines {
        world.inventory.machines.get_mut(&node).unwrap().phase = Phase::Gone;
    }
    let plan = world.plan();
    assert!(!plan.report.halts.is_empty(), "rotation is not halted");
    assert_eq!(plan.blueprint.records.len() + plan.blueprint.targets.len(), 0);
    assert_eq!(world.lint(&plan), []);
}
