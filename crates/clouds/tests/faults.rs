//! The fault dial of the embedded cloud, fault by fault.
#![allow(clippy::unwrap_used)]

mod stage;

use damm_clouds::sim::{Happening, SimStorage};
use damm_clouds::{Clock, MachineState};
use damm_fleet::topology::Dial;
use damm_fleet::{FailureClass, Span, Subject};
use serde_json::json;
use stage::{FLEET, Stage, a};

async fn dialled(dial: Dial) -> Stage {
    let stage = Stage::new(json!({})).await;
    stage.world().set_dial(&a(), &dial);
    stage
}

fn quiet(stage: &Stage) {
    stage.world().set_dial(&a(), &Dial::default());
}

/// Machines and addresses that exist, hidden or not.
fn standing(stage: &Stage) -> (usize, usize) {
    let audit = &stage.world().audit()[&a()];
    (audit.machines.len(), audit.addresses.len())
}

#[tokio::test]
async fn a_throttled_call_does_nothing_and_may_say_when_to_come_back() {
    for (loud, silent) in [(1.0, 0.0), (0.0, 1.0)] {
        let dial = Dial { throttled: loud, throttled_silent: silent, ..Dial::default() };
        let mut stage = dialled(dial).await;
        let order = stage.machine_order();
        let e = stage.cloud().create_machine(&order).await.unwrap_err();
        assert_eq!(e.class, FailureClass::Throttled);
        assert_eq!(e.retry_after.is_some(), loud > 0.0);
        assert_eq!(standing(&stage), (0, 0));
        let audit = &stage.world().audit()[&a()];
        assert_eq!(audit.over_limit, 0, "the dial is not the client's fault");
    }
}

