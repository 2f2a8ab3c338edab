//! What is written says the same doors as the catalog, in the same order, whatever the catalog.

#![allow(clippy::unwrap_used)]

mod readers;
mod world;

use std::net::{IpAddr, SocketAddr};

use damm_catalog::{Catalog, Front};
use damm_fleet::Span;
use damm_formats::{Error, Format, Identity, Settings, Subscription, Wanted};
use damm_protocol::{CredentialId, Secret32};
use proptest::prelude::*;
use readers::{Read, read, sha256};
use world::{NOW, every_kind, identity, plainly, render};

/// What a door should be read as, by the rules of the catalog alone.
fn expected(front: &Front, client: u8) -> Option<(&'static str, Vec<String>)> {
    let client = world::client(client);
    let param = |name: &str| front.params[name].clone();
    match (front.transport.as_str(), front.params.get("method").map(String::as_str)) {
        ("shadowsocks", Some("2022-blake3-aes-256-gcm")) => {
            let keys = format!("{}:{}", param("server_key"), client.shadowsocks().expose());
            Some(("shadowsocks", vec![param("method"), keys]))
        }
        ("outline", _) => {
            Some(("shadowsocks", vec![param("method"), client.password().expose().to_owned()]))
        }
        ("trojan", _) => {
            let pin = sha256(&param("certificate"));
            Some(("trojan", vec![client.password().expose().into(), param("server_name"), pin]))
        }
        ("wireguard", _) => {
            let keys = vec![client.wireguard().expose(), param("public_key"), param("mtu")];
            Some(("wireguard", keys))
        }
        _ => None,
    }
}

/// Whether a format has words for a door.
fn tells(format: Format, speaks: &str, opens: &[String]) -> bool {
    match format {
        Format::Damm | Format::SingBox | Format::Mihomo => true,
        Format::Links => speaks != "wireguard",
        Format::Sip008 => speaks == "shadowsocks",
        Format::Outline => speaks == "shadowsocks" && !opens[0].starts_with("2022-"),
        Format::Wireguard => speaks == "wireguard",
    }
}

/// What a format should say of a catalog, names aside.
fn all(catalog: &Catalog, format: Format) -> Vec<(&'static str, SocketAddr, Vec<String>)> {
    let one = |front: &Front| {
        let (speaks, opens) = expected(front, 5)?;
        let at = (front.address, front.port).into();
        tells(format, speaks, &opens).then_some((speaks, at, opens))
    };
    catalog.fronts.iter().filter_map(one).collect()
}

fn unnamed(read: Vec<Read>) -> Vec<(&'static str, SocketAddr, Vec<String>)> {
    read.into_iter().map(|r| (r.speaks, r.at, r.opens)).collect()
}

/// Those formats that tell of all their doors at once.
const WHOLE: [Format; 4] = [Format::SingBox, Format::Mihomo, Format::Sip008, Format::Links];

fn address() -> impl Strategy<Value = IpAddr> {
    let known = |a: &IpAddr| !a.is_unspecified() && !a.is_multicast() && a.to_canonical() == *a;
    any::<IpAddr>().prop_filter("no place to go to", known)
}

