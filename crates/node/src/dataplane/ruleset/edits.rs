//! Edits: from any config to any other by them it ends as if the last had been loaded at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use damm_fleet::{EgressIpId, FrontdoorId, NodeId};
use damm_protocol::{AddressConfig, DoorConfig, IngressPeer, Receiving, RoleConfig, WireguardKey};
use proptest::prelude::*;

use super::tests::{nft, nft_but};
use super::{EgressFacts, IngressFacts, Primary, Ruleset, counters, forget_counters};
use crate::dataplane::fixture;
use crate::dataplane::marks::QUARANTINE;
use crate::dataplane::memory::Memory;

/// What an address or an egress may be, by its number: weight, whether it takes new sessions, and
/// something that is to change too.
type Choices = BTreeMap<u8, (u32, bool, bool)>;

fn receiving(active: bool) -> Receiving {
    if active { Receiving::Active } else { Receiving::Draining }
}

fn some(most: u8) -> impl Strategy<Value = Choices> {
    prop::collection::btree_map(1..=most, (0..3_u32, any::<bool>(), any::<bool>()), 0..most.into())
}

fn egress() -> impl Strategy<Value = RoleConfig> {
    let ingresses = prop::collection::btree_set(1..5_u8, 0..4);
    (some(12), ingresses).prop_map(|(addresses, ingresses)| {
        let address = |n: u8, moved: bool| -> IpAddr {
            match n % 2 {
                0 => Ipv6Addr::new(0x2001, 0xdb8, u16::from(moved), 0, 0, 0, 0, n.into()).into(),
                _ => Ipv4Addr::new(203, 0, 113 + u8::from(moved), n).into(),
            }
        };
        let config = |(n, (weight, active, moved)): (u8, (u32, bool, bool))| {
            let address = address(n, moved);
            let config =
                AddressConfig { address, public: None, weight, receiving: receiving(active) };
            (EgressIpId::from_raw(n.into()), config)
        };
        let peer = |n: u8| IngressPeer {
            key: WireguardKey::new([n; 32]),
            sessions4: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 64, 4 * n, 0), 22),
            sessions6: format!("fd00:da:0:{n}::/64").parse().unwrap(),
        };
        RoleConfig::Egress(damm_protocol::EgressConfig {
            ingresses: ingresses
                .iter()
                .map(|n| (NodeId::from_raw((*n).into()), peer(*n)))
                .collect(),
            addresses: addresses.into_iter().map(config).collect(),
        })
    })
}

fn ingress() -> impl Strategy<Value = RoleConfig> {
    let door = (0..4_u8, prop::bool::ANY, prop::sample::select(vec!["wireguard", "shadowsocks"]));
    let doors = prop::collection::btree_map(1..8_u64, (door, any::<bool>()), 0..8);
    (some(8), doors).prop_map(|(egresses, doors)| {
        let mut config = fixture::ingress(8);
        config.egresses.retain(|id, peer| {
            let Some((weight, active, v4)) = egresses.get(&(id.raw() as u8)) else { return false };
            (peer.weight, peer.receiving, peer.v4) = (*weight, receiving(*active), *v4);
            true
        });
        let door = |((place, https, transport), active): ((u8, bool, &str), bool)| DoorConfig {
            address: match place {
                0 => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x71).into(),
                _ => Ipv4Addr::new(198, 51, 100, place).into(),
            },
            public: None,
            port: if https { 443 } else { 8_443 },
            transport: transport.to_owned(),
            receiving: receiving(active),
        };
        let doors = doors.into_iter().map(|(n, of)| (FrontdoorId::from_raw(n), door(of)));
        config.frontdoors = doors.collect();
        RoleConfig::Ingress(config)
    })
}

fn ruleset(config: &RoleConfig, memory: &Memory) -> Ruleset {
    let receivers = &memory.receivers();
    match config {
        RoleConfig::Egress(config) => super::egress(&EgressFacts {
            config,
            addresses: &memory.addresses,
            receivers,
            uplink: "eth0",
            resolver_uid: 60_711,
            seed: 1,
        }),
        RoleConfig::Ingress(config) => super::ingress(&IngressFacts {
            config,
            peers: &memory.peers,
            doors: &memory.doors,
            receivers,
            // Another one now and then.
            primary: Primary {
                v4: Some(Ipv4Addr::new(198, 51, 100, 10 + config.frontdoors.len() as u8 / 4)),
                v6: None,
            },
            proxy_uid: 60_710,
            seed: 1,
        }),
    }
}

