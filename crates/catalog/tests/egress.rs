//! Rules 1 and 2 over the bytes: no egress address in them, and no change of egress changes them.

#![allow(clippy::unwrap_used)]

mod fleets;
mod search;

use std::net::IpAddr;

use damm_catalog::{Catalog, Envelope, Error};
use damm_fleet::{Phase, Subject};
use fleets::{
    EgressChange, Fleet, Shape, edition, egress_change, fleet, key, online, population, region,
};
use proptest::prelude::*;
use search::{Forms, visible};

/// 10,000 cases, or as many as `PROPTEST_CASES` asks for.
fn cases() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let cases = asked.and_then(|n| n.parse().ok()).unwrap_or(10_000);
    ProptestConfig { cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_published_byte_holds_an_egress_address(fleet in fleet()) {
        let egress = Forms::of(fleet.egress_addresses());
        for (name, bytes) in fleet.publish(edition(1)).unwrap() {
            for layer in visible(&name, &bytes) {
                let found = egress.found_in(&layer);
                prop_assert!(found.is_none(), "{:?} is told in {}", found, name);
            }
        }
    }

    #[test]
    fn no_change_of_egress_changes_a_published_byte(
        fleet in fleet(), changes in prop::collection::vec(egress_change(), 1..8),
    ) {
        let (told, published) = (fleet.tell(edition(1)).unwrap(), fleet.publish(edition(1)));
        let mut fleet = fleet;
        for change in &changes {
            fleet.change_egress(change);
            prop_assert!(fleet.tell(edition(1)).unwrap() == told, "after {:?}", change);
        }
        prop_assert!(fleet.publish(edition(1)) == published);
    }

    #[test]
    fn an_envelope_holds_a_catalog_and_its_signature_and_nothing_else(fleet in fleet()) {
        let key = online();
        for bytes in fleet.publish(edition(1)).unwrap().values() {
            let envelope = Envelope::from_bytes(bytes).unwrap();
            let catalog = Catalog::from_bytes(&envelope.payload).unwrap();
            prop_assert_eq!(&catalog.to_bytes(), &envelope.payload);
            prop_assert!((1..=3).contains(&catalog.fronts.len()));
            prop_assert_eq!(&catalog.seal(&[&key]).to_bytes(), bytes);
        }
    }
}

fn two_by_two() -> Fleet {
    let shape = |provider, in_us| Shape {
        in_us,
        provider,
        duty: 0,
        stage: 0,
        addresses: vec![(0, false), (1, true)],
        withheld: false,
    };
    let mut fleet = Fleet::empty(1);
    for provider in 0..2 {
        fleet.ingress(&shape(provider, false));
        fleet.egress(&shape(provider, false));
    }
    fleet
}

#[test]
fn the_search_finds_the_addresses_of_front_doors() {
    let fleet = two_by_two();
    let published = fleet.publish(edition(1)).unwrap();
    for door in fleet.inventory.frontdoors.values() {
        let address = door.address.unwrap();
        let forms = Forms::of([address]);
        let [in_payload, in_table] = [2, 3].map(|layer| {
            let mut seen = published.iter().map(|(n, b)| forms.found_in(&visible(n, b)[layer]));
            seen.any(|found| found == Some(address))
        });
        assert!(in_payload && in_table, "{address} is not told");
    }
}

#[test]
fn every_kind_of_change_changes_something_of_egress() {
    use EgressChange as C;
    let shape = Shape {
        in_us: false,
        provider: 0,
        duty: 0,
        stage: 0,
        addresses: vec![(0, false)],
        withheld: false,
    };
    let changes = [
        C::AddIp(1, true),
        C::DrainIp(1),
        C::ReplaceIp(1, false),
        C::RemoveIp(1),
        C::AddNode(shape),
        C::DrainNode(1),
        C::RemoveNode(1),
    ];
    for change in changes {
        let mut fleet = two_by_two();
        let before = (fleet.blueprint.clone(), fleet.inventory.clone());
        fleet.change_egress(&change);
        assert!((&fleet.blueprint, &fleet.inventory) != (&before.0, &before.1), "{change:?}");
    }
}

#[test]
fn a_door_with_an_egress_address_stops_the_publication() {
    let fleet = two_by_two();
    let (ip, observed) = fleet.inventory.egress_ips.first_key_value().unwrap();
    let (ip, egress) = (*ip, observed.address.unwrap());
    let door = *fleet.inventory.frontdoors.first_key_value().unwrap().0;
    let told_as = |address: IpAddr, phase| {
        let mut fleet = fleet.clone();
        fleet.inventory.frontdoors.get_mut(&door).unwrap().address = Some(address);
        fleet.inventory.egress_ips.get_mut(&ip).unwrap().phase = phase;
        fleet.told(&region("eu"), &population("ir")).map(|_| ())
    };
    let refusal = Err(Error::EgressAddress { door, egress: Subject::EgressIp(ip) });
    assert_eq!(told_as(egress, Phase::Ready), refusal);
    assert_eq!(told_as(egress, Phase::Deleting), refusal);
    // The provider has taken it back: it is no egress address any more.
    assert_eq!(told_as(egress, Phase::Gone), Ok(()));
    if let IpAddr::V4(four) = egress {
        assert_eq!(told_as(four.to_ipv6_mapped().into(), Phase::Ready), refusal);
    }
}

#[test]
fn a_door_with_an_egress_machines_own_address_stops_the_publication() {
    let mut fleet = two_by_two();
    let node = fleet.blueprint.nodes.values().find(|n| !n.egress_ips.is_empty()).unwrap().id;
    let door = *fleet.inventory.frontdoors.first_key_value().unwrap().0;
    let address = fleet.inventory.machines[&node].address;
    fleet.inventory.frontdoors.get_mut(&door).unwrap().address = address;
    let told = |fleet: &Fleet| fleet.told(&region("eu"), &population("ir")).map(|_| ());
    let refusal = Err(Error::EgressAddress { door, egress: Subject::Node(node) });
    assert_eq!(told(&fleet), refusal);
    // Forgotten by the blueprint, but still standing.
    fleet.blueprint.nodes.remove(&node);
    assert_eq!(told(&fleet), refusal);
}

#[test]
fn only_signed_bytes_and_opaque_names_tell_of_a_bucket() {
    let fleet = two_by_two();
    let told = fleet.told(&region("eu"), &population("ir")).unwrap();
    let catalog = told.catalog(&key(), 2, edition(1)).unwrap();
    let text = String::from_utf8(catalog.to_bytes()).unwrap();
    for secret in ["\"ir\"", "bucket", "p0", "p1", "node-", "eip-", "64500", "provider", "asn"] {
        assert!(!text.contains(secret), "{secret} stands in {text}");
    }
}
