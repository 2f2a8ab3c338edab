//! The smaller tables: what was put reads back after the state was closed and opened again.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::collections::BTreeMap;

use damm_fleet::history::{History, Noted, Past};
use damm_fleet::inventory::{ObservedCatalog, ObservedProvider};
use damm_fleet::verdict::Verdict;
use damm_fleet::{Asn, FrontdoorId, Network, NodeId, Role, Seed, State, Verdicts};
use damm_store::{
    Access, BucketKey, Edition, Error, Exposure, Lag, Orphan, PublishedBucket, Store, StoredReport,
    Tripwire,
};
use serde_json::json;
use world::*;

/// The state, closed and opened again.
async fn again(room: &Room, store: Store) -> Store {
    store.close().await.unwrap();
    room.write().await.unwrap()
}

#[tokio::test]
async fn an_exposure_is_raised_and_never_lowered() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let door = Seed::from_number(1).frontdoor();
    let exposure = |named: Option<i64>, resolvable: Option<i64>, learned_by| Exposure {
        named_until: named.map(at),
        resolvable_until: resolvable.map(at),
        learned_by,
    };
    let steps = [
        (exposure(None, None, 0), exposure(None, None, 0)),
        (exposure(Some(5), None, 0), exposure(Some(5), None, 0)),
        (exposure(Some(3), Some(9), 0), exposure(Some(5), Some(9), 0)),
        (exposure(None, Some(4), 700), exposure(Some(5), Some(9), 700)),
        (exposure(Some(8), None, 699), exposure(Some(8), Some(9), 700)),
    ];
    for (put, expected) in steps {
        store.expose(&[(door, put)]).await.unwrap();
        let found = store.exposures().await.unwrap();
        assert_eq!(found, BTreeMap::from([(door, expected)]), "after {put:?}");
    }
    let both = [(door, exposure(Some(20), None, 9)), (door, exposure(Some(10), Some(30), 701))];
    store.expose(&both).await.unwrap();
    let store = again(&room, store).await;
    assert_eq!(store.exposures().await.unwrap()[&door], exposure(Some(20), Some(30), 701));
}

#[tokio::test]
async fn what_edges_were_told_reads_back() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(2);
    let (a, b) = (record("a", 1), record("b\"\\é", 2));
    let (x, y) = (balancer_target(seed.node()), balancer_target(seed.node()));
    for (key, set) in [&a, &b] {
        store.put_applied_record(key, Some(set), at(1)).await.unwrap();
    }
    store.put_applied_record(&a.0, Some(&b.1), at(2)).await.unwrap();
    for (key, target) in [&x, &y] {
        store.put_applied_target(key, Some(target)).await.unwrap();
        store.put_applied_orders(key.node, Some("d1")).await.unwrap();
        store.put_applied_orders(key.node, Some("d2")).await.unwrap();
    }
    let store = again(&room, store).await;
    let records =
        BTreeMap::from([(a.0.clone(), (b.1.clone(), at(2))), (b.0.clone(), (b.1.clone(), at(1)))]);
    assert_eq!(store.applied_records().await.unwrap(), records);
    assert_eq!(store.applied_targets().await.unwrap(), BTreeMap::from([x.clone(), y.clone()]));
    let orders = [x.0.node, y.0.node].map(|n| (n, "d2".to_owned()));
    assert_eq!(store.applied_orders().await.unwrap(), BTreeMap::from(orders));

    store.put_applied_record(&a.0, None, at(3)).await.unwrap();
    store.put_applied_target(&x.0, None).await.unwrap();
    store.put_applied_orders(x.0.node, None).await.unwrap();
    assert_eq!(store.applied_records().await.unwrap().len(), 1);
    assert_eq!(store.applied_targets().await.unwrap(), BTreeMap::from([y.clone()]));
    assert_eq!(store.applied_orders().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_node_that_left_is_forgotten_with_its_report_and_orders() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(3);
    let nodes = [node(&mut seed, Role::Ingress, 1), node(&mut seed, Role::Ingress, 1)];
    add(&store, &mut seed, &nodes).await;
    let report = |n: u64| StoredReport {
        heard_at: at(n as i64),
        healthy: true,
        since: at(0),
        generation: 1,
        sessions: [(nodes[0].id.into(), n)].into(),
    };
    let reports = BTreeMap::from(nodes.each_ref().map(|n| (n.id, report(1))));
    store.put_reports(&reports).await.unwrap();
    store.put_reports(&BTreeMap::from([(nodes[1].id, report(2))])).await.unwrap();
    for node in &nodes {
        store.put_applied_orders(node.id, Some("d")).await.unwrap();
        let until = Exposure { named_until: Some(at(1)), ..Exposure::default() };
        store.expose(&[(first_door(node), until)]).await.unwrap();
    }
    let store = again(&room, store).await;
    let expected = BTreeMap::from([(nodes[0].id, report(1)), (nodes[1].id, report(2))]);
    assert_eq!(store.reports().await.unwrap(), expected);
    let without = child(&store, &mut seed, |b| drop(b.nodes.remove(&nodes[0].id))).await;
    set(&store, &without).await.unwrap();
    assert_eq!(store.reports().await.unwrap(), BTreeMap::from([(nodes[1].id, report(2))]));
    assert_eq!(store.applied_orders().await.unwrap().len(), 1);
    assert!(!store.exposures().await.unwrap().contains_key(&first_door(&nodes[0])));
}

