//! Providers that never do what they are asked for: every run comes to an end that says so.

#![allow(clippy::unwrap_used)] // A test that can not go on fails.

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::Error;
use damm_engine::{Budget, Ended, Engine, Settled};
use damm_fleet::topology::Dial;
use damm_fleet::{FailureClass, Reason, Span, Subject};
use support::tap::{Tap, error, tapped};
use support::{Stage, assert_nothing_more, done, provider, topology};

/// As `damm apply --until-done` has it.
const TIRELESS: Span = Span::from_days(36_500);

fn stick(stage: &Stage, accounts: &[&str], stuck_create: f64) {
    for account in accounts {
        stage.world.set_dial(&provider(account), &Dial { stuck_create, ..Dial::default() });
    }
}

async fn settle(engine: &Engine, patience: Span) -> Settled {
    engine.settle(Budget { patience, ..Budget::default() }, "test").await.unwrap()
}

#[tokio::test]
async fn when_no_machine_ever_joins_it_ends_after_three_tries_and_tells_whose_they_were() {
    for patience in [Budget::default().patience, TIRELESS] {
        let stage = Stage::new(topology(|_| {}), 1).await;
        let engine = stage.engine().await;
        stick(&stage, &["left", "right"], 1.0);
        let begun = stage.now();
        let settled = settle(&engine, patience).await;
        assert_eq!(settled.ended, Ended::Fruitless, "{settled:#?}");
        // Three times the fifteen minutes that an agent has to join, and the looks in between.
        assert!(stage.now().since(begun) < Span::from_hours(1));
        let nodes = settled.given_up.iter().filter(|g| matches!(g.subject, Subject::Node(_)));
        let never = |why: &Reason| matches!(why, Reason::NeverJoined { .. });
        assert!(nodes.clone().all(|g| never(&g.why)), "{settled:#?}");
        assert_eq!(nodes.count(), 3 * 3, "{:#?}", settled.given_up);
        for account in ["left", "right"] {
            assert!(settled.given_up.iter().any(|g| g.provider == provider(account)));
        }
        // What was given up last still stands, and nothing was made in its place.
        assert_eq!(engine.blueprint().nodes.len(), 3);

        stick(&stage, &["left", "right"], 0.0);
        done(&settle(&engine, patience).await);
        assert_nothing_more(&stage, &engine);
    }
}

#[tokio::test]
async fn one_account_that_never_comes_up_does_not_keep_the_others_from_it() {
    let stage = Stage::new(topology(|_| {}), 1).await;
    let engine = stage.engine().await;
    stick(&stage, &["left"], 1.0);
    let settled = settle(&engine, Budget::default().patience).await;
    assert_eq!(settled.ended, Ended::Fruitless, "{settled:#?}");
    assert!(settled.given_up.iter().all(|g| g.provider == provider("left")), "{settled:#?}");
    let blueprint = engine.blueprint();
    let mut live = blueprint.nodes.values().filter(|n| n.stage.is_live()).peekable();
    assert!(live.peek().is_some() && live.all(|n| n.provider == provider("right")));
}

#[tokio::test]
async fn a_machine_that_is_stuck_once_is_made_again_and_nothing_is_given_up() {
    let stage = Stage::new(topology(|_| {}), 1).await;
    let engine = stage.engine().await;
    stick(&stage, &["left", "right"], 1.0);
    let plan = engine.replan(0).await.unwrap();
    engine.adopt(&plan, "test").await.unwrap();
    engine.pass().await.unwrap();
    stick(&stage, &["left", "right"], 0.0);
    let settled = settle(&engine, Budget::default().patience).await;
    done(&settled);
    assert_eq!(settled.given_up, []);
    assert_nothing_more(&stage, &engine);
}

/// One call always fails, in one way.
struct Always(FailureClass, &'static str);

#[async_trait]
impl Tap for Always {
    async fn before(&self, call: &'static str) -> Option<Error> {
        (call == self.1).then(|| error(self.0, call))
    }

    async fn after(&self, _: &'static str) -> Option<Error> {
        None
    }
}

#[tokio::test]
async fn a_call_that_always_fails_ends_every_run_within_hours_even_a_tireless_one() {
    use FailureClass as C;
    let calls = ["create_machine", "allocate_address", "attach_address", "put_records", "order"];
    for call in calls {
        for class in [C::Rejected, C::Busy, C::Throttled, C::Exhausted, C::Unknown, C::Gone] {
            let case = format!("{call} is always {class}");
            let stage = Stage::new(topology(|_| {}), 1).await;
            let tap: Arc<dyn Tap> = Arc::new(Always(class, call));
            let engine = stage.engine_with(tapped(stage.providers(), &tap)).await;
            let begun = stage.now();
            let settled = settle(&engine, TIRELESS).await;
            let took = stage.now().since(begun);
            println!("{case}: {:?} after {took:?}, {} plans", settled.ended, settled.plans);
            assert!(!matches!(settled.ended, Ended::Done | Ended::Stopped), "{case}");
            assert!(took < Span::from_hours(6), "{case}: {took:?} {settled:#?}");
        }
    }
}
