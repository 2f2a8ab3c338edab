//! Rulesets as text, and as the real `nft` takes them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use damm_needs::Need;
use damm_protocol::{EgressConfig, RoleConfig};

use super::{EgressFacts, IngressFacts, Primary, Ruleset, forget_counters};
use crate::dataplane::fixture;
use crate::dataplane::memory::Memory;

fn remembered(role: RoleConfig) -> Memory {
    let mut memory = Memory::default();
    memory.follow(&fixture::config(role), &BTreeMap::new(), 0).unwrap();
    memory
}

fn ingress(egresses: u8) -> Ruleset {
    let config = fixture::ingress(egresses);
    let memory = remembered(RoleConfig::Ingress(config.clone()));
    let primary = Primary {
        v4: Some("198.51.100.10".parse().unwrap()),
        v6: Some("2001:db8:1::10".parse().unwrap()),
    };
    super::ingress(&IngressFacts {
        config: &config,
        peers: &memory.peers,
        doors: &memory.doors,
        receivers: &memory.receivers(),
        primary,
        proxy_uid: 60_710,
        seed: 0x5eed,
    })
}

fn egress(addresses: u8) -> Ruleset {
    egress_of(&fixture::egress(addresses))
}

fn egress_of(config: &EgressConfig) -> Ruleset {
    let memory = remembered(RoleConfig::Egress(config.clone()));
    super::egress(&EgressFacts {
        config,
        addresses: &memory.addresses,
        receivers: &memory.receivers(),
        uplink: "eth0",
        resolver_uid: 60_711,
        seed: 0x5eed,
    })
}

/// The text without the thousand slots, which the tests of slots look at.
fn short(text: &str) -> String {
    let long = |line: &str| line.starts_with("add element inet damm slots");
    let cut = |line: &str| if long(line) { format!("{}…", &line[..40]) } else { line.to_owned() };
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// Feeds texts one after the other to `nft` in an empty network namespace, and gives what it lists
/// then; nothing when there can be no namespace.
pub(super) fn nft(texts: &[String]) -> Option<String> {
    nft_but(texts, None)
}

/// The same where it has to refuse one of the texts.
pub(super) fn nft_but(texts: &[String], refused: Option<usize>) -> Option<String> {
    if damm_needs::unmet(&[Need::Namespaces, Need::Program("nft")]) {
        return None;
    }
    let not = |n| if refused == Some(n) { "! " } else { "" };
    let script: String =
        (0..texts.len()).map(|n| format!("{}nft -f \"$DIR/{n}\" && ", not(n))).collect();
    let dir = tempfile::tempdir().unwrap();
    for (n, text) in texts.iter().enumerate() {
        std::fs::write(dir.path().join(n.to_string()), text).unwrap();
    }
    let mut command = Command::new("unshare");
    command.args(["-n", "sh", "-c", &format!("{script} nft list ruleset")]);
    let output = command.env("DIR", dir.path()).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn an_ingress_ruleset() {
    insta::assert_snapshot!(short(&ingress(3).anew()));
}

#[test]
fn an_egress_ruleset() {
    insta::assert_snapshot!(short(&egress(5).anew()));
}

#[test]
fn behind_a_translation_the_rules_speak_of_what_the_server_sees() {
    let mut config = fixture::egress(2);
    for (address, n) in config.addresses.values_mut().zip(1..) {
        address.public = Some(address.address);
        address.address = Ipv4Addr::new(172, 31, 0, n).into();
    }
    let text = egress_of(&config).anew();
    for address in config.addresses.values() {
        let public = address.public.unwrap().to_string();
        assert!(text.contains(&address.address.to_string()), "{}", short(&text));
        assert!(!text.contains(&public), "{}", short(&text));
    }
    let _ = nft(&[text]);
}

#[test]
fn nft_takes_every_ruleset_and_every_change_between_them() {
    for [first, then] in [[ingress(1), ingress(200)], [egress(1), egress(250)]] {
        let wanted = first.standing();
        let change = then.change(&wanted);
        let back = first.change(&then.standing());
        let texts = [first.anew(), first.whole(), change, back, then.anew()];
        if let Some(listing) = nft(&texts) {
            assert_eq!(listing.matches("table ").count(), 1, "{listing}");
        }
    }
}

#[test]
fn only_parts_that_changed_are_loaded() {
    let (one, two) = (ingress(2), ingress(3));
    let change = two.change(&one.standing());
    assert!(change.contains("slots4") && !change.contains("chain"), "{}", short(&change));
}

#[test]
fn what_was_learned_is_never_flushed() {
    for text in [ingress(3).whole(), egress(3).whole()] {
        assert!(text.contains("sessions4") && !text.contains("flush map inet damm sessions"));
        assert!(!text.contains("delete") && !text.contains("flush ruleset"));
    }
}

#[test]
fn counters_of_what_is_gone_can_be_forgotten_twice() {
    let forget = forget_counters(super::counters('a', 2));
    let _ = nft(&[egress(1).anew(), forget.clone(), forget]);
}
