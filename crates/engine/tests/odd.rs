//! What a provider shows that it should not, what it no longer shows, and who else is at work.

#![allow(clippy::unwrap_used)] // A test that can not go on fails.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use damm_clouds::{Error, Tag};
use damm_engine::{Ended, Engine, Event, Listener};
use damm_fleet::topology::Dial;
use damm_fleet::{NodeId, Phase, Span, Subject, WaitingOn};
use damm_store::{LedgerFilter, Outcome};
use support::tap::{Tap, tapped};
use support::{Stage, assert_at_rest, assert_nothing_more, done, long, provider, short, topology};

fn tag(fleet: &str, subject: impl Into<Subject>) -> Tag {
    Tag { fleet: fleet.to_owned(), subject: subject.into() }
}

async fn built() -> (Stage, Engine) {
    let stage = Stage::new(topology(|_| {}), 1).await;
    let engine = stage.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    (stage, engine)
}

fn any_node(engine: &Engine) -> NodeId {
    *engine.blueprint().nodes.keys().next().unwrap()
}

#[tokio::test]
async fn an_orphan_is_destroyed_once_it_is_old_and_others_things_never() {
    let (stage, engine) = built().await;
    let left = provider("left");
    let stranger = tag("example", NodeId::from_raw(12_345));
    let orphan = stage.world.add_stray_machine(&left, &stranger).await.unwrap().unwrap();
    let foreign = tag("another", NodeId::from_raw(12_345));
    stage.world.add_stray_machine(&left, &foreign).await.unwrap();
    let before = stage.world.audit()[&left].machines.len();

    done(&engine.settle(short(), "test").await.unwrap());
    assert_eq!(engine.store().orphans().await.unwrap().len(), 1);
    stage.clock.advance(Span::from_mins(80));
    done(&engine.settle(short(), "test").await.unwrap());
    assert_eq!(stage.world.audit()[&left].machines.len(), before, "it is young");

    stage.clock.advance(Span::from_mins(15));
    engine.settle(short(), "test").await.unwrap();
    let machines = &stage.world.audit()[&left].machines;
    assert_eq!(machines.len(), before - 1);
    assert!(machines.iter().all(|m| m.provider_ref != orphan));
    assert!(engine.store().audit_log(50).await.unwrap().iter().any(|e| e.what.contains("stray")));
    stage.clock.advance(Span::from_secs(30));
    engine.refresh().await.unwrap();
    assert_eq!(engine.store().orphans().await.unwrap(), []);
}

#[tokio::test]
async fn an_orphaned_address_is_detached_and_given_back() {
    let (stage, engine) = built().await;
    let right = provider("right");
    let stranger = tag("example", damm_fleet::FrontdoorId::from_raw(9));
    stage.world.add_stray_address(&right, &stranger).await.unwrap();
    stage.clock.advance(Span::from_hours(2));
    engine.settle(short(), "test").await.unwrap();
    stage.clock.advance(Span::from_secs(30));
    engine.settle(short(), "test").await.unwrap();
    assert_nothing_more(&stage, &engine);
}

#[tokio::test]
async fn what_was_taken_away_behind_our_back_is_made_anew() {
    let (stage, engine) = built().await;
    let lost = any_node(&engine);
    let row = engine.store().resources().await.unwrap();
    let row = row.into_iter().find(|r| r.subject == Subject::Node(lost)).unwrap();
    let reference = row.provider_ref.unwrap();
    assert!(stage.world.delete_behind_our_back(&row.provider, &reference).await.unwrap());
    done(&engine.settle(long(), "test").await.unwrap());
    assert!(!engine.blueprint().nodes.contains_key(&lost));
    assert_nothing_more(&stage, &engine);
    assert_at_rest(&engine).await;
}

#[tokio::test]
async fn a_machine_that_will_not_come_up_is_given_up_and_replaced() {
    let stage = Stage::new(topology(|_| {}), 1).await;
    let engine = stage.engine().await;
    let plan = engine.replan(0).await.unwrap();
    engine.adopt(&plan, "test").await.unwrap();
    engine.pass().await.unwrap();
    let failed = any_node(&engine);
    assert!(stage.world.fail_machine(failed).await.unwrap());
    done(&engine.settle(long(), "test").await.unwrap());
    assert!(!engine.blueprint().nodes.contains_key(&failed));
    assert_nothing_more(&stage, &engine);
}