#[tokio::test]
async fn catalogs_buckets_and_accounts_read_back() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let (north, south) = ("eu-north".parse().unwrap(), "eu-south".parse().unwrap());
    let catalog = |serial| ObservedCatalog { serial, published_at: at(1), expires_at: at(9) };
    let bucket =
        |version| PublishedBucket { version, digest: "00ff".to_owned(), expires_at: at(9) };
    let key = |region: &damm_fleet::RegionName, bucket| BucketKey {
        region: region.clone(),
        population: "ir".parse().unwrap(),
        bucket,
    };
    let edition = |key: BucketKey, version| {
        let signed = Some(format!("{{\"version\":{version}}}"));
        Edition { key, bucket: bucket(version), signed }
    };
    for serial in [1, 2] {
        store.put_catalog(&north, &catalog(serial)).await.unwrap();
        store.put_editions(&[edition(key(&north, 0), serial)]).await.unwrap();
    }
    let rest = [edition(key(&north, 1), 7), edition(key(&south, 0), 8)];
    store.put_editions(&rest).await.unwrap();
    let issued = store.issued().await.unwrap();
    assert_eq!(issued, [north.clone(), south.clone()].into());
    store.put_editions(&[]).await.unwrap();
    let account = "sim-a".parse().unwrap();
    let observed = ObservedProvider { exhausted_until: Some(at(4)) };
    store.put_provider(&account, &ObservedProvider::default()).await.unwrap();
    store.put_provider(&account, &observed).await.unwrap();
    let store = again(&room, store).await;
    assert_eq!(store.catalogs().await.unwrap(), BTreeMap::from([(north.clone(), catalog(2))]));
    let found = store.buckets(&north).await.unwrap();
    assert_eq!(found, BTreeMap::from([(key(&north, 0), bucket(2)), (key(&north, 1), bucket(7))]));
    assert_eq!(store.providers().await.unwrap(), BTreeMap::from([(account, observed)]));
    let versions = BTreeMap::from([(key(&north, 0), 2), (key(&north, 1), 7)]);
    assert_eq!(store.editions(&north).await.unwrap(), versions);
    let signed = store.edition(&key(&north, 0)).await.unwrap();
    assert_eq!(signed, Some((2, "{\"version\":2}".to_owned())));
    // A bucket that is told of nothing any more keeps its version, and no bytes.
    let withdrawn = Edition { key: key(&north, 0), bucket: bucket(2), signed: None };
    store.put_editions(&[withdrawn]).await.unwrap();
    assert_eq!(store.buckets(&north).await.unwrap()[&key(&north, 0)], bucket(2));
    assert_eq!(store.edition(&key(&north, 0)).await.unwrap(), None);
    assert_eq!(store.editions(&north).await.unwrap(), [(key(&north, 1), 7)].into());
}

