//! What there should be, what `ip` and `wg` say there is, and the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use damm_protocol::{RoleConfig, Secret32};

use super::{Actual, Batches, Desired, difference, egress, ingress, tunnels};
use crate::dataplane::fixture;
use crate::dataplane::memory::Memory;

fn desired(egresses: u8) -> Desired {
    let config = fixture::ingress(egresses);
    let mut memory = Memory::default();
    let role = RoleConfig::Ingress(config.clone());
    memory.follow(&fixture::config(role), &BTreeMap::new(), 0).unwrap();
    ingress(&fixture::overlay(), &config, &memory.peers)
}

fn from_nothing(desired: &Desired) -> Batches {
    difference(desired, &Actual::default(), "eth0", &BTreeSet::new())
}

fn lines(batches: &Batches) -> String {
    let mut text = String::new();
    for (what, lines) in [
        ("make", &batches.missing),
        ("-4", &batches.add[0]),
        ("-6", &batches.add[1]),
        ("-4", &batches.remove[0]),
        ("-6", &batches.remove[1]),
        ("remove", &batches.stale),
    ] {
        for line in lines {
            writeln!(text, "{what} {line}").unwrap();
        }
    }
    text
}

/// What there is once all that is desired has been done.
fn done(desired: &Desired) -> Actual {
    let mut actual = Actual {
        addresses: desired.addresses.clone(),
        routes: desired.routes.clone(),
        rules: desired.rules.clone(),
        ..Actual::default()
    };
    for (name, link) in &desired.links {
        actual.links.insert(name.clone(), (link.mtu.into(), true));
    }
    let uplink = desired.uplink.iter().map(|address| ("eth0".to_owned(), (*address).into()));
    actual.addresses.extend(uplink);
    actual
}

#[test]
fn an_ingress_from_nothing() {
    insta::assert_snapshot!(lines(&from_nothing(&desired(2))));
}

#[test]
fn an_egress_from_nothing() {
    insta::assert_snapshot!(lines(&from_nothing(&egress(
        &fixture::overlay(),
        &fixture::egress(3)
    ))));
}

#[test]
fn from_one_config_to_another_only_the_difference_is_done() {
    let (two, three) = (desired(2), desired(3));
    assert!(difference(&two, &done(&two), "eth0", &two.uplink).is_empty());
    insta::assert_snapshot!(lines(&difference(&two, &done(&three), "eth0", &two.uplink)));
}

#[test]
fn beyond_sixty_four_egresses_rules_stand_in_groups() {
    let desired = desired(200);
    let groups = desired.rules.iter().filter(|rule| rule.v4 && rule.priority == 1_000).count();
    assert_eq!(groups, 7);
    for rule in desired.rules.iter().filter(|rule| rule.action.starts_with("goto ")) {
        let to: u32 = rule.action[5..].parse().unwrap();
        assert!(desired.rules.iter().any(|r| r.v4 == rule.v4 && r.priority == to), "{rule:?}");
    }
    let most = desired.rules.iter().map(|rule| rule.priority).collect::<Vec<_>>();
    let in_group = (2_000..2_007).map(|at| most.iter().filter(|p| **p == at).count()).max();
    assert_eq!(in_group, Some(64), "32 of each family");
}

#[test]
fn an_address_that_others_gave_is_left_to_them() {
    let mut there = desired(1);
    let address = "198.51.100.71".parse().unwrap();
    let mut actual = done(&there);
    actual.addresses.insert(("eth0".to_owned(), "198.51.100.71/24".parse().unwrap()));
    let batches = difference(&there, &actual, "eth0", &BTreeSet::new());
    assert!(batches.is_empty(), "{batches:?}");
    there.uplink.remove(&address);
    assert!(difference(&there, &actual, "eth0", &BTreeSet::new()).is_empty());
    // One that we gave goes, but not the one with another length.
    let ours = BTreeSet::from([address]);
    let batches = difference(&there, &actual, "eth0", &ours);
    assert_eq!(lines(&batches), "-4 address del 198.51.100.71/32 dev eth0\n");
}

#[test]
fn what_ip_prints_is_read() {
    let first = r#"
[{"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"addr_info":[
    {"family":"inet","local":"10.64.4.1","prefixlen":32,"scope":"global","preferred_life_time":9}]},
 {"ifname":"eth0","flags":["UP"],"mtu":1500,"addr_info":[
    {"local":"198.51.100.10","prefixlen":24,"scope":"global","preferred_life_time":4294967295},
    {"local":"198.51.100.71","prefixlen":32,"scope":"global","preferred_life_time":0},
    {"local":"fe80::1","prefixlen":64,"scope":"link","preferred_life_time":4294967295}]}]
[{"type":"unreachable","dst":"default","table":"218000001","protocol":"218","metric":4294967294},
 {"type":"unicast","dst":"default","dev":"wg-e1","table":"218000001","protocol":"218",
    "pref":"medium"},
 {"type":"local","dst":"10.64.4.0/22","dev":"lo","table":"local","protocol":"218"},
 {"type":"unicast","dst":"fd00:da::2:1","dev":"wg-e1","protocol":"218","pref":"medium"},
 {"type":"unicast","dst":"default","dev":"eth0","protocol":"dhcp"}]
[{"priority":0,"src":"all","table":"local","protocol":"kernel"},
 {"priority":1000,"src":"all","fwmark":"0x1","fwmask":"0xffff","table":"218000001",
    "protocol":"218"},
 {"priority":5000,"not":null,"src":"all","fwmark":"0","fwmask":"0xffff","action":"unreachable",
    "protocol":"218"}]"#;
    let rules6 = r#"[{"priority":5001,"src":"all","iif":"wg-c","iif_detached":null,
        "action":"unreachable","protocol":"218"},
        {"priority":32800,"src":"fd00:da:0:1::","srclen":64,"table":"218000001",
        "protocol":"218"}]"#;
    let actual = Actual::read(first, rules6).unwrap();
    let primary = actual.primary("eth0", &BTreeSet::new());
    assert_eq!((primary.v4, primary.v6), (Some("198.51.100.10".parse().unwrap()), None));
    assert!(actual.has("198.51.100.71".parse().unwrap()));
    insta::assert_debug_snapshot!((&actual.routes, &actual.rules));
    assert!(Actual::read("[]", rules6).is_err());
}

#[test]
fn an_interface_as_it_should_be_is_known_again() {
    let key = Secret32::new([7; 32]);
    let public = key.wireguard_public();
    let link = desired(1).links["wg-e1"].clone();
    let (peer, settings) = (link.peers.keys().next().unwrap(), link.settings(&key, 40_000));
    assert!(settings.contains("ListenPort = 40000") && settings.contains(&key.expose()));
    let dump = format!(
        "wg-e1\tsecret\t{public}\t40000\toff\n\
         wg-e1\t{peer}\t(none)\t203.0.113.1:51820\t0.0.0.0/0,::/0\t1700000000\t10\t20\toff\n\
         broken line\n"
    );
    let tunnel = &tunnels(&dump)["wg-e1"];
    assert!(link.is(tunnel, public));
    assert_eq!((tunnel.peers[peer].received, tunnel.peers[peer].sent), (10, 20));
    for (from, to) in [("0.0.0.0/0,", ""), ("113.1:", "113.2:"), ("\toff\n", "\t1\n")] {
        let other = &tunnels(&dump.replacen(from, to, 1))["wg-e1"];
        assert_eq!(link.is(other, public), from == "\toff\n", "{from}");
    }
    assert!(!link.is(tunnel, Secret32::new([8; 32]).wireguard_public()));
}
