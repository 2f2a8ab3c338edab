//! Which doors a population is told of, and what changes that.

#![allow(clippy::unwrap_used)]

mod fleets;

use std::collections::BTreeSet;
use std::sync::Arc;

use damm_catalog::{Catalog, Edition, Error, build};
use damm_fleet::{Duty, FrontdoorId, NodeId, Phase, Span};
use fleets::{Fleet, NOW, Shape, edition, key, population, region, stage};

fn shape(provider: u8, in_us: bool) -> Shape {
    Shape {
        in_us,
        provider,
        duty: 0,
        stage: 0,
        addresses: vec![(0, false), (1, true)],
        withheld: false,
    }
}

/// A node of each provider in `eu`, two doors each; the first node is handed back.
fn fleet() -> (Fleet, NodeId) {
    let mut fleet = Fleet::empty(1);
    let nodes: Vec<_> = (0..3).map(|p| fleet.ingress(&shape(p, false))).collect();
    (fleet, nodes[0])
}

fn doors(fleet: &Fleet, node: NodeId) -> BTreeSet<FrontdoorId> {
    fleet.blueprint.nodes[&node].frontdoors.keys().copied().collect()
}

fn told(fleet: &Fleet) -> BTreeSet<FrontdoorId> {
    let told = fleet.told(&region("eu"), &population("ir")).unwrap();
    told.fronts().map(|f| f.id).collect()
}

fn catalog(fleet: &Fleet, bucket: u32) -> Catalog {
    let told = fleet.told(&region("eu"), &population("ir")).unwrap();
    told.catalog(&key(), bucket, edition(1)).unwrap()
}

#[test]
fn only_doors_in_service_are_told() {
    let (fleet, node) = fleet();
    let (mine, all) = (doors(&fleet, node), told(&fleet));
    assert_eq!((mine.len(), all.len()), (2, 6));
    let without = |change: &dyn Fn(&mut Fleet)| {
        let mut fleet = fleet.clone();
        change(&mut fleet);
        all.difference(&told(&fleet)).copied().collect::<BTreeSet<_>>()
    };
    let node_of = |f: &mut Fleet| f.blueprint.nodes.remove(&node).unwrap();
    let put = |f: &mut Fleet, n| drop(f.blueprint.nodes.insert(node, n));
    for duty in [Duty::Standby, Duty::Reserve] {
        let gone = without(&|f| {
            let mut n = node_of(f);
            Arc::make_mut(&mut n).duty = duty;
            put(f, n);
        });
        assert_eq!(gone, mine, "{duty}");
    }
    for kind in [2, 3] {
        let gone = without(&|f| {
            let mut n = node_of(f);
            Arc::make_mut(&mut n).stage = stage(kind);
            put(f, n);
        });
        assert_eq!(gone, mine, "a node that is {}", stage(kind).name());
    }
    let one = *mine.first().unwrap();
    let only = BTreeSet::from([one]);
    for kind in [2, 3] {
        let gone = without(&|f| {
            let mut n = node_of(f);
            let doors = &mut Arc::make_mut(&mut n).frontdoors;
            doors.get_mut(&one).unwrap().stage = stage(kind);
            put(f, n);
        });
        assert_eq!(gone, only, "a door that is {}", stage(kind).name());
    }
    for phase in [Phase::Present, Phase::Unknown, Phase::Deleting, Phase::Gone] {
        let gone = without(&|f| f.inventory.frontdoors.get_mut(&one).unwrap().phase = phase);
        assert_eq!(gone, only, "a door whose address is {phase:?}");
    }
    let gone = without(&|f| f.inventory.frontdoors.get_mut(&one).unwrap().address = None);
    assert_eq!(gone, only, "a door whose address is not known");
}

#[test]
fn a_door_that_is_withheld_from_one_population_is_told_to_another() {
    let (mut fleet, node) = fleet();
    let door = *doors(&fleet, node).first().unwrap();
    let wanted = fleet.blueprint.nodes.get_mut(&node).unwrap();
    let withheld = &mut wanted.frontdoors.get_mut(&door).unwrap().withheld_from;
    withheld.insert(population("ir"));
    assert!(!told(&fleet).contains(&door));
    let others = fleet.told(&region("eu"), &population("tm")).unwrap();
    assert!(others.fronts().any(|f| f.id == door));
}

#[test]
fn a_region_tells_of_its_own_doors_to_those_whom_it_serves() {
    let (mut fleet, _) = fleet();
    let us = fleet.ingress(&shape(0, true));
    assert!(told(&fleet).is_disjoint(&doors(&fleet, us)));
    let there = fleet.told(&region("us"), &population("ir")).unwrap();
    let there: BTreeSet<_> = there.fronts().map(|f| f.id).collect();
    assert_eq!(there, doors(&fleet, us));
    let refusal = fleet.told(&region("us"), &population("tm")).unwrap_err();
    assert!(matches!(refusal, Error::NoFronts { .. }), "{refusal}");
}

#[test]
fn nothing_is_published_when_there_is_nothing_to_tell() {
    let refusal = Fleet::empty(1).told(&region("eu"), &population("ir")).unwrap_err();
    let expected = Error::NoFronts { region: region("eu"), population: population("ir") };
    assert_eq!(refusal, expected);
}

#[test]
fn each_bucket_is_told_of_few_doors_over_two_providers() {
    let (fleet, _) = fleet();
    let provider = |id| {
        let (node, _) = fleet.blueprint.frontdoor(id).unwrap();
        node.provider.clone()
    };
    let mut told = BTreeSet::new();
    for bucket in 0..4 {
        let catalog = catalog(&fleet, bucket);
        let ids: Vec<_> = catalog.fronts.iter().map(|f| f.id).collect();
        let providers: BTreeSet<_> = ids.iter().map(|id| provider(*id)).collect();
        assert!(ids.len() == 3 && providers.len() >= 2, "bucket {bucket}: {ids:?}");
        told.insert(ids);
    }
    assert!(told.len() > 1, "all buckets are told the same");
}