#[tokio::test]
async fn of_two_with_one_tag_none_is_touched_until_the_operator_has_decided() {
    let (stage, engine) = built().await;
    let node = any_node(&engine);
    let account = engine.blueprint().nodes[&node].provider.clone();
    let twin = tag("example", node);
    let twin = stage.world.add_stray_machine(&account, &twin).await.unwrap().unwrap();
    stage.clock.advance(Span::from_hours(3));
    let settled = engine.settle(short(), "test").await.unwrap();
    assert!(matches!(settled.ended, Ended::Waiting { .. }), "{settled:#?}");
    let decides = |w: &WaitingOn| *w == WaitingOn::OperatorDecision;
    let held =
        settled.held.iter().any(|h| matches!(&h.hold, damm_engine::Hold::On(on) if decides(on)));
    assert!(held || settled.waits.iter().any(|w| decides(&w.on)), "{settled:#?}");
    assert_eq!(stage.carried()[&Subject::Node(node)], 2);

    assert!(stage.world.delete_behind_our_back(&account, &twin).await.unwrap());
    done(&engine.settle(long(), "test").await.unwrap());
    assert!(engine.blueprint().nodes.contains_key(&node), "the one that is left is the one");
    assert_eq!(stage.carried()[&Subject::Node(node)], 1);
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_before_anything_is_made_again() {
    let stage = Stage::new(topology(|_| {}), 1).await;
    let engine = stage.engine().await;
    let lost = Dial { lost_response: 1.0, ..Dial::default() };
    for account in ["left", "right"] {
        stage.world.set_dial(&provider(account), &lost);
    }
    let plan = engine.replan(0).await.unwrap();
    engine.adopt(&plan, "test").await.unwrap();
    let passed = engine.pass().await.unwrap();
    assert_eq!((passed.done, passed.failed.len()), (0, 3 + 6));
    let again = engine.pass().await.unwrap();
    assert_eq!((again.done, again.failed.len()), (0, 0), "nothing is made again unseen");
    for account in ["left", "right"] {
        stage.world.set_dial(&provider(account), &Dial::default());
    }
    done(&engine.settle(short(), "test").await.unwrap());
    assert_nothing_more(&stage, &engine);
    let ledger = engine.store().ledger(&LedgerFilter::default()).await.unwrap();
    let made = ledger.iter().filter(|r| r.intent.step == "machine.create");
    let found = Outcome::Settled { found: "found".to_owned() };
    assert!(made.clone().all(|r| r.outcome.as_ref() == Some(&found)));
    assert_eq!(made.count(), 3, "each was asked for once");
}

#[tokio::test]
async fn nothing_is_published_that_is_not_verified() {
    let stage = Stage::new(topology(|_| {}), 1).await;
    let engine = stage.engine().await;
    let plan = engine.replan(0).await.unwrap();
    engine.adopt(&plan, "test").await.unwrap();
    engine.pass().await.unwrap();
    let plan = engine.replan(0).await.unwrap();
    assert!(plan.diff.is_empty(), "machines boot: {:?}", plan.diff);
    assert_eq!(stage.files().len(), 0);
}

/// Makes another target, in the middle of the first call that it hears.
struct Rival {
    engine: OnceLock<Engine>,
    calls: AtomicUsize,
}

#[async_trait]
impl Tap for Rival {
    async fn before(&self, _: &'static str) -> Option<Error> {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 0 {
            let rival = self.engine.get().unwrap();
            let plan = rival.replan(0).await.unwrap();
            assert!(!plan.diff.is_empty());
            rival.adopt(&plan, "rival").await.unwrap();
        }
        None
    }

    async fn after(&self, _: &'static str) -> Option<Error> {
        None
    }
}