#[tokio::test]
async fn each_channel_has_a_state_of_its_own() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let north: damm_fleet::RegionName = "eu-north".parse().unwrap();
    let key =
        |bucket| BucketKey { region: north.clone(), population: "ir".parse().unwrap(), bucket };
    let (one, two) = (key(1), key(2));
    store.put_standing("a", &[(&one, Some(4)), (&two, Some(5))]).await.unwrap();
    store.put_standing("b", &[(&one, Some(3))]).await.unwrap();
    store.put_standing("a", &[(&one, Some(6)), (&two, None), (&key(9), None)]).await.unwrap();
    store.put_standing("a", &[]).await.unwrap();
    let lag = |tries| Lag { since: at(1), tries, why: "it is down".to_owned() };
    store.put_lag("a", &north, Some(&lag(1))).await.unwrap();
    store.put_lag("a", &north, Some(&lag(2))).await.unwrap();
    store.put_lag("b", &north, Some(&lag(1))).await.unwrap();
    store.put_lag("b", &north, None).await.unwrap();
    let store = again(&room, store).await;
    assert_eq!(store.standing("a", &north).await.unwrap(), BTreeMap::from([(key(1), 6)]));
    assert_eq!(store.standing("b", &north).await.unwrap(), BTreeMap::from([(key(1), 3)]));
    let elsewhere = "eu-south".parse().unwrap();
    assert_eq!(store.standing("a", &elsewhere).await.unwrap(), BTreeMap::new());
    let held = |channel: &str| ((channel.to_owned(), north.clone()), 1);
    assert_eq!(store.held().await.unwrap(), [held("a"), held("b")].into());
    assert!(store.issued().await.unwrap().is_empty());
    let lags = BTreeMap::from([(("a".to_owned(), north), lag(2))]);
    assert_eq!(store.lags().await.unwrap(), lags);
}

#[tokio::test]
async fn verdicts_are_replaced_as_a_whole() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(4);
    let network = Network::new("IR", Asn(58_224)).unwrap();
    let verdict = |state| Verdict::new(state, at(1), "7 of 9 reports");
    let (a, b) = (seed.frontdoor(), seed.frontdoor());
    let first = [a, b].map(|d| (d, [(network, verdict(State::Blocked))].into()));
    store.put_verdicts(&Verdicts(first.into())).await.unwrap();
    let second = Verdicts([(b, [(network, verdict(State::Reachable))].into())].into());
    store.put_verdicts(&second).await.unwrap();
    let store = again(&room, store).await;
    assert_eq!(store.verdicts().await.unwrap(), second);
    store.put_verdicts(&Verdicts::default()).await.unwrap();
    assert_eq!(store.verdicts().await.unwrap(), Verdicts::default());
}

#[tokio::test]
async fn what_became_of_addresses_is_kept_until_it_is_forgotten() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(7);
    let past = |blocked: bool| Past {
        node: NodeId::from_raw(7),
        provider: "sim-a".parse().unwrap(),
        address: "192.0.2.7".parse().unwrap(),
        given_at: at(1),
        kept_at: Some(at(2)),
        refused_at: None,
        blocked: blocked
            .then(|| (Network::new("IR", Asn(1)).unwrap(), at(3)))
            .into_iter()
            .collect(),
    };
    let (a, b) = (seed.frontdoor(), seed.frontdoor());
    let put = async |doors: [(FrontdoorId, Past); 2], forgotten| {
        let noted = Noted { changed: vec![a, b], forgotten };
        store.put_history(&History(doors.into()), &noted).await.unwrap();
    };
    put([(a, past(false)), (b, past(false))], Vec::new()).await;
    put([(a, past(true)), (b, past(false))], vec![b]).await;
    let store = again(&room, store.clone()).await;
    assert_eq!(store.history().await.unwrap(), History([(a, past(true))].into()));
}

#[tokio::test]
async fn orphans_are_kept_until_they_are_forgotten() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let orphan = |provider_ref: &str, times_seen| Orphan {
        provider: "sim-a".parse().unwrap(),
        provider_ref: provider_ref.to_owned(),
        kind: "machine".to_owned(),
        tag: "damm.example.node-000000000000".to_owned(),
        first_seen: at(1),
        last_seen: at(2),
        times_seen,
        created_at: at(0),
    };
    for orphan in [orphan("b", 1), orphan("a", 1), orphan("a", 2)] {
        store.put_orphan(&orphan).await.unwrap();
    }
    let store = again(&room, store).await;
    assert_eq!(store.orphans().await.unwrap(), [orphan("a", 2), orphan("b", 1)]);
    store.forget_orphan(&orphan("a", 2).provider, "a").await.unwrap();
    store.forget_orphan(&orphan("a", 2).provider, "never seen").await.unwrap();
    assert_eq!(store.orphans().await.unwrap(), [orphan("b", 1)]);
}

