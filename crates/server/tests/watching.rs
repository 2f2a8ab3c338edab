//! From what clients report to the verdicts in the state.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

use std::collections::BTreeSet;
use std::sync::Arc;

use damm_assign::Paths;
use damm_fleet::inventory::{Health, ObservedMachine};
use damm_fleet::verdict::Verdict;
use damm_fleet::{Asn, FrontdoorId, Network, Phase, Span, State, Verdicts};
use damm_hearing::{Heard, Sender};
use damm_origins::Origins;
use damm_protocol::CredentialId;
use damm_protocol::evidence::{Attempt, Epoch, ReporterKey};
use damm_server::{Watch, WatchParts};

mod scene;
mod world;

use scene::{CLIENTS, Scene, client, home, kept, parts, population};

#[tokio::test]
async fn a_block_that_clients_report_becomes_a_verdict_and_its_end_too() {
    let scene = Scene::new().await;
    let door = scene.doors()[0];
    for _ in 0..4 {
        scene.half_an_hour(&[]).await;
    }
    assert_eq!(scene.state(door).await, State::Reachable);
    scene.half_an_hour(&[door]).await;
    assert_eq!(scene.state(door).await, State::Blocked);
    let others: BTreeSet<State> = {
        let verdicts = scene.store.verdicts().await.unwrap();
        scene.doors()[1..].iter().map(|d| verdicts.state(*d, home())).collect()
    };
    assert_eq!(others, BTreeSet::from([State::Reachable]));
    for _ in 0..2 {
        scene.half_an_hour(&[]).await;
    }
    assert_eq!(scene.state(door).await, State::Reachable);
}

#[tokio::test]
async fn a_node_that_is_silent_is_down_and_not_blocked() {
    let mut scene = Scene::new().await;
    for _ in 0..4 {
        scene.half_an_hour(&[]).await;
    }
    let doors: Vec<FrontdoorId> = scene.nodes[0].frontdoors.keys().copied().collect();
    scene.silent.insert(scene.nodes[0].id);
    scene.half_an_hour(&doors).await;
    for door in &doors {
        assert_eq!(scene.state(*door).await, State::Down);
    }
    scene.silent.clear();
    scene.half_an_hour(&[]).await;
    assert_ne!(scene.state(doors[0]).await, State::Down);
    assert_ne!(scene.state(doors[0]).await, State::Blocked);
}

/// Nobody tries one of the doors for a day, which catalogs name or don't.
async fn silent_for_a_day(is_named: bool) -> State {
    let mut scene = Scene::new().await;
    let all = scene.doors();
    scene.publish(1, &all).await;
    // What was told of for the first time is not missed at once.
    for _ in 0..28 {
        scene.half_an_hour(&[]).await;
    }
    scene.untried.insert(all[0]);
    scene.publish(2, if is_named { &all } else { &all[1..] }).await;
    let mut state = State::Reachable;
    for _ in 0..48 {
        scene.half_an_hour(&[]).await;
        state = match scene.state(all[0]).await {
            State::Blocked => return State::Blocked,
            other => other,
        };
    }
    state
}

#[tokio::test]
async fn a_door_that_catalogs_name_and_nobody_gets_through_is_blocked() {
    assert_eq!(silent_for_a_day(true).await, State::Blocked);
}

#[tokio::test]
async fn a_door_that_catalogs_name_no_longer_is_not_missed() {
    assert_ne!(silent_for_a_day(false).await, State::Blocked);
}

#[tokio::test]
async fn a_network_in_which_every_door_fails_for_a_third_blames_none() {
    let scene = Scene::new().await;
    for _ in 0..6 {
        scene.half_an_hour(&[]).await;
    }
    // One of three clients fails at every door alike: the provider of their access has a bad hour.
    let all = scene.doors();
    for minute in 0..60 {
        for by in scene.due() {
            scene.reports(by, if by % 3 == 0 { &all } else { &[] });
        }
        scene.minutes(1).await;
        for door in &all {
            assert_ne!(scene.state(*door).await, State::Blocked, "in minute {minute}");
        }
    }
}

