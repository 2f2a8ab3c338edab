//! Each call repeated, each call failing in each way.

#![allow(clippy::unwrap_used)] // A test that can not go on fails.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use damm_clouds::Error;
use damm_clouds::sim::{MemoryStorage, SimStorage};
use damm_fleet::FailureClass;
use support::tap::{Tap, error, looks, tapped};
use support::{Stage, assert_at_rest, assert_nothing_more, done, long, nameless, topology};

/// Makes every call that can be repeated once more, and holds the world of after the first time
/// against the one of after the second.
struct Twice {
    storage: MemoryStorage,
    first: Mutex<Option<BTreeMap<String, String>>>,
    repeated: Mutex<BTreeMap<&'static str, u32>>,
}

impl Twice {
    async fn world(&self) -> BTreeMap<String, String> {
        let objects = self.storage.load().await.unwrap().into_iter();
        // How many calls an account has answered is not what is asked here.
        objects.filter(|(k, _)| !k.starts_with("account/")).collect()
    }
}

#[async_trait]
impl Tap for Twice {
    async fn before(&self, _: &'static str) -> Option<Error> {
        None
    }

    async fn after(&self, call: &'static str) -> Option<Error> {
        let before = self.first.lock().unwrap().take();
        if let Some(before) = before {
            assert_eq!(self.world().await, before, "{call} changed something the second time");
            *self.repeated.lock().unwrap().entry(call).or_default() += 1;
        }
        None
    }

    async fn again(&self, _: &'static str) -> bool {
        let world = self.world().await;
        *self.first.lock().unwrap() = Some(world);
        true
    }
}

#[tokio::test]
async fn every_step_made_twice_in_a_row_changes_nothing_the_second_time() {
    each_step_twice(|_| {}).await;
}

#[tokio::test]
async fn every_step_made_twice_changes_nothing_where_addresses_carry_no_tags() {
    each_step_twice(nameless).await;
}

async fn each_step_twice(like: Like) {
    // One account, one call at a time: nothing else happens between the two.
    let topology = topology(|t| {
        for name in ["left", "right"] {
            t["providers"][name]["limits"]["parallel"] = 1.into();
        }
        like(t);
    });
    let stage = Stage::new(topology, 1).await;
    let twice = Arc::new(Twice {
        storage: stage.storage.clone(),
        first: Mutex::default(),
        repeated: Mutex::default(),
    });
    let tap: Arc<dyn Tap> = twice.clone();
    let engine = stage.engine_with(tapped(stage.providers(), &tap)).await;
    done(&engine.settle(long(), "test").await.unwrap());
    let door = *engine.inventory().await.unwrap().frontdoors.keys().next().unwrap();
    engine.store().put_verdicts(&stage.blocked(door)).await.unwrap();
    done(&engine.settle(long(), "test").await.unwrap());
    assert_nothing_more(&stage, &engine);
    let repeated = twice.repeated.lock().unwrap();
    for call in [
        "attach_address",
        "detach_address",
        "release_address",
        "put_records",
        "put_target",
        "order",
    ] {
        assert!(repeated.contains_key(call), "{call} was not tried: {repeated:?}");
    }
}

#[tokio::test]
async fn a_second_pass_finds_nothing_due_that_the_first_has_done() {
    let stage = Stage::new(topology(|_| {}), 1).await;
    let engine = stage.engine().await;
    let plan = engine.replan(0).await.unwrap();
    engine.adopt(&plan, "test").await.unwrap();
    let first = engine.pass().await.unwrap();
    // Three machines, six addresses: made, attached, and their agents told.
    assert_eq!((first.done, first.failed.len()), (3 + 6 + 6 + 3, 0));
    let (world, calls) = (stage.carried(), stage.world.audit());
    let second = engine.pass().await.unwrap();
    assert_eq!((second.done, second.left), (0, 0));
    assert_eq!((stage.carried(), stage.world.audit()), (world, calls));
}

/// Lets one call fail, in one way.
struct Saboteur {
    at: u64,
    class: FailureClass,
    /// Whether the thing is done all the same.
    after: bool,
    calls: AtomicU64,
}

impl Saboteur {
    fn strikes(&self, after: bool, call: &'static str) -> Option<Error> {
        let mine = self.after == after && !looks(call);
        let number = mine.then(|| self.calls.fetch_add(1, Ordering::Relaxed) + 1)?;
        (number == self.at).then(|| error(self.class, call))
    }
}

#[async_trait]
impl Tap for Saboteur {
    async fn before(&self, call: &'static str) -> Option<Error> {
        self.strikes(false, call)
    }

    async fn after(&self, call: &'static str) -> Option<Error> {
        self.strikes(true, call)
    }
}

/// Settles, and again when a call that was refused may be made again: a run does not wait for that.
async fn settle(stage: &Stage, engine: &damm_engine::Engine) -> damm_engine::Settled {
    let settled = engine.settle(long(), "test").await.unwrap();
    let damm_engine::Ended::Waiting { next: Some(at) } = settled.ended else { return settled };
    stage.clock.advance(at.since(engine.now()));
    engine.settle(long(), "test").await.unwrap()
}

/// What sets a topology apart.
type Like = fn(&mut serde_json::Value);

/// Builds a fleet and replaces a door while one call fails; tells how many calls there were.
async fn build_and_rotate(like: Like, at: u64, class: FailureClass, after: bool) -> u64 {
    let stage = Stage::new(topology(like), 1).await;
    let saboteur = Arc::new(Saboteur { at, class, after, calls: AtomicU64::default() });
    let tap: Arc<dyn Tap> = saboteur.clone();
    let engine = stage.engine_with(tapped(stage.providers(), &tap)).await;
    let case = format!("call {at} fails as {class}, {}", if after { "done" } else { "not done" });
    let settled = settle(&stage, &engine).await;
    assert_eq!(settled.ended, damm_engine::Ended::Done, "{case}: {settled:#?}");
    let door = *engine.inventory().await.unwrap().frontdoors.keys().next().unwrap();
    engine.store().put_verdicts(&stage.blocked(door)).await.unwrap();
    let settled = settle(&stage, &engine).await;
    assert_eq!(settled.ended, damm_engine::Ended::Done, "{case}: {settled:#?}");
    assert_eq!(settled.breaches, [], "{case}");
    assert_nothing_more(&stage, &engine);
    assert_at_rest(&engine).await;
    assert_eq!(engine.store().open_intents().await.unwrap(), [], "{case}");
    assert_eq!(stage.world.sessions_cut(), 0, "{case}");
    saboteur.calls.load(Ordering::Relaxed)
}

#[tokio::test]
async fn any_call_may_fail_in_any_way() {
    each_call_fails(|_| {}).await;
}

#[tokio::test]
async fn any_call_may_fail_in_any_way_where_addresses_carry_no_tags() {
    each_call_fails(nameless).await;
}

async fn each_call_fails(like: Like) {
    use FailureClass as C;
    let calls = build_and_rotate(like, 0, C::Busy, false).await;
    assert!(calls > 25, "{calls} calls");
    let ways = [
        (C::Rejected, false),
        (C::Busy, false),
        (C::Throttled, false),
        (C::Exhausted, false),
        (C::Unknown, false),
        (C::Unknown, true),
        (C::Gone, false),
    ];
    for at in 1..=calls {
        for (class, after) in ways {
            build_and_rotate(like, at, class, after).await;
        }
    }
}
