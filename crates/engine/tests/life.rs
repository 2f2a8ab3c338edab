//! A fleet's life from its first plan to its last retirement, on the embedded cloud.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod support;

use damm_clouds::sim::Happening;
use damm_fleet::{Role, Span, Subject};
use support::{Stage, assert_at_rest, assert_nothing_more, done, long, short, topology};

#[tokio::test]
async fn a_fleet_is_built_and_published_and_then_nothing_is_left_to_do() {
    let stage = Stage::new(topology(|_| {}), 1).await;
    let engine = stage.engine().await;
    let settled = engine.settle(short(), "test").await.unwrap();
    done(&settled);
    assert_nothing_more(&stage, &engine);
    assert_eq!(stage.carried().len(), 3 + 4 + 2);
    assert_eq!(stage.told().len(), 4, "every door is told to some bucket");
    assert_eq!(stage.catalogs().len(), 4);
    assert_eq!(engine.store().applied_records().await.unwrap().len(), 1);
    assert_eq!(engine.store().applied_targets().await.unwrap().len(), 2);
    assert_at_rest(&engine).await;
    assert_eq!(settled.failed, []);
}

#[tokio::test]
async fn a_blocked_door_is_replaced_drained_and_given_back() {
    let stage = Stage::new(topology(|_| {}), 2).await;
    let engine = stage.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());

    let blueprint = engine.blueprint();
    let door = *blueprint.nodes.values().find_map(|n| n.frontdoors.keys().next()).unwrap();
    let verdicts = stage.blocked(door);
    engine.store().put_verdicts(&verdicts).await.unwrap();
    engine.settle(short(), "test").await.unwrap();
    assert!(!stage.told().contains(&door), "clients are told of a blocked door");
    assert!(stage.carried().contains_key(&Subject::Frontdoor(door)), "it still drains");

    done(&engine.settle(long(), "test").await.unwrap());
    assert!(!stage.carried().contains_key(&Subject::Frontdoor(door)));
    assert_nothing_more(&stage, &engine);
    assert_at_rest(&engine).await;
    assert_eq!(stage.world.sessions_cut(), 0);
}

#[tokio::test]
async fn an_address_is_given_back_only_when_dns_caches_have_forgotten_it() {
    let topology = topology(|t| {
        t["dns"][0]["ttl"] = "3h".into();
        t["catalog"]["ttl"] = "10m".into();
    });
    let stage = Stage::new(topology, 4).await;
    let engine = stage.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    stage.clock.advance(Span::from_hours(1));
    let inventory = engine.inventory().await.unwrap();
    let door = *inventory.frontdoors.keys().next().unwrap();
    let verdicts = stage.blocked(door);
    engine.store().put_verdicts(&verdicts).await.unwrap();
    let blocked_at = stage.now();
    done(&engine.settle(long(), "test").await.unwrap());

    let filter = damm_store::LedgerFilter::default();
    let rows = engine.store().ledger(&filter).await.unwrap();
    let puts = rows.iter().filter(|r| r.intent.step == "dns.put");
    let since = puts.filter_map(|r| r.ended_at.filter(|at| *at >= blocked_at));
    let forgotten = since.min().unwrap() + Span::from_hours(3);
    let mine = Some(Subject::Frontdoor(door));
    let events = stage.world.events();
    let mut mine = events.iter().filter(|e| e.tag.as_ref().map(|t| t.subject) == mine);
    let released = mine.find(|e| e.what == Happening::AddressReleased).unwrap();
    assert!(released.at >= forgotten, "{} and {forgotten}", released.at);
}