#[tokio::test]
async fn an_error_after_the_effect_and_a_lost_answer_have_been_carried_out() {
    let after = Dial { error_after: 1.0, ..Dial::default() };
    let lost = Dial { lost_response: 1.0, ..Dial::default() };
    for (dial, waits) in [(after, false), (lost, true)] {
        let mut stage = dialled(dial).await;
        let before = stage.clock.now();
        let order = stage.machine_order();
        let e = stage.cloud().create_machine(&order).await.unwrap_err();
        assert_eq!(e.class, FailureClass::Unknown);
        assert_eq!(standing(&stage), (1, 0));
        let timeout = if waits { Span::from_secs(10) } else { Span::ZERO };
        assert_eq!(stage.clock.now().since(before), timeout);
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_waiting_leaves_what_it_asked_for_behind() {
    let mut stage = dialled(Dial { lost_response: 1.0, ..Dial::default() }).await;
    let order = stage.machine_order();
    let cloud = stage.cloud();
    let mut call = cloud.create_machine(&order);
    assert!(futures::poll!(&mut call).is_pending());
    drop(call);
    stage.restart().await;
    assert_eq!(standing(&stage), (1, 0));
}

#[tokio::test]
async fn an_error_before_the_effect_and_a_busy_answer_do_nothing() {
    let before = Dial { error_before: 1.0, ..Dial::default() };
    let busy = Dial { busy: 1.0, ..Dial::default() };
    for (dial, class) in [(before, FailureClass::Unknown), (busy, FailureClass::Busy)] {
        let mut stage = dialled(dial).await;
        let (machine, address) = (stage.machine_order(), stage.address_order());
        let e = stage.cloud().create_machine(&machine).await.unwrap_err();
        assert_eq!(e.class, class);
        let e = stage.cloud().allocate_address(&address).await.unwrap_err();
        assert_eq!(e.class, class);
        assert_eq!(standing(&stage), (0, 0));
    }
}

#[tokio::test]
async fn reads_are_never_busy() {
    let stage = dialled(Dial { busy: 1.0, ..Dial::default() }).await;
    assert_eq!(stage.cloud().list_machines(FLEET).await, Ok(vec![]));
    assert!(stage.dns().list_records(FLEET, stage::ZONE).await.is_ok());
}

#[tokio::test]
async fn a_late_object_is_missing_from_listings_for_less_than_the_lag() {
    let mut stage = dialled(Dial { late_listing: 1.0, ..Dial::default() }).await;
    stage.machine().await;
    stage.address().await;
    let cloud = stage.cloud();
    assert!(cloud.list_machines(FLEET).await.unwrap().is_empty());
    assert!(cloud.list_addresses(FLEET).await.unwrap().is_empty());
    assert_eq!(standing(&stage), (1, 1));
    stage.wait(Span::from_secs(50));
    assert_eq!(cloud.list_machines(FLEET).await.unwrap().len(), 1);
    assert_eq!(cloud.list_addresses(FLEET).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_stuck_machine_never_comes_up_and_can_be_deleted() {
    let mut stage = dialled(Dial { stuck_create: 1.0, ..Dial::default() }).await;
    let machine = stage.machine().await;
    stage.wait(Span::from_days(30));
    let cloud = stage.cloud();
    let listed = cloud.list_machines(FLEET).await.unwrap();
    assert_eq!((listed[0].state, listed[0].address), (MachineState::Starting, None));
    assert!(stage.providers.agents.reports().await.unwrap().is_empty());
    cloud.delete_machine(&machine.provider_ref).await.unwrap();
    stage.wait(Span::from_mins(1));
    assert_eq!(standing(&stage), (0, 0));
}

#[tokio::test]
async fn out_of_stock_is_exhausted_for_machines_alone() {
    let mut stage = dialled(Dial { out_of_stock: 1.0, ..Dial::default() }).await;
    let order = stage.machine_order();
    let e = stage.cloud().create_machine(&order).await.unwrap_err();
    assert_eq!(e.class, FailureClass::Exhausted);
    stage.address().await;
    assert_eq!(standing(&stage), (0, 1));
}

#[tokio::test]
async fn a_stock_that_is_used_up_is_exhausted() {
    let mut stage = Stage::new(json!({ "stock": 2 })).await;
    stage.machine().await;
    stage.machine().await;
    let order = stage.machine_order();
    let e = stage.cloud().create_machine(&order).await.unwrap_err();
    assert_eq!(e.class, FailureClass::Exhausted);
}

#[tokio::test]
async fn a_prefix_that_is_used_up_is_exhausted_and_given_back_addresses_rest_a_day() {
    let mut stage = Stage::new(json!({ "prefixes": ["192.0.2.0/31"] })).await;
    let (one, _) = (stage.address().await, stage.address().await);
    let order = stage.address_order();
    let cloud = stage.cloud();
    let full = cloud.allocate_address(&order).await.unwrap_err();
    assert_eq!(full.class, FailureClass::Exhausted);
    cloud.release_address(&one.provider_ref).await.unwrap();
    stage.wait(Span::from_hours(23));
    stage.restart().await;
    let cloud = stage.cloud();
    let resting = cloud.allocate_address(&order).await.unwrap_err();
    assert_eq!(resting.class, FailureClass::Exhausted);
    stage.wait(Span::from_hours(1));
    let again = cloud.allocate_address(&order).await.unwrap();
    let kept = stage.storage.load().await.unwrap();
    assert!(kept.iter().all(|(k, _)| !k.starts_with("quarantine/")));
    assert_eq!(again.address, one.address);
    assert_ne!(again.provider_ref, one.provider_ref);
}

#[tokio::test]
async fn a_stranger_takes_an_address_once_and_lets_go_when_detached_or_in_time() {
    for detach in [true, false] {
        let mut stage = dialled(Dial { attached_elsewhere: 1.0, ..Dial::default() }).await;
        let (machine, address) = (stage.machine().await, stage.address().await);
        let (a, m) = (&address.provider_ref, &machine.provider_ref);
        let cloud = stage.cloud();
        for _ in 0..2 {
            let e = cloud.attach_address(a, m).await.unwrap_err();
            assert_eq!(e.class, FailureClass::Busy);
        }
        let shown = cloud.list_addresses(FLEET).await.unwrap();
        assert!(shown[0].attached_to.as_ref().is_some_and(|to| to != m));
        let release = cloud.release_address(a).await.unwrap_err();
        assert_eq!(release.class, FailureClass::Busy);
        match detach {
            true => cloud.detach_address(a).await.unwrap(),
            false => stage.wait(Span::from_mins(10)),
        }
        cloud.attach_address(a, m).await.unwrap();
        let shown = cloud.list_addresses(FLEET).await.unwrap();
        assert_eq!(shown[0].attached_to.as_ref(), Some(m));
    }
}

#[tokio::test]
async fn a_slow_delete_is_listed_for_ten_minutes_and_more() {
    let mut stage = dialled(Dial { slow_delete: 1.0, ..Dial::default() }).await;
    let (machine, address) = (stage.machine().await, stage.address().await);
    let cloud = stage.cloud();
    cloud.delete_machine(&machine.provider_ref).await.unwrap();
    cloud.release_address(&address.provider_ref).await.unwrap();
    stage.wait(Span::from_mins(9));
    let listed = cloud.list_machines(FLEET).await.unwrap();
    assert_eq!(listed[0].state, MachineState::Stopping);
    assert_eq!(cloud.list_addresses(FLEET).await.unwrap().len(), 1);
    // Whoever loses patience and asks again is told that it is on its way.
    cloud.delete_machine(&machine.provider_ref).await.unwrap();
    cloud.release_address(&address.provider_ref).await.unwrap();
    stage.restart().await;
    assert_eq!(standing(&stage), (1, 1));
    stage.wait(Span::from_mins(11));
    assert_eq!(standing(&stage), (0, 0));
}

#[tokio::test]
async fn faults_also_come_to_dns_and_balancers() {
    let stage = dialled(Dial { error_before: 1.0, ..Dial::default() }).await;
    let dns = stage.dns().list_records(FLEET, stage::ZONE).await;
    assert_eq!(dns.unwrap_err().class, FailureClass::Unknown);
    let balancer = &stage.providers.balancers[&a()];
    let targets = balancer.list_targets(&"lb".parse().unwrap()).await;
    assert_eq!(targets.unwrap_err().class, FailureClass::Unknown);
}

/// The classes of a hundred answers, with a restart in between.
async fn answers(seed: u64, restart: bool) -> Vec<Option<FailureClass>> {
    let faults = json!({
        "seed": seed, "throttled": 0.1, "error_after": 0.1, "lost_response": 0.1,
        "busy": 0.1, "out_of_stock": 0.1,
    });
    let mut stage = Stage::new(json!({ "faults": faults })).await;
    let mut classes = Vec::new();
    for n in 0..100 {
        if n % 10 == 0 {
            // The count of calls is durable along with a change.
            let stray = stage::tag(stage.seed.node());
            stage.world().add_stray_address(&a(), &stray).await.unwrap();
        }
        if restart && n % 10 == 0 {
            stage.restart().await;
        }
        let order = stage.machine_order();
        let answer = stage.cloud().create_machine(&order).await;
        classes.push(answer.err().map(|e| e.class));
    }
    classes
}

#[tokio::test]
async fn the_same_seed_and_calls_give_the_same_faults_also_over_restarts() {
    let first = answers(7, false).await;
    assert_eq!(answers(7, false).await, first);
    assert_eq!(answers(7, true).await, first);
    assert_ne!(answers(8, false).await, first);
    let different: std::collections::BTreeSet<_> = first.iter().collect();
    assert!(different.len() >= 4, "{different:?}");
}

#[tokio::test]
async fn a_client_that_calls_too_fast_is_throttled_and_counted() {
    let mut stage = Stage::with_limit(3_600, json!({})).await;
    let mut wait = None;
    for _ in 0..100 {
        let order = stage.machine_order();
        if let Err(e) = stage.cloud().create_machine(&order).await {
            assert_eq!(e.class, FailureClass::Throttled);
            wait = e.retry_after;
        }
    }
    assert_eq!(standing(&stage), (60, 0));
    assert_eq!(stage.world().audit()[&a()].over_limit, 40);
    stage.wait(wait.unwrap());
    stage.machine().await;
    assert_eq!(standing(&stage), (61, 0));
}

#[tokio::test]
async fn a_dial_that_is_turned_down_leaves_the_world_as_it_was() {
    let mut stage = dialled(Dial { lost_response: 1.0, ..Dial::default() }).await;
    let order = stage.machine_order();
    stage.cloud().create_machine(&order).await.unwrap_err();
    quiet(&stage);
    let [made] = stage.cloud().list_machines(FLEET).await.unwrap().try_into().unwrap();
    assert_eq!(made.tag, Some(order.tag.clone()));
    let Subject::Node(_) = order.tag.subject else { panic!("the order was for a node") };
    let events = stage.world().events();
    assert_eq!(events[0].what, Happening::MachineCreated);
    assert_eq!(events[0].provider_ref, made.provider_ref);
}