#[tokio::test]
async fn objects_of_the_embedded_cloud_are_put_and_deleted_in_order() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let put = |key: &str, body: Option<&str>| (key.to_owned(), body.map(str::to_owned));
    let strange = "line\nquote\" back\\slash, é \u{1f98a}";
    let objects = [
        put("a", Some("1")),
        put("b", Some(strange)),
        put("a", None),
        put("c", Some("2")),
        put("a", Some("3")),
        put("c", None),
    ];
    store.put_sim_objects(&objects).await.unwrap();
    let store = again(&room, store).await;
    let expected = [("a", "3"), ("b", strange)].map(|(k, b)| (k.to_owned(), b.to_owned()));
    assert_eq!(store.sim_objects().await.unwrap(), expected);
}

#[tokio::test]
async fn a_handle_to_be_read_does_not_write() {
    let room = Room::new();
    room.write().await.unwrap().close().await.unwrap();
    let store = Store::open(&room.path, Access::Read).await.unwrap();
    let refused = store.put_topology("t", "{}").await;
    assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{refused:?}");
    let clone = store.clone();
    store.close().await.unwrap();
    assert!(matches!(clone.target().await, Err(Error::Closed { .. })));
}

#[tokio::test]
async fn a_closed_handle_fails_and_loses_nothing() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let clone = store.clone();
    store.put_topology("t.json", "{}").await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(clone.put_topology("u", "{}").await, Err(Error::Closed { .. })));
    let found = room.read().await.unwrap().topology().await.unwrap();
    assert_eq!(found, Some(("t.json".to_owned(), "{}".to_owned())));
}

#[tokio::test]
async fn a_tripwire_before_a_commit_stops_it_and_one_after_only_hides_it() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(5);
    let target = add(&store, &mut seed, &[]).await;
    let subject = seed.node().into();
    let points = ["before begin", "after begin", "before set_target", "after set_target"];
    let mut steps = 0;
    for point in points {
        let wired = store.clone().with_tripwire(Tripwire::new(move |p| p == point));
        let begun = wired.begin(&intent(&target, subject, point), None).await;
        let next = child(&store, &mut seed, |_| {}).await;
        let set = set(&wired, &next).await;
        let (begins, sets) = (point.ends_with("begin"), point.ends_with("set_target"));
        assert_eq!(begun.is_err(), begins, "{point}: {begun:?}");
        assert_eq!(set.is_err(), sets, "{point}: {set:?}");
        let tripped = if begins { begun.map(drop) } else { set };
        assert!(matches!(tripped, Err(Error::Tripped(p)) if p == point), "{point}");
        steps += usize::from(point != "before begin");
        let rows = store.ledger(&Default::default()).await.unwrap();
        assert_eq!(rows.len(), steps, "{point}");
        let is_target = store.target_id().await.unwrap() == next.id;
        assert_eq!(is_target, point != "before set_target", "{point}");
    }
}

#[tokio::test]
async fn an_invitation_that_is_revoked_beside_the_writer_stays_revoked() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let held = |left: u32| json!({ "left": left, "revoked": false });
    store.put_invitation("a", &held(2)).await.unwrap();
    let beside = Store::open(&room.path, Access::Beside).await.unwrap();
    beside.revoke_invitation("a").await.unwrap();
    beside.put_invitation("b", &held(1)).await.unwrap();
    beside.close().await.unwrap();
    // The writer, who had read it before, notes that it was used.
    store.put_invitation("a", &held(1)).await.unwrap();
    let all: BTreeMap<String, serde_json::Value> = store.invitations().await.unwrap();
    assert_eq!(all["a"], json!({ "left": 1, "revoked": true }));
    assert_eq!(all["b"], held(1));
    let nowhere = room.path.with_file_name("none.db");
    let refused = Store::open(&nowhere, Access::Beside).await.unwrap_err();
    assert!(matches!(refused, damm_store::Error::Missing { .. }), "{refused}");
}