#[tokio::test]
async fn a_second_executor_whose_target_was_replaced_stops_and_harms_nothing() {
    // One call at a time at each account, so that most calls come after the first.
    let topology = topology(|t| {
        for name in ["left", "right"] {
            t["providers"][name]["limits"]["parallel"] = 1.into();
        }
    });
    let stage = Stage::new(topology, 1).await;
    let store = stage.store().await;
    let rival = Arc::new(Rival { engine: OnceLock::new(), calls: AtomicUsize::new(1) });
    let tap: Arc<dyn Tap> = rival.clone();
    let stale = stage.engine_over(store.clone(), tapped(stage.providers(), &tap));
    let plan = stale.replan(0).await.unwrap();
    stale.adopt(&plan, "test").await.unwrap();
    // The other one sees the same world with another topology: one node more.
    let mut other = stage.parts(store.clone(), stage.providers());
    other.topology.regions.values_mut().next().unwrap().ingress.live = 4;
    rival.engine.set(Engine::new(other)).unwrap();
    rival.calls.store(0, Ordering::Relaxed);

    let passed = stale.pass().await.unwrap();
    assert!(passed.stale, "{passed:#?}");
    // Calls that were under way at the other account were finished; no new ones were begun.
    assert!(passed.done < 9 && passed.left > 0, "{passed:#?}");
    let rival = rival.engine.get().unwrap();
    rival.recover().await.unwrap();
    done(&rival.settle(short(), "rival").await.unwrap());
    assert_eq!(rival.blueprint().nodes.len(), 5);
    assert_nothing_more(&stage, rival);
}

#[tokio::test]
async fn whoever_stops_it_finds_all_that_was_begun_recorded() {
    for stop_at in [1, 4, 9, 15] {
        let stage = Stage::new(topology(|_| {}), stop_at).await;
        let mut parts = stage.parts(stage.store().await, stage.providers());
        let (stop, begun) = (parts.stop.clone(), AtomicUsize::new(0));
        parts.listener = Listener::new(move |event| {
            let begins = matches!(event, Event::Began { .. });
            if begins && begun.fetch_add(1, Ordering::Relaxed) + 1 == stop_at as usize {
                stop.stop();
            }
        });
        let engine = Engine::new(parts);
        let settled = engine.settle(short(), "test").await.unwrap();
        assert_eq!(settled.ended, Ended::Stopped);
        assert_eq!(engine.store().open_intents().await.unwrap(), []);
        let rows = engine.store().resources().await.unwrap();
        assert!(rows.iter().all(|r| r.phase != Phase::Creating));
        engine.store().clone().close().await.unwrap();
        drop(engine);
        let engine = stage.engine().await;
        done(&engine.settle(short(), "test").await.unwrap());
        assert_nothing_more(&stage, &engine);
    }
}

#[tokio::test]
async fn an_account_is_never_asked_faster_than_it_allows() {
    let topology = topology(|t| {
        for name in ["left", "right"] {
            t["providers"][name]["limits"]["requests_per_hour"] = 1_800.into();
        }
    });
    let stage = Stage::new(topology, 1).await;
    let engine = stage.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    for (name, standing) in stage.world.audit() {
        assert_eq!(standing.over_limit, 0, "{name}");
        assert!(standing.calls > 10);
    }
}

#[tokio::test]
async fn addresses_that_can_not_be_moved_are_attached_before_their_machine_runs() {
    // One call a second, ten seconds until a machine runs: too slow to make all machines first.
    let topology = topology(|t| {
        for name in ["left", "right"] {
            t["providers"][name]["limits"]["requests_per_hour"] = 3_600.into();
            t["providers"][name]["sim"]["movable_addresses"] = false.into();
        }
        t["regions"]["north"]["ingress"]["live"] = 8.into();
    });
    let stage = Stage::new(topology, 1).await;
    let engine = stage.engine().await;
    let settled = engine.settle(short(), "test").await.unwrap();
    done(&settled);
    let ledger = engine.store().ledger(&LedgerFilter::default()).await.unwrap();
    let made = ledger.iter().filter(|r| r.intent.step == "machine.create");
    assert_eq!(made.count(), 9, "no node was given up");
    assert_eq!(settled.failed, []);
    assert_nothing_more(&stage, &engine);

    let node = any_node(&engine);
    assert!(stage.world.kill_machine(node).await.unwrap());
    stage.clock.advance(Span::from_mins(11));
    done(&engine.settle(long(), "test").await.unwrap());
    assert!(!engine.blueprint().nodes.contains_key(&node));
    assert_nothing_more(&stage, &engine);
}
