//! Accounts whose addresses carry no tags: what is ours is told by what was there before.

#![allow(clippy::unwrap_used)] // A test that can not go on fails.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use damm_clouds::{Error, Tag};
use damm_engine::{Ended, Engine, Event};
use damm_fleet::topology::Dial;
use damm_fleet::{FailureClass, FrontdoorId, Phase, Span, Subject};
use support::tap::{Tap, error, tapped};
use support::{
    Stage, assert_at_rest, assert_nothing_more, done, long, nameless, provider, short, topology,
};

async fn built() -> (Stage, Engine) {
    let stage = Stage::new(topology(nameless), 1).await;
    let engine = stage.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    (stage, engine)
}

/// What another puts in the account: the world knows whose it is, and does not tell.
fn anothers(n: u64) -> Tag {
    Tag { fleet: "another".to_owned(), subject: FrontdoorId::from_raw(n).into() }
}

/// Counts how many addresses are asked for at once.
#[derive(Default)]
struct Turnstile {
    inside: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Tap for Turnstile {
    async fn before(&self, call: &'static str) -> Option<Error> {
        if call == "allocate_address" {
            let inside = self.inside.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(inside, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
        None
    }

    async fn after(&self, call: &'static str) -> Option<Error> {
        if call == "allocate_address" {
            tokio::task::yield_now().await;
            self.inside.fetch_sub(1, Ordering::Relaxed);
        }
        None
    }
}

#[tokio::test]
async fn one_address_of_an_account_is_made_at_a_time() {
    for (like, named) in [(nameless as fn(&mut serde_json::Value), false), (|_| {}, true)] {
        let stage = Stage::new(topology(like), 1).await;
        let turnstile = Arc::new(Turnstile::default());
        let tap: Arc<dyn Tap> = turnstile.clone();
        let engine = stage.engine_with(tapped(stage.providers(), &tap)).await;
        done(&engine.settle(short(), "test").await.unwrap());
        let most = turnstile.most.load(Ordering::Relaxed);
        assert_eq!(most > 2, named, "{most} at once, at two accounts");
        assert_nothing_more(&stage, &engine);
    }
}

#[tokio::test]
async fn nothing_is_made_in_an_account_that_was_not_looked_at() {
    let stage = Stage::new(topology(nameless), 1).await;
    let engine = stage.engine().await;
    let plan = engine.replan(0).await.unwrap();
    engine.adopt(&plan, "test").await.unwrap();
    engine.pass().await.unwrap();
    let addresses = |stage: &Stage| stage.world.audit().values().map(|s| s.addresses.len()).sum();
    let made: usize = addresses(&stage);
    assert_eq!(made, 0);
    engine.refresh().await.unwrap();
    engine.pass().await.unwrap();
    let made: usize = addresses(&stage);
    assert_eq!(made, 6);
}

#[tokio::test]
async fn what_another_put_in_the_account_is_shown_and_never_touched() {
    let (stage, engine) = built().await;
    let left = provider("left");
    let anothers = stage.world.add_stray_address(&left, &anothers(1)).await.unwrap().unwrap();
    stage.clock.advance(Span::from_hours(5));
    done(&engine.settle(short(), "test").await.unwrap());
    stage.clock.advance(Span::from_hours(5));
    done(&engine.settle(short(), "test").await.unwrap());
    let orphans = engine.store().orphans().await.unwrap();
    assert_eq!((orphans.len(), orphans[0].provider_ref.as_str()), (1, anothers.as_str()));
    assert_eq!(orphans[0].tag, "");
    let told =
        |e: &Event| matches!(e, Event::Stray { provider_ref, .. } if *provider_ref == anothers);
    assert_eq!(stage.events.lock().unwrap().iter().filter(|e| told(e)).count(), 1);
    assert!(stage.world.audit()[&left].addresses.iter().any(|a| a.provider_ref == anothers));

    // A door is replaced beside it all the same, with every answer about addresses lost.
    let lost = Dial { lost_response: 0.5, seed: 3, ..Dial::default() };
    stage.world.set_dial(&left, &lost);
    let door = *engine.inventory().await.unwrap().frontdoors.keys().next().unwrap();
    engine.store().put_verdicts(&stage.blocked(door)).await.unwrap();
    engine.settle(long(), "test").await.unwrap();
    stage.world.set_dial(&left, &Dial::default());
    done(&engine.settle(long(), "test").await.unwrap());
    assert!(stage.world.audit()[&left].addresses.iter().any(|a| a.provider_ref == anothers));
    let rows = engine.store().resources().await.unwrap();
    assert!(rows.iter().all(|r| r.provider_ref.as_deref() != Some(anothers.as_str())));
}

/// Loses the answer to the first address that is asked for, and lets another make one meanwhile.
struct Crowd {
    stage: Arc<Stage>,
    calls: AtomicUsize,
}

#[async_trait]
impl Tap for Crowd {
    async fn before(&self, _: &'static str) -> Option<Error> {
        None
    }

    async fn after(&self, call: &'static str) -> Option<Error> {
        let first = call == "allocate_address" && self.calls.fetch_add(1, Ordering::Relaxed) == 0;
        if !first {
            return None;
        }
        for (account, tag) in ["left", "right"].into_iter().zip(1..).map(|(a, n)| (a, anothers(n)))
        {
            self.stage.world.add_stray_address(&provider(account), &tag).await.unwrap();
        }
        Some(error(FailureClass::Unknown, call))
    }
}

#[tokio::test]
async fn of_two_that_a_creation_may_have_made_none_is_touched_until_the_operator_has_decided() {
    let stage = Arc::new(Stage::new(topology(nameless), 1).await);
    let crowd = Arc::new(Crowd { stage: stage.clone(), calls: AtomicUsize::new(0) });
    let tap: Arc<dyn Tap> = crowd.clone();
    let engine = stage.engine_with(tapped(stage.providers(), &tap)).await;
    let settled = engine.settle(short(), "test").await.unwrap();
    assert!(matches!(settled.ended, Ended::Waiting { .. }), "{settled:#?}");
    let rows = engine.store().resources().await.unwrap();
    let open: Vec<_> = rows.iter().filter(|r| r.phase == Phase::Ambiguous).collect();
    assert_eq!(open.len(), 1, "{rows:#?}");
    let account = open[0].provider.clone();
    let beside = |r: &&damm_fleet::Resource| {
        r.provider == account && !matches!(r.subject, Subject::Node(_)) && r.phase == Phase::Wanted
    };
    assert!(rows.iter().any(|r| beside(&r)), "others wait for it: {rows:#?}");

    let audit = stage.world.audit();
    for (name, standing) in &audit {
        let anothers = |t: &Tag| t.fleet == "another";
        let addresses = standing.addresses.iter();
        for address in addresses.filter(|a| a.tag.as_ref().is_some_and(anothers)) {
            assert!(stage.world.delete_behind_our_back(name, &address.provider_ref).await.unwrap());
        }
    }
    done(&engine.settle(long(), "test").await.unwrap());
    assert_nothing_more(&stage, &engine);
    assert_at_rest(&engine).await;
}
