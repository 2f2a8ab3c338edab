//! Composing, on fleets that grow and shrink at random.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod fleets;

use std::collections::{BTreeMap, BTreeSet};

use damm_catalog::FleetSecret;
use damm_fleet::{NodeId, Role, Stage};
use damm_protocol::evidence::WitnessKey;
use damm_protocol::{NodeConfig, Receiving, RoleConfig, Secret32};
use damm_store::StoredConfig;
use fleets::{Fleet, SECRET, Step, backbone, configs, credentials, step};
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{Facts, Overlay, Scene, WORKING_SET};

#[test]
fn a_small_fleet_is_told_what_it_was_told_yesterday() {
    let mut fleet = Fleet::new(1);
    fleet.credentials = credentials(0).into();
    for (n, role) in [Role::Ingress, Role::Egress, Role::Egress].into_iter().enumerate() {
        fleet.add(role, n % 2 == 0);
    }
    let told = configs(&fleet.scene(&BTreeMap::new()));
    let text = serde_json::to_string_pretty(&told.into_values().collect::<Vec<_>>()).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn every_ingress_has_a_witness_key_of_its_own_that_follows_from_the_secret() {
    let (mut fleet, secret) = (Fleet::new(2), FleetSecret::new(SECRET));
    let ids = [Role::Ingress, Role::Ingress, Role::Egress].map(|role| fleet.add(role, true));
    let scene = fleet.scene(&BTreeMap::new());
    let told = configs(&scene);
    let keys = ids[..2].iter().map(|id| match &told[id].role {
        RoleConfig::Ingress(ingress) => ingress.witness.clone().unwrap(),
        RoleConfig::Egress(_) => panic!("{id} is an ingress"),
    });
    let keys: Vec<WitnessKey> = keys.collect();
    assert_eq!(
        keys,
        ids[..2].iter().map(|id| WitnessKey::new(secret.witness(*id))).collect::<Vec<_>>()
    );
    assert_ne!(keys[0], keys[1]);
    // An egress has no doors, and nothing shows a key.
    let egress = serde_json::to_string(&told[&ids[2]]).unwrap();
    let shown = format!("{scene:?}{told:?}{egress}");
    for id in ids {
        let key = Secret32::new(secret.witness(id)).expose();
        assert!(!shown.contains(&key) && !egress.contains("witness"), "{id}");
    }
}

/// Each node's config, as ingress or egress.
fn split(
    told: &BTreeMap<NodeId, NodeConfig>,
) -> (Vec<&damm_protocol::IngressConfig>, Vec<&damm_protocol::EgressConfig>) {
    let ingress = told.values().filter_map(|c| match &c.role {
        RoleConfig::Ingress(ingress) => Some(ingress),
        RoleConfig::Egress(_) => None,
    });
    let egress = told.values().filter_map(|c| match &c.role {
        RoleConfig::Egress(egress) => Some(egress),
        RoleConfig::Ingress(_) => None,
    });
    (ingress.collect(), egress.collect())
}

/// No two prefixes of a region overlap, and every peer is known by the other.
fn fits_together(fleet: &Fleet, told: &BTreeMap<NodeId, NodeConfig>) {
    for (id, config) in told {
        match &config.role {
            RoleConfig::Ingress(ingress) => {
                for (peer, known) in &ingress.egresses {
                    let RoleConfig::Egress(other) = &told[peer].role else { panic!("{peer}") };
                    let me = &other.ingresses[id];
                    assert_eq!(me.sessions4, ingress.sessions4);
                    assert_eq!(me.sessions6, ingress.sessions6);
                    assert_eq!(known.address, told[peer].overlay.address);
                    assert_eq!(fleet.region(*peer), fleet.region(*id), "across regions");
                }
            }
            RoleConfig::Egress(egress) => {
                for peer in egress.ingresses.keys() {
                    let RoleConfig::Ingress(other) = &told[peer].role else { panic!("{peer}") };
                    assert!(other.egresses.contains_key(id), "{id} knows {peer} for nothing");
                }
                let peers: Vec<_> = egress.ingresses.values().collect();
                for (n, a) in peers.iter().enumerate() {
                    for b in &peers[n + 1..] {
                        assert!(!a.sessions4.contains(&b.sessions4.network()));
                        assert!(!a.sessions6.contains(&b.sessions6.network()));
                    }
                }
            }
        }
    }
}

/// Rules 1 and 2, as far as they are a config's matter: no address that traffic leaves from is
/// anywhere in what an ingress is told.
fn keeps_egress_to_itself(fleet: &Fleet, told: &BTreeMap<NodeId, NodeConfig>) {
    let (ingress, _) = split(told);
    let hidden = fleet.egress_addresses();
    for config in ingress {
        let text = serde_json::to_string(config).unwrap();
        let found = hidden.iter().find(|a| text.contains(&format!("\"{a}\"")));
        assert_eq!(found, None);
    }
}

/// What stands after the changes.
fn stored(
    before: &BTreeMap<NodeId, StoredConfig>,
    scene: &Scene,
) -> BTreeMap<NodeId, StoredConfig> {
    let mut after = before.clone();
    after.extend(scene.changes(before));
    after
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn whatever_happens_all_configs_fit_together(
        seed in 0u64..1_000, steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut fleet = Fleet::new(seed);
        let mut before = BTreeMap::new();
        let mut told: BTreeMap<NodeId, NodeConfig> = BTreeMap::new();
        for step in steps {
            fleet.take(&step);
            before.retain(|id, _| fleet.members.contains_key(id));
            let scene = fleet.scene(&before);
            let after = stored(&before, &scene);
            let now = configs(&scene);
            fits_together(&fleet, &now);
            keeps_egress_to_itself(&fleet, &now);
            for (id, config) in &now {
                let was = told.get(id).filter(|_| before.contains_key(id));
                // The generation moves with the content, and with nothing else.
                let same = was.is_some_and(|w| w == config);
                let (old, new) = (before.get(id), &after[id]);
                prop_assert_eq!(same, old == Some(new), "{} after {:?}", id, step);
                if let Some(old) = old.filter(|_| !same) {
                    prop_assert_eq!(new.generation, old.generation + 1);
                }
                // Rule 2: what egress does is nothing to the doors.
                if let (Some(was), true) = (was, step.is_about_egress()) {
                    prop_assert_eq!(doors(was), doors(config));
                }
            }
            // Made again from what stands, nothing changes.
            let again = fleet.scene(&after).changes(&after);
            prop_assert_eq!(again, BTreeMap::new());
            (before, told) = (after, now);
        }
    }
}

/// What of an ingress' config clients can notice.
fn doors(config: &NodeConfig) -> Option<String> {
    let RoleConfig::Ingress(ingress) = &config.role else { return None };
    let parts = (
        &ingress.frontdoors,
        &ingress.transports,
        &ingress.credentials,
        ingress.sessions4,
        ingress.sessions6,
        &config.overlay,
    );
    Some(serde_json::to_string(&parts).unwrap())
}

#[test]
fn a_config_is_told_anew_only_when_its_content_changes() {
    let mut fleet = Fleet::new(2);
    let (ingress, egress) = (fleet.add(Role::Ingress, true), fleet.add(Role::Egress, true));
    let first = stored(&BTreeMap::new(), &fleet.scene(&BTreeMap::new()));
    assert!(first.values().all(|c| c.generation == 1));
    // A credential is nothing to an egress.
    fleet.credentials = credentials(3).into();
    let second = fleet.scene(&first).changes(&first);
    assert_eq!(second.keys().collect::<Vec<_>>(), [&ingress]);
    let second = stored(&first, &fleet.scene(&first));
    // A new egress address is nothing to an ingress.
    fleet.take(&Step::Address { which: 1 });
    let third = fleet.scene(&second).changes(&second);
    assert_eq!(third.keys().collect::<Vec<_>>(), [&egress]);
}

#[test]
fn an_egress_that_drains_or_leaves_keeps_its_sessions_and_gets_no_new_ones() {
    let mut fleet = Fleet::new(3);
    let (ingress, egress) = (fleet.add(Role::Ingress, true), fleet.add(Role::Egress, true));
    let peer = |fleet: &Fleet, before: &BTreeMap<NodeId, StoredConfig>| {
        let told = configs(&fleet.scene(before));
        let RoleConfig::Ingress(config) = &told[&ingress].role else { panic!() };
        config.egresses.get(&egress).cloned()
    };
    let before = stored(&BTreeMap::new(), &fleet.scene(&BTreeMap::new()));
    assert_eq!(peer(&fleet, &before).unwrap().receiving, Receiving::Active);
    fleet.stage(egress, Stage::Building);
    assert_eq!(peer(&fleet, &before).unwrap().weight, 0);
    for stage in fleets::ends() {
        fleet.stage(egress, stage);
        let peer = peer(&fleet, &before).unwrap();
        assert_eq!((peer.receiving, peer.weight), (Receiving::Draining, 1));
    }
    // Whoever did not use it is not told of it.
    assert_eq!(peer(&fleet, &BTreeMap::new()), None);
}

#[test]
fn a_region_with_many_egress_nodes_uses_each_and_none_knows_all() {
    let mut fleet = Fleet::new(4);
    for n in 0..120 {
        fleet.add(if n < 100 { Role::Egress } else { Role::Ingress }, true);
    }
    let told = configs(&fleet.scene(&BTreeMap::new()));
    fits_together(&fleet, &told);
    let (ingress, egress) = split(&told);
    assert!(ingress.iter().all(|i| i.egresses.len() == WORKING_SET));
    assert!(egress.iter().all(|e| (1..20).contains(&e.ingresses.len())));
}

#[test]
fn every_place_has_addresses_of_its_own() {
    let overlay = Overlay::of(&backbone()).unwrap();
    let ingress: BTreeSet<_> =
        Overlay::places(Role::Ingress).map(|p| overlay.place(p).sessions4).collect();
    assert_eq!(ingress.len(), 4_096);
    let (first, last) = (ingress.first().unwrap(), ingress.last().unwrap());
    assert_eq!(first.to_string(), "10.64.0.0/22");
    assert_eq!(last.to_string(), "10.127.252.0/22");
    let all = Overlay::places(Role::Ingress).chain(Overlay::places(Role::Egress));
    let all: BTreeSet<_> = all.map(|p| overlay.place(p).sessions6).collect();
    assert_eq!(all.len(), usize::from(u16::MAX));
    assert_eq!(all.first().unwrap().to_string(), "fd5d:616d:6d00::/64");
}

#[test]
fn an_overlay_without_room_is_refused() {
    for prefix in ["fd5d:616d:6d00::/49", "10.0.0.0/8"] {
        let mut backbone = backbone();
        backbone.prefix = prefix.parse().unwrap();
        let facts = Facts {
            backbone: &backbone,
            members: BTreeMap::new(),
            credentials: credentials(0).into(),
            before: &BTreeMap::new(),
            secret: &FleetSecret::new(SECRET),
        };
        let refused = Scene::new(facts).unwrap_err().to_string();
        assert!(refused.contains(prefix) && refused.contains("/48"), "{refused}");
    }
}

#[test]
fn a_place_is_used_again_as_late_as_can_be() {
    use std::collections::BTreeSet;
    let free = |taken: &BTreeSet<u16>| super::free(Role::Ingress, |p| taken.contains(&p));
    assert_eq!(free(&BTreeSet::new()), Some(0));
    assert_eq!(free(&BTreeSet::from([3])), Some(4));
    assert_eq!(free(&BTreeSet::from([0, 1, 4_095])), Some(2));
    assert_eq!(free(&(0..4_096).collect()), None);
    assert_eq!(super::free(Role::Egress, |_| false), Some(4_096));
}
