//! What no document may hold: an egress address, another client's secrets, ids of ours.

#![allow(clippy::unwrap_used)]

#[path = "../../catalog/tests/fleets/mod.rs"]
mod fleets;
#[allow(dead_code)]
#[path = "../../catalog/tests/search/mod.rs"]
mod search;
mod world;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use damm_catalog::Catalog;
use damm_fleet::{NodeId, Role};
use damm_formats::{Document, Format, Settings, Subscription, Wanted};
use fleets::{Fleet, edition, egress_change, fleet};
use proptest::prelude::*;
use search::Forms;
use world::{NOW, every_kind, identity, plainly};

/// 500 cases, or as many as `PROPTEST_CASES` asks for.
fn cases() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let cases = asked.and_then(|n| n.parse().ok()).unwrap_or(500);
    ProptestConfig { cases, ..ProptestConfig::default() }
}

/// Gives a fleet's doors all kinds of transports in turn, and its nodes what agents tell of them.
fn equip(fleet: &mut Fleet) {
    let kinds = ["shadowsocks", "trojan", "wireguard", "outline"];
    let told = [world::shadowsocks(), world::trojan(), world::wireguard(), world::outline()];
    let told: BTreeMap<_, _> = kinds.map(str::to_owned).into_iter().zip(told).collect();
    let mut turn = kinds.iter().cycle();
    let ingress: Vec<NodeId> = fleet.blueprint.nodes.values().map(|n| n.id).collect();
    for id in ingress {
        let node = fleet.blueprint.nodes.get_mut(&id).unwrap();
        if node.role != Role::Ingress {
            continue;
        }
        let doors: Vec<_> = node.frontdoors.keys().copied().collect();
        for door in doors {
            let door = node.frontdoors.get_mut(&door).unwrap();
            door.transport.kind = (*turn.next().unwrap()).to_owned();
        }
        fleet.inventory.transports.insert(id, told.clone());
    }
}

/// All documents of a catalog, for one client, but for the signed catalog: that one has tests of
/// its own, beside it.
fn documents(catalog: &Catalog) -> Vec<(Format, Document)> {
    let (identity, settings) = (identity(5), Settings::default());
    let subscription =
        Subscription { catalog, signed: b"", identity: &identity, settings: &settings };
    let one = |format: &Format| {
        let all = (1..=3)
            .filter_map(|door| subscription.render(Wanted { format: *format, door }, NOW).ok());
        all.map(|document| (*format, document)).collect::<Vec<_>>()
    };
    Format::ALL[1..].iter().flat_map(one).collect()
}

/// All that somebody sees of a document: headers, bytes, and what they wrap.
fn visible(format: Format, document: &Document) -> Vec<u8> {
    let headers = document.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let mut all = headers.collect::<String>().into_bytes();
    match format {
        Format::Links => all.extend(STANDARD.decode(document.text().trim_end()).unwrap()),
        _ => all.extend(&document.bytes),
    }
    all
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_document_holds_an_egress_address(fleet in fleet()) {
        let mut fleet = fleet;
        equip(&mut fleet);
        let egress = Forms::of(fleet.egress_addresses());
        for catalog in fleet.tell(edition(1)).unwrap().values() {
            for (format, document) in documents(catalog) {
                let found = egress.found_in(&visible(format, &document));
                prop_assert!(found.is_none(), "{:?} is told to {}", found, format);
            }
        }
    }

    #[test]
    fn no_change_of_egress_changes_a_document(
        fleet in fleet(), changes in prop::collection::vec(egress_change(), 1..4),
    ) {
        let mut fleet = fleet;
        equip(&mut fleet);
        let all = |fleet: &Fleet| {
            let catalogs = fleet.tell(edition(1)).unwrap();
            catalogs.into_iter().map(|(name, c)| (name, documents(&c))).collect::<Vec<_>>()
        };
        let before = all(&fleet);
        for change in &changes {
            fleet.change_egress(change);
        }
        prop_assert!(all(&fleet) == before);
    }
}

/// Every secret of a client, as it could be written.
fn secrets(client: u8) -> Vec<String> {
    let client = world::client(client);
    let secrets = [client.expose().clone(), client.shadowsocks(), client.wireguard()];
    let mut all: Vec<_> = secrets.iter().map(damm_protocol::Secret32::expose).collect();
    all.push(client.password().expose().to_owned());
    all
}

#[test]
fn a_document_holds_one_clients_secrets_and_never_what_they_follow_from() {
    let catalog = every_kind();
    let mut seen = 0;
    for (format, document) in documents(&catalog) {
        let text = String::from_utf8(visible(format, &document)).unwrap();
        // Links escape what base 64 has beyond letters and digits.
        let text = text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let own = secrets(5);
        assert!(!text.contains(&own[0]), "{format} holds the client's secret itself");
        seen += own.iter().filter(|s| text.contains(s.as_str())).count();
        for other in [0, 3, 4, 6] {
            let held = secrets(other).into_iter().find(|s| text.contains(s.as_str()));
            assert_eq!(held, None, "{format} holds another client's secret");
        }
    }
    assert!(seen > 6, "the search finds nothing");
}

#[test]
fn no_document_holds_an_id_of_ours_or_says_whom_it_is_for() {
    let catalog = every_kind();
    for (format, document) in documents(&catalog) {
        let text = String::from_utf8(visible(format, &document)).unwrap();
        for front in &catalog.fronts {
            let id = front.id.to_string();
            let symbols = id.strip_prefix("door-").unwrap();
            assert!(!text.contains(symbols), "{format} holds {id}");
        }
        assert!(!text.contains(catalog.audience.as_str()), "{format} holds the audience");
        assert!(!text.contains("eu-north"), "{format} holds the region");
    }
}

#[test]
fn all_clients_have_the_same_places_by_the_same_ids() {
    let ids = |client| {
        let (catalog, settings) = (every_kind(), Settings::default());
        let identity = identity(client);
        let (catalog, identity, settings) = (&catalog, &identity, &settings);
        let subscription = Subscription { catalog, signed: b"", identity, settings };
        let document = subscription.render(Wanted::first(Format::Sip008), NOW).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&document.bytes).unwrap();
        let servers = config["servers"].as_array().unwrap();
        servers.iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(5), ids(6));
    assert_eq!(ids(5).len(), 3);
    assert!(plainly(&every_kind(), Format::Sip008).is_ok());
}