/// The rulesets of configs that follow each other, each with what is then forgotten.
fn follow(configs: &[RoleConfig]) -> Vec<(Ruleset, String)> {
    let mut memory = Memory::default();
    let step = |(n, config): (usize, &RoleConfig)| {
        // Marks rest for two steps, and then come back.
        let now = n as u64 * (QUARANTINE / 2 + 1);
        memory.follow(&fixture::config(config.clone()), &BTreeMap::new(), now).unwrap();
        let ruleset = ruleset(config, &memory);
        let gone = memory.addresses.leaving().map(|(_, mark)| ('a', mark));
        let gone = gone.chain(memory.doors.leaving().map(|(_, mark)| ('d', mark)));
        let forget = forget_counters(gone.flat_map(|(kind, mark)| counters(kind, mark)));
        memory.rest(now);
        (ruleset, forget)
    };
    configs.iter().enumerate().map(step).collect()
}

/// What `nft` lists, whatever came first into the table.
fn things(listing: &str) -> BTreeSet<String> {
    let inside = listing.trim().trim_start_matches("table inet damm {").trim_end_matches('}');
    inside.split("\n\n").map(|thing| thing.trim().to_owned()).collect()
}

/// A config with one thing of another: a change is mostly a small one.
fn nearer(config: &RoleConfig, to: &RoleConfig) -> RoleConfig {
    let mut config = config.clone();
    match (&mut config, to.clone()) {
        (RoleConfig::Egress(config), RoleConfig::Egress(to)) => {
            config.addresses.extend(to.addresses.into_iter().take(1));
        }
        (RoleConfig::Ingress(config), RoleConfig::Ingress(to)) => {
            config.egresses.extend(to.egresses.into_iter().take(1));
            config.frontdoors.extend(to.frontdoors.into_iter().take(1));
        }
        _ => {}
    }
    config
}

fn ends_as_a_fresh_load(configs: &[RoleConfig]) -> Result<(), TestCaseError> {
    let far = configs.windows(2).flat_map(|pair| [pair[0].clone(), nearer(&pair[0], &pair[1])]);
    let all: Vec<_> = far.chain(configs.last().cloned()).collect();
    let steps = follow(&all);
    let mut texts = vec![steps[0].0.anew()];
    for pair in steps.windows(2) {
        texts.extend([pair[1].0.edit(&pair[0].0), pair[1].1.clone()]);
    }
    let fresh = steps[steps.len() - 1].0.anew();
    if let (Some(edited), Some(fresh)) = (nft(&texts), nft(&[fresh])) {
        prop_assert_eq!(things(&edited), things(&fresh), "{:#?}", texts);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn edits_of_an_egress_end_as_a_fresh_load(
        configs in prop::collection::vec(egress(), 2..5)
    ) {
        ends_as_a_fresh_load(&configs)?;
    }

    #[test]
    fn edits_of_an_ingress_end_as_a_fresh_load(
        configs in prop::collection::vec(ingress(), 2..5)
    ) {
        ends_as_a_fresh_load(&configs)?;
    }
}

/// An egress with so many addresses of one weight, and the same with the first one draining.
fn drained(addresses: u8) -> [Ruleset; 2] {
    let mut before = fixture::egress(addresses);
    before.addresses.values_mut().for_each(|address| address.weight = 1);
    let mut after = before.clone();
    after.addresses.values_mut().next().unwrap().receiving = Receiving::Draining;
    let steps = follow(&[RoleConfig::Egress(before), RoleConfig::Egress(after)]);
    [steps[0].0.clone(), steps[1].0.clone()]
}

#[test]
fn draining_one_of_250_addresses_sends_a_few_words() {
    let [before, after] = drained(250);
    let edit = after.edit(&before);
    assert!(edit.len() < 2_000 && !edit.contains("flush"), "{edit}");
    assert!(edit.contains("delete element inet damm receiving4 { 1 }"), "{edit}");
    assert!(after.change(&before.standing()).len() > 10_000);
}

#[test]
fn an_edit_of_another_table_than_was_thought_changes_nothing() {
    let [before, after] = drained(9);
    for meddling in [
        "flush set inet damm applied",
        "delete element inet damm receiving4 { 1 }",
        "delete element inet damm slots4 { 0 }",
        "add set inet damm another { type mark; }\ndelete table inet damm",
    ] {
        let mut texts = vec![before.anew(), meddling.to_owned()];
        let Some(there) = nft(&texts) else { return };
        texts.push(after.edit(&before));
        assert_eq!(nft_but(&texts, Some(2)).unwrap(), there, "{meddling}");
        // What is sent then.
        texts.push(after.whole());
        let (mended, fresh) = (nft_but(&texts, Some(2)).unwrap(), nft(&[after.anew()]).unwrap());
        assert_eq!(things(&mended), things(&fresh), "{meddling}");
    }
}