#[tokio::test]
async fn egress_rotation_leaves_every_published_byte_as_it_was() {
    let topology = topology(|t| {
        t["rotation"]["egress"]["max_age"] = "10d".into();
        t["rotation"]["ingress"]["max_age"] = "9d".into();
        t["catalog"]["ttl"] = "60d".into();
    });
    let stage = Stage::new(topology, 3).await;
    let engine = stage.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    let eips = |e: &damm_engine::Engine| {
        let blueprint = e.blueprint();
        let egress = blueprint.nodes.values().filter(|n| n.role == Role::Egress);
        egress.flat_map(|n| n.egress_ips.keys().copied()).collect::<Vec<_>>()
    };
    let (before, files) = (eips(&engine), stage.files());
    // Ingress would age as well; here only the egress addresses are made to look old.
    let mut rotated = false;
    for ip in &before {
        let edit = damm_planner::Edit::DrainEgressIp { egress_ip: *ip };
        let inventory = engine.inventory().await.unwrap();
        let verdicts = engine.store().verdicts().await.unwrap();
        let parent = engine.blueprint();
        let situation = damm_planner::Situation {
            topology: engine.topology(),
            parent: &parent,
            inventory: &inventory,
            offers: engine.offers(),
            verdicts: &verdicts,
            now: stage.now(),
            destroys_used: 0,
        };
        let seed = damm_fleet::Seed::from_number(99);
        if let Ok(plan) = damm_planner::edit(&situation, seed, &edit) {
            engine.adopt(&plan, "operator").await.unwrap();
            rotated = true;
            break;
        }
    }
    assert!(rotated);
    stage.clock.advance(Span::from_secs(1));
    done(&engine.settle(long(), "test").await.unwrap());
    assert_ne!(eips(&engine), before);
    assert_eq!(stage.files(), files, "a client could see the rotation");
    assert_nothing_more(&stage, &engine);
    assert_at_rest(&engine).await;
}

/// Blocks one door of an account, and waits until it was replaced and given back.
async fn lose_a_door_of(stage: &Stage, engine: &damm_engine::Engine, account: &str) {
    let blueprint = engine.blueprint();
    let mut nodes = blueprint.nodes.values().filter(|n| n.provider.as_str() == account);
    let door = *nodes.find_map(|n| n.frontdoors.keys().next()).unwrap();
    engine.store().put_verdicts(&stage.blocked(door)).await.unwrap();
    done(&engine.settle(long(), "test").await.unwrap());
    assert!(!stage.carried().contains_key(&Subject::Frontdoor(door)));
}

#[tokio::test]
async fn an_address_that_was_blocked_is_given_back_when_it_comes_again() {
    let topology = topology(|t| t["providers"]["left"]["sim"]["prefixes"] = ["10.9.0.0/24"].into());
    let stage = Stage::new(topology, 12).await;
    let engine = stage.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    lose_a_door_of(&stage, &engine, "left").await;
    let mut history = engine.store().history().await.unwrap();
    let old = history.0.values().find(|p| !p.blocked.is_empty()).cloned().unwrap();

    // The cloud gives addresses in order: as if the next one had been ours before.
    let inventory = engine.inventory().await.unwrap();
    let given = inventory.frontdoors.values().filter_map(|a| a.address);
    let last = given.filter(|a| a.to_string().starts_with("10.9.0.")).max().unwrap();
    let std::net::IpAddr::V4(last) = last else { panic!("{last}") };
    let next = std::net::Ipv4Addr::from(u32::from(last) + 1).into();
    let door = damm_fleet::FrontdoorId::from_raw(7);
    history.0.insert(door, damm_fleet::history::Past { address: next, ..old });
    let noted = damm_fleet::history::Noted { changed: vec![door], forgotten: Vec::new() };
    engine.store().put_history(&history, &noted).await.unwrap();
    engine.store().clone().close().await.unwrap();
    drop(engine);

    // Whoever takes the state up next knows of it.
    let engine = stage.engine().await;
    lose_a_door_of(&stage, &engine, "left").await;
    let history = engine.store().history().await.unwrap();
    let again: Vec<_> =
        history.0.iter().filter(|(d, p)| p.address == next && **d != door).collect();
    assert_eq!(again.len(), 1, "{history:#?}");
    assert!(again[0].1.refused_at.is_some() && again[0].1.kept_at.is_none(), "{again:#?}");
    let left = history.yields()["left"];
    assert_eq!((left.refused, left.made), (1, left.kept + 1));
    assert_nothing_more(&stage, &engine);
    assert_at_rest(&engine).await;
}