#[tokio::test]
async fn judging_goes_on_after_a_restart_where_it_was() {
    let mut scene = Scene::new().await;
    let door = scene.doors()[0];
    for _ in 0..4 {
        scene.half_an_hour(&[]).await;
    }
    // It is killed in the middle of a block's first reports.
    for by in scene.due().take(3) {
        scene.reports(by, &[door]);
    }
    scene.minutes(1).await;
    let before = std::fs::read(kept(&scene.dir)).unwrap();
    scene.restart();
    scene.minutes(1).await;
    assert_ne!(scene.state(door).await, State::Blocked);
    assert_eq!(std::fs::read(kept(&scene.dir)).unwrap().len(), before.len());
    scene.half_an_hour(&[door]).await;
    assert_eq!(scene.state(door).await, State::Blocked);
}

#[tokio::test]
async fn scores_that_are_damaged_or_old_are_left_behind() {
    let mut scene = Scene::new().await;
    let door = scene.doors()[0];
    for damage in ["", "short", "twelve bytes and more of no scores at all"] {
        std::fs::write(kept(&scene.dir), damage).unwrap();
        scene.restart();
        scene.minutes(1).await;
    }
    for _ in 0..4 {
        scene.half_an_hour(&[]).await;
    }
    scene.half_an_hour(&[door]).await;
    assert_eq!(scene.state(door).await, State::Blocked);
    scene.clock.advance(Span::from_days(2));
    scene.restart();
    scene.minutes(1).await;
    assert!(std::fs::metadata(kept(&scene.dir)).unwrap().len() < 2_000);
}

#[tokio::test]
async fn verdicts_that_others_put_there_stay() {
    let scene = Scene::new().await;
    let [door, other] = [scene.doors()[0], scene.doors()[1]];
    let elsewhere = Network::new("TM", Asn(20_661)).unwrap();
    let theirs = Verdict::new(State::Blocked, world::START, "told");
    let mut verdicts = Verdicts::default();
    verdicts.0.entry(other).or_default().insert(elsewhere, theirs.clone());
    scene.store.put_verdicts(&verdicts).await.unwrap();
    for _ in 0..4 {
        scene.half_an_hour(&[]).await;
    }
    scene.half_an_hour(&[door]).await;
    let stand = scene.store.verdicts().await.unwrap();
    assert_eq!(stand.state(door, home()), State::Blocked);
    assert_eq!(stand.of(other).find(|(n, _)| **n == elsewhere).map(|(_, v)| v), Some(&theirs));
}

#[tokio::test]
async fn a_verdict_of_ours_is_taken_back_by_who_knows_nothing_of_it_any_more() {
    let mut scene = Scene::new().await;
    let [door, other] = [scene.doors()[0], scene.doors()[1]];
    for failing in [&[][..], &[], &[], &[], &[door]] {
        scene.half_an_hour(failing).await;
    }
    assert_eq!(scene.state(door).await, State::Blocked);
    let mut verdicts = scene.store.verdicts().await.unwrap();
    let theirs = Verdict::new(State::Blocked, world::START, "told");
    verdicts.0.entry(other).or_default().insert(home(), theirs);
    scene.store.put_verdicts(&verdicts).await.unwrap();
    // The scores are lost; the state has both verdicts.
    std::fs::remove_file(kept(&scene.dir)).unwrap();
    scene.restart();
    scene.minutes(1).await;
    assert_eq!(scene.state(door).await, State::Unknown);
    assert_eq!(scene.state(other).await, State::Blocked);
}

#[tokio::test]
async fn a_verdict_outlives_a_crash_right_after_it() {
    let mut scene = Scene::new().await;
    let door = scene.doors()[0];
    for failing in [&[][..], &[], &[], &[], &[door]] {
        scene.half_an_hour(failing).await;
    }
    assert_eq!(scene.state(door).await, State::Blocked);
    scene.restart();
    scene.minutes(2).await;
    assert_eq!(scene.state(door).await, State::Blocked);
}

