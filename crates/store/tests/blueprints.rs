//! The target, its history, and what may not leave it.

mod world;

use damm_fleet::{Blueprint, BlueprintId, Diff, Phase, Role, Seed, Timestamp};
use damm_store::Error;
use serde_json::json;
use world::*;

#[tokio::test]
async fn a_fresh_state_has_the_empty_target() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let genesis = Blueprint::genesis(BlueprintId::from_raw(0), Timestamp::EPOCH);
    assert_eq!(store.target().await.unwrap(), genesis);
    assert_eq!(store.target_id().await.unwrap(), genesis.id);
    assert_eq!(store.blueprints(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_target_reads_back_as_it_was_set() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(1);
    let nodes = [node(&mut seed, Role::Ingress, 3), node(&mut seed, Role::Egress, 2)];
    let next = child(&store, &mut seed, |b| {
        b.nodes.extend(nodes.iter().map(|n| (n.id, n.clone())));
        b.records.extend([record("a", 1), record("b", 2)]);
        b.targets.extend([balancer_target(nodes[0].id)]);
        b.catalogs.extend([catalog(1)]);
    });
    let next = next.await;
    set(&store, &next).await.unwrap();
    store.close().await.unwrap();

    let store = room.read().await.unwrap();
    assert_eq!(store.target().await.unwrap(), next);
    let rows = store.resources().await.unwrap();
    let mut wanted: Vec<_> = nodes.iter().flat_map(subjects).collect();
    wanted.sort();
    assert_eq!(rows.iter().map(|r| r.subject).collect::<Vec<_>>(), wanted);
    assert!(rows.iter().all(|r| r.phase == Phase::Wanted && r.since == next.created_at));
    let (summary, _) = store.blueprint_diff(next.id).await.unwrap().unwrap();
    assert_eq!((summary.generation, summary.changes), (1, 6));
    assert_eq!(store.blueprint_report(next.id).await.unwrap(), Some(json!({ "waits": [] })));
}

#[tokio::test]
async fn a_plan_made_from_an_earlier_target_is_stale() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(2);
    let late = child(&store, &mut seed, |_| {}).await;
    let first = add(&store, &mut seed, &[]).await;
    let refused = store.set_target(&late, &Diff::default(), &json!(null), "tester").await;
    let genesis = BlueprintId::from_raw(0);
    assert!(
        matches!(
            refused,
            Err(Error::Stale { parent, target }) if parent == genesis && target == first.id
        ),
        "{refused:?}"
    );
    assert_eq!(store.target_id().await.unwrap(), first.id);
}

#[tokio::test]
async fn a_server_that_may_exist_never_leaves_the_target() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(3);
    let node = node(&mut seed, Role::Ingress, 1);
    add(&store, &mut seed, std::slice::from_ref(&node)).await;
    let without = child(&store, &mut seed, |b| b.nodes.clear()).await;
    for phase in [
        Phase::Creating,
        Phase::Unknown,
        Phase::Present,
        Phase::Ready,
        Phase::Deleting,
        Phase::Ambiguous,
    ] {
        store.put_resources(&[resource(&node, phase)]).await.unwrap();
        let refused = set(&store, &without).await;
        let subject = node.id.into();
        assert!(
            matches!(
                refused,
                Err(Error::StillThere { subject: s, phase: p }) if s == subject && p == phase
            ),
            "{phase}: {refused:?}"
        );
        assert_eq!(store.resources().await.unwrap().len(), 2);
    }
    store.put_resources(&[resource(&node, Phase::Gone)]).await.unwrap();
    set(&store, &without).await.unwrap();
    assert!(store.resources().await.unwrap().is_empty());
    assert!(store.ever_known(node.id.into()).await.unwrap());
}

#[tokio::test]
async fn a_door_that_may_exist_never_leaves_its_node() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(4);
    let node = node(&mut seed, Role::Ingress, 2);
    add(&store, &mut seed, std::slice::from_ref(&node)).await;
    let door = first_door(&node);
    let mut row = resource(&node, Phase::Present);
    row.subject = door.into();
    store.put_resources(&[row.clone()]).await.unwrap();
    let shut = child(&store, &mut seed, |b| {
        b.nodes.get_mut(&node.id).unwrap().frontdoors.remove(&door);
    });
    let shut = shut.await;
    assert!(matches!(set(&store, &shut).await, Err(Error::StillThere { .. })));
    row.phase = Phase::Gone;
    store.put_resources(&[row.clone()]).await.unwrap();
    set(&store, &shut).await.unwrap();
    // A late word about it does not bring it back.
    store.put_resources(&[row]).await.unwrap();
    assert_eq!(store.resources().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_id_is_never_used_twice() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(5);
    let node = node(&mut seed, Role::Egress, 1);
    add(&store, &mut seed, std::slice::from_ref(&node)).await;
    let without = child(&store, &mut seed, |b| b.nodes.clear()).await;
    set(&store, &without).await.unwrap();
    let again = child(&store, &mut seed, |b| drop(b.nodes.insert(node.id, node.clone()))).await;
    let refused = set(&store, &again).await;
    assert!(matches!(refused, Err(Error::IdUsedTwice { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_plan_edited_by_hand_is_refused() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(6);
    let node = node(&mut seed, Role::Ingress, 1);
    let parent = store.target().await.unwrap();
    let next = child(&store, &mut seed, |b| drop(b.nodes.insert(node.id, node))).await;
    let diff = Diff::between(&parent, &next);
    let report = json!(null);

    let mut richer = next.clone();
    richer.records.extend([record("a", 1)]);
    let mut other = next.clone();
    other.nodes.values_mut().for_each(|n| n.machine = "huge".to_owned());
    let mut later = next.clone();
    later.generation = 7;
    let mut orphan = next.clone();
    orphan.parent = None;
    for edited in [richer, other, later, orphan] {
        let refused = store.set_target(&edited, &diff, &report, "tester").await;
        assert!(matches!(refused, Err(Error::Contradiction { .. })), "{refused:?}");
    }
    assert_eq!(store.target().await.unwrap(), parent);
    store.set_target(&next, &diff, &report, "tester").await.unwrap();
}
