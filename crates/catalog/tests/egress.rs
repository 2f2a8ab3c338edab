//! Rules 1 and 2 over the bytes: no egress address in them, and no change of egress changes them.

#![allow(clippy::unwrap_used)]

mod fleets;

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use damm_catalog::{Catalog, Envelope, Error};
use damm_fleet::{Phase, Subject};
use fleets::{EgressChange, Fleet, Shape, edition, egress_change, fleet, key, population, region};
use proptest::prelude::*;

/// The ways in which an address could be written as text.
fn spellings(address: IpAddr) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            let mapped = four.to_ipv6_mapped();
            let mut all = vec![
                four.to_string(),
                format!("{d}.{c}.{b}.{a}"),
                format!("{a:03}.{b:03}.{c:03}.{d:03}"),
                u32::from(four).to_string(),
                hex(&four.octets()),
            ];
            all.extend(spellings(IpAddr::V6(mapped)));
            all
        }
        IpAddr::V6(six) => {
            let groups = six.segments();
            let full: Vec<_> = groups.iter().map(|g| format!("{g:04x}")).collect();
            let short: Vec<_> = groups.iter().map(|g| format!("{g:x}")).collect();
            let digits: String = hex(&six.octets());
            let arpa: Vec<_> = digits.chars().rev().map(String::from).collect();
            vec![six.to_string(), full.join(":"), short.join(":"), digits, arpa.join(".")]
        }
    }
}

/// The ways in which an address could be written as bytes.
fn binary(address: IpAddr) -> Vec<Vec<u8>> {
    let raw = match address {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    };
    let encoded = [
        STANDARD.encode(&raw),
        STANDARD_NO_PAD.encode(&raw),
        URL_SAFE.encode(&raw),
        URL_SAFE_NO_PAD.encode(&raw),
    ];
    let turned = raw.iter().rev().copied().collect();
    let mut all = vec![raw, turned];
    all.extend(encoded.map(String::into_bytes));
    all
}

/// Bytes as text, one symbol each, so that the standard library's search can be used.
fn symbols(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// Whether a text stands in another as a word of its own: `1.2.3.4` is not in `11.2.3.45`.
fn holds_word(text: &str, word: &str) -> bool {
    let more = |c: char| c.is_ascii_hexdigit() || "._:".contains(c);
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(more) && !after.starts_with(more)
    })
}

fn holds(bytes: &[u8], address: IpAddr) -> bool {
    let text = symbols(bytes);
    let lower = text.to_ascii_lowercase();
    let raw = |r: Vec<u8>| text.contains(&symbols(&r));
    spellings(address).iter().any(|s| holds_word(&lower, s)) || binary(address).into_iter().any(raw)
}

/// All bytes that a client or a watcher sees of an object: its name, the envelope, and whatever is
/// wrapped in it.
fn visible(name: &str, bytes: &[u8]) -> Vec<Vec<u8>> {
    let envelope = Envelope::from_bytes(bytes).unwrap();
    let table = Catalog::from_bytes(&envelope.payload).unwrap().table();
    let mut all = vec![name.as_bytes().to_vec(), bytes.to_vec(), table.into_bytes()];
    all.extend(envelope.signatures.into_iter().map(|s| s.sig));
    all.push(envelope.payload);
    all
}

/// As many cases as `PROPTEST_CASES` asks for, and 250 at least.
fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(250), ..asked }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_published_byte_holds_an_egress_address(fleet in fleet()) {
        let egress = fleet.egress_addresses();
        for (name, bytes) in fleet.publish(edition(1)).unwrap() {
            for layer in visible(&name, &bytes) {
                for address in &egress {
                    prop_assert!(!holds(&layer, *address), "{} is told in {}", address, name);
                }
            }
        }
    }

    #[test]
    fn no_change_of_egress_changes_a_published_byte(
        fleet in fleet(), changes in prop::collection::vec(egress_change(), 1..8),
    ) {
        let before = fleet.publish(edition(1)).unwrap();
        let mut fleet = fleet;
        for change in &changes {
            fleet.change_egress(change);
            prop_assert!(fleet.publish(edition(1)).unwrap() == before, "after {:?}", change);
        }
    }

    #[test]
    fn what_a_fleet_tells_can_be_read_back(fleet in fleet()) {
        for bytes in fleet.publish(edition(1)).unwrap().values() {
            let envelope = Envelope::from_bytes(bytes).unwrap();
            let catalog = Catalog::from_bytes(&envelope.payload).unwrap();
            prop_assert_eq!(&catalog.to_bytes(), &envelope.payload);
            prop_assert!((1..=3).contains(&catalog.fronts.len()));
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
fn the_search_finds_every_form_of_an_address() {
    for address in ["198.51.100.7", "2001:db8::7"].map(|a| a.parse::<IpAddr>().unwrap()) {
        let text = spellings(address).into_iter().map(|s| format!("\"{s}\"").into_bytes());
        for form in text.chain(binary(address)) {
            let planted = [b"{".as_slice(), &form, b"}"].concat();
            assert!(holds(&planted, address), "{form:?} was not found");
        }
    }
    assert!(!holds(b"198.51.100.77, 98.51.100.7", "198.51.100.7".parse().unwrap()));
}

#[test]
fn the_search_finds_the_addresses_of_front_doors() {
    let fleet = two_by_two();
    let published = fleet.publish(edition(1)).unwrap();
    let layers: Vec<_> = published.iter().flat_map(|(n, b)| visible(n, b)).collect();
    for door in fleet.inventory.frontdoors.values() {
        let address = door.address.unwrap();
        assert!(layers.iter().any(|l| holds(l, address)), "{address} is not told");
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
    let nodes = fleet.blueprint.nodes.values();
    let node = nodes.clone().find(|n| !n.egress_ips.is_empty()).unwrap().id;
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