#[tokio::test]
async fn a_sender_is_where_the_table_has_it_unless_it_came_through_the_fleet() {
    let mut scene = Scene::new().await;
    let table = "192.0.2.0/24 AS58224 IR\n203.0.113.0/24 AS64500 NL\n198.51.100.0/24 AS1";
    let origins = Some(Arc::new(Origins::parse(table).unwrap()));
    let parts = parts(&scene.dir, &scene.store, &scene.clock, &scene.keys, &scene.topology);
    scene.watch = Watch::open(WatchParts { origins, ..parts });
    let machine = ObservedMachine {
        phase: Phase::Ready,
        since: world::START,
        health: Health::Healthy,
        failure: None,
        address: Some("203.0.113.9".parse().unwrap()),
        sessions: 0,
    };
    scene.inventory.machines.insert(scene.nodes[0].id, machine);
    scene.minutes(1).await;
    let sender = |from: &str| scene.watch.sender(from.parse().unwrap());
    assert_eq!(sender("192.0.2.7"), Sender::Seen(home()));
    assert_eq!(sender("::ffff:192.0.2.7"), Sender::Seen(home()));
    let abroad = Network::new("NL", Asn(64_500)).unwrap();
    assert_eq!(sender("203.0.113.8"), Sender::Seen(abroad));
    // A node of the fleet's; a country that the table does not say; nobody's address.
    for unseen in ["203.0.113.9", "198.51.100.1", "127.0.0.1"] {
        assert_eq!(sender(unseen), Sender::Unseen, "{unseen}");
    }
}

#[tokio::test]
async fn who_was_not_told_of_a_door_or_is_not_let_in_is_not_heard() {
    let scene = Scene::new().await;
    let first = CredentialId::new(0).unwrap();
    let due = ReporterKey::new(scene.keys.secret().reporter(first.number()));
    let due = due.due(Epoch::at(world::START + Span::from_hours(1)));
    scene.clock.advance(due.since(world::START));
    let refused = scene.reports(CLIENTS, &scene.doors()[..1]);
    assert_eq!(refused, Heard { refused: 4, ..Heard::default() });
    let heard = scene.reports(0, &scene.doors()[..1]);
    assert_eq!(heard.counted, 4);
    // A fleet in which the client's own bucket was told of one door alone.
    let alone =
        Watch::open(parts(&scene.dir, &scene.store, &scene.clock, &scene.keys, &scene.topology));
    let population = population();
    alone.let_in(client(0), &population, world::START);
    let assign = scene.keys.secret().assign_key();
    let buckets = scene.topology.catalog.buckets;
    let bucket = Paths::new(&assign, &population, buckets).of(0).buckets()[0].number();
    alone.told(&[(scene.doors()[1], population, bucket)]);
    let scene = Scene { watch: alone, ..scene };
    scene.look().await;
    let heard = scene.reports(0, &[]);
    assert_eq!((heard.counted, heard.refused), (1, 3));
}

#[tokio::test]
async fn nothing_that_is_written_holds_a_clients_number_or_token() {
    let scene = Scene::new().await;
    for _ in 0..3 {
        scene.half_an_hour(&scene.doors()[..1]).await;
    }
    let bytes = std::fs::read(kept(&scene.dir)).unwrap();
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(kept(&scene.dir)).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let epoch = Epoch::at(damm_clouds::Clock::now(&scene.clock));
    let found = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    for by in 0..CLIENTS {
        let key = ReporterKey::new(scene.keys.secret().reporter(by));
        for door in scene.doors() {
            for back in 0..4 {
                let epoch = Epoch::new(epoch.number() - back);
                let token = key.token(&Attempt { door, epoch, network: home() });
                assert!(!found(token.as_bytes()), "client {by}");
            }
        }
    }
}