fn fronts() -> impl Strategy<Value = Vec<Front>> {
    let kind = prop::sample::select(vec![
        ("shadowsocks", world::shadowsocks()),
        ("trojan", world::trojan()),
        ("wireguard", world::wireguard()),
        ("outline", world::outline()),
        ("obfs4", world::params([("cert", "x".into())])),
    ]);
    let front = (address(), 1..=u16::MAX, kind);
    prop::collection::vec(front, 1..8).prop_map(|fronts| {
        let numbered = fronts.into_iter().zip(0..);
        let one = |((address, port, (kind, params)), n): ((IpAddr, u16, (&str, _)), u64)| {
            world::front(n, &address.to_string(), port, kind, params)
        };
        numbered.map(one).collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_as_the_same_doors(fronts in fronts()) {
        let catalog = world::catalog(fronts);
        for format in WHOLE {
            let mut expected = all(&catalog, format);
            let found = match plainly(&catalog, format) {
                Ok(document) => unnamed(read(format, &document.text())),
                Err(Error::NoDoor { .. }) => Vec::new(),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            if format == Format::SingBox {
                // There, tunnels have a list of their own.
                expected.sort_by_key(|(speaks, ..)| *speaks == "wireguard");
            }
            prop_assert_eq!(found, expected, "{}", format);
        }
    }

    #[test]
    fn a_format_of_one_door_gives_each_by_its_number(fronts in fronts()) {
        let catalog = world::catalog(fronts);
        for format in [Format::Outline, Format::Wireguard] {
            let expected = all(&catalog, format);
            for (door, expected) in (1..).zip(&expected) {
                let document = render(&catalog, Wanted { format, door }, &Settings::default());
                let found = unnamed(read(format, &document.unwrap().text()));
                prop_assert_eq!(&found, &vec![expected.clone()], "{} {}", format, door);
            }
            let door = u16::try_from(expected.len()).unwrap() + 1;
            let beyond = render(&catalog, Wanted { format, door }, &Settings::default());
            match (format, expected.len()) {
                (Format::Outline, 0) => prop_assert!(beyond.unwrap().text().contains("error")),
                (_, 0) => prop_assert_eq!(beyond, Err(Error::NoDoor { format })),
                (_, have) => {
                    prop_assert_eq!(beyond, Err(Error::NoSuchDoor { format, wanted: door, have }));
                }
            }
        }
    }

    #[test]
    fn the_same_catalog_gives_the_same_bytes(fronts in fronts()) {
        let catalog = world::catalog(fronts);
        for format in Format::ALL {
            prop_assert_eq!(plainly(&catalog, format), plainly(&catalog, format));
        }
    }

    #[test]
    fn a_door_that_takes_anothers_place_takes_its_name(
        fronts in fronts(), place in any::<prop::sample::Index>(), address in address(),
    ) {
        let before = world::catalog(fronts);
        let mut after = before.clone();
        let replaced = place.index(after.fronts.len());
        after.fronts[replaced].id = damm_fleet::FrontdoorId::from_raw(99);
        after.fronts[replaced].address = address;
        for format in WHOLE {
            let names = |catalog| plainly(catalog, format).map(|d| names(format, &d.text()));
            prop_assert_eq!(names(&before), names(&after), "{}", format);
        }
    }
}

/// What a format calls its doors, and its ids where it has such.
fn names(format: Format, text: &str) -> Vec<String> {
    let names = read(format, text).into_iter().map(|r| r.name);
    if format != Format::Sip008 {
        return names.collect();
    }
    let config: serde_json::Value = serde_json::from_str(text).unwrap();
    let ids = config["servers"].as_array().unwrap().iter().map(|s| s["id"].to_string());
    ids.chain(names).collect()
}

#[test]
fn names_tell_a_place_and_nothing_of_a_door() {
    let document = plainly(&every_kind(), Format::Mihomo).unwrap();
    let names = names(Format::Mihomo, &document.text());
    let expected = [
        "Shadowsocks 1",
        "Trojan 1",
        "WireGuard 1",
        "Shadowsocks 2",
        "Shadowsocks 3",
        "Trojan 2",
        "WireGuard 2",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_catalog_is_written_only_while_it_holds() {
    let catalog = every_kind();
    let (identity, settings) = (identity(5), Settings::default());
    let subscription =
        Subscription { catalog: &catalog, signed: b"", identity: &identity, settings: &settings };
    for format in Format::ALL {
        let at = |now| subscription.render(Wanted::first(format), now);
        let last = catalog.expires - Span::from_millis(1);
        assert!(at(NOW).is_ok() && at(last).is_ok(), "{format}");
        for now in [NOW - Span::from_millis(1), catalog.expires] {
            let (from, until) = (catalog.not_before, catalog.expires);
            assert_eq!(at(now), Err(Error::NotHolding { from, until, now }), "{format}");
        }
    }
}

#[test]
fn a_controller_leaves_out_what_it_has_no_key_for() {
    let (catalog, settings) = (every_kind(), Settings::default());
    let credential = world::client(5).credential(CredentialId::new(5).unwrap());
    let identity = Identity::of_credential(credential);
    let subscription =
        Subscription { catalog: &catalog, signed: b"", identity: &identity, settings: &settings };
    let document = subscription.render(Wanted::first(Format::SingBox), NOW).unwrap();
    let doors = read(Format::SingBox, &document.text());
    assert_eq!(doors.len(), 5);
    assert!(doors.iter().all(|d| d.speaks != "wireguard"));
    let tunnel = subscription.render(Wanted::first(Format::Wireguard), NOW);
    assert_eq!(tunnel, Err(Error::NoDoor { format: Format::Wireguard }));
}

#[test]
fn an_address_of_the_old_family_in_the_new_ones_clothes_is_written_as_it_is_reached() {
    let mapped = world::front(1, "::ffff:203.0.113.7", 443, "shadowsocks", world::shadowsocks());
    let catalog = world::catalog(vec![mapped]);
    for format in [Format::SingBox, Format::Sip008, Format::Links] {
        let text = plainly(&catalog, format).unwrap();
        let at = read(format, &text.text())[0].at;
        assert_eq!(at, "203.0.113.7:443".parse().unwrap(), "{format}");
    }
}

#[test]
fn groups_that_choose_leave_standing_connections_alone() {
    let document = plainly(&every_kind(), Format::SingBox).unwrap();
    let profile: serde_json::Value = serde_json::from_str(&document.text()).unwrap();
    let groups =
        profile["outbounds"].as_array().unwrap().iter().filter(|o| o["outbounds"].is_array());
    let kept: Vec<_> = groups.map(|g| &g["interrupt_exist_connections"]).collect();
    assert_eq!(kept, [false, false]);
}

#[test]
fn what_opens_no_door_is_left_out() {
    let key = Secret32::new([9; 32]).expose();
    let all = [
        ("shadowsocks", "server_key", "AAAA".to_owned()),
        ("shadowsocks", "server_key", format!("{key}:{key}")),
        ("shadowsocks", "method", "2022-blake3-aes-128-gcm".to_owned()),
        ("shadowsocks", "method", "aes-256-cfb".to_owned()),
        ("trojan", "server_name", "-x.example".to_owned()),
        ("trojan", "server_name", "203.0.113.7".to_owned()),
        ("trojan", "server_name", "a&pcs=0".to_owned()),
        ("trojan", "certificate", String::new()),
        ("trojan", "certificate", "!".to_owned()),
        ("trojan", "certificate", "AAAA".to_owned()),
        ("wireguard", "public_key", "x".to_owned()),
        ("wireguard", "mtu", "576".to_owned()),
        ("wireguard", "resolver", "100.64.0.2\nPostUp = x".to_owned()),
        ("wireguard", "resolver", "resolver.example".to_owned()),
    ];
    for (kind, name, value) in all {
        let mut catalog = every_kind();
        for front in catalog.fronts.iter_mut().filter(|f| f.transport == kind) {
            front.params.insert(name.to_owned(), value.clone());
        }
        let text = plainly(&catalog, Format::Mihomo).unwrap();
        let doors = read(Format::Mihomo, &text.text());
        let left = doors.iter().filter(|d| d.speaks == kind).count();
        // The operator's own transport speaks Shadowsocks too.
        assert_eq!(left, usize::from(kind == "shadowsocks"), "{kind} with {name} {value:?}");
    }
}