#[test]
fn the_digest_changes_only_for_buckets_that_are_told_something_else() {
    let (before, _) = fleet();
    let mut moved = 0;
    for gone in told(&before) {
        let mut after = before.clone();
        after.inventory.frontdoors.remove(&gone);
        for bucket in 0..4 {
            let (old, new) = (catalog(&before, bucket), catalog(&after, bucket));
            let held = old.fronts.iter().any(|f| f.id == gone);
            moved += u32::from(held);
            assert_eq!(old.contents_digest() != new.contents_digest(), held, "bucket {bucket}");
            assert_eq!(old.audience, new.audience);
        }
    }
    // Four buckets of three doors each: every one of them has left once.
    assert_eq!(moved, 12);
}

#[test]
fn a_new_address_of_the_same_door_is_something_else_to_tell() {
    let (mut fleet, _) = fleet();
    let before = catalog(&fleet, 0);
    let door = before.fronts[0].id;
    let address = fleet.address(false);
    fleet.inventory.frontdoors.get_mut(&door).unwrap().address = Some(address);
    let after = catalog(&fleet, 0);
    assert_ne!(after.contents_digest(), before.contents_digest());
    let told = after.fronts.iter().find(|f| f.id == door).unwrap();
    assert_eq!(told.address, address);
}

#[test]
fn an_edition_that_can_not_be_is_refused() {
    let (fleet, _) = fleet();
    let of = |bucket, version, hours| {
        let edition = Edition { version, not_before: NOW, expires: NOW + Span::from_hours(hours) };
        build(
            &fleet.blueprint,
            &fleet.topology,
            &fleet.inventory,
            &region("eu"),
            &population("ir"),
            bucket,
            &key(),
            edition,
        )
    };
    assert!(of(3, 1, 1).is_ok());
    assert!(matches!(of(4, 1, 1), Err(Error::NoBucket { bucket: 4, .. })));
    assert_eq!(of(0, 1 << 53, 1), Err(Error::Version(1 << 53)));
    assert!(matches!(of(0, 1, 0), Err(Error::Times { .. })));
}

#[test]
fn a_catalog_reads_well_as_a_table() {
    let (mut fleet, _) = fleet();
    for (door, address) in fleet.inventory.frontdoors.values_mut().zip(1..) {
        let six = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, address);
        door.address = Some(six.into());
    }
    let catalog = catalog(&fleet, 0);
    let table = catalog.table();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines[0], "example · eu · version 1");
    assert_eq!(lines[3], "FRONT DOOR         ADDRESS            TRANSPORT    PARAMETERS");
    for (line, front) in lines[4..].iter().zip(&catalog.fronts) {
        let cells: Vec<_> = line.split_whitespace().collect();
        let address = format!("[{}]:443", front.address);
        assert_eq!(cells, [front.id.to_string(), address, "shadowsocks".to_owned()]);
    }
    assert_eq!(lines.len(), 4 + catalog.fronts.len());
}

/// What an agent says of a node's transports.
fn params(value: &str) -> damm_fleet::inventory::TransportParams {
    let params = [("key".to_owned(), value.to_owned())];
    let of = |kind: &str| (kind.to_owned(), params.clone().into());
    ["shadowsocks", "wireguard", "other"].map(of).into()
}

#[test]
fn clients_are_told_what_a_doors_transport_needs_and_of_no_other() {
    let (mut fleet, node) = fleet();
    fleet.inventory.transports.insert(node, params("abc"));
    let told = fleet.told(&region("eu"), &population("ir")).unwrap();
    let mine = doors(&fleet, node);
    for front in told.fronts() {
        let expected = if mine.contains(&front.id) { Some("abc") } else { None };
        assert_eq!(front.params.get("key").map(String::as_str), expected);
        assert!(front.params.len() < 2);
    }
    let told_of = |b| catalog(&fleet, b).fronts.iter().any(|f| mine.contains(&f.id));
    let bucket = (0..fleet.topology.catalog.buckets).find(|b| told_of(*b)).unwrap();
    let with = catalog(&fleet, bucket).contents_digest();
    // What others need to know is nothing to it: of another role, or of no node at all.
    let egress = fleet.egress(&shape(0, false));
    for other in [egress, NodeId::from_raw(77)] {
        fleet.inventory.transports.insert(other, params("egress"));
    }
    assert_eq!(catalog(&fleet, bucket).contents_digest(), with);
    fleet.inventory.transports.insert(node, params("other"));
    assert_ne!(catalog(&fleet, bucket).contents_digest(), with);
}

#[test]
fn no_egress_address_is_told_among_what_a_transport_needs() {
    let (mut fleet, node) = fleet();
    fleet.egress(&shape(0, false));
    let hidden = *fleet.egress_addresses().iter().find(|a| a.is_ipv4()).unwrap();
    let of = |value: String| {
        let mut fleet = fleet.clone();
        fleet.inventory.transports.insert(node, params(&value));
        fleet.told(&region("eu"), &population("ir")).map(drop)
    };
    for value in [format!("{hidden}"), format!("via {hidden}!"), format!("tcp://{hidden}:443/x")] {
        assert!(matches!(of(value), Err(Error::EgressAddress { .. })));
    }
    assert_eq!(of("192.0.2.1:443".to_owned()), Ok(()));
}
