//! On the way down: forgotten outside, detached, given back, deleted, seen gone.

use damm_fleet::{Phase, Span, Stage, Verb};

use crate::scene::{NOW, Scene, at, leaving, live};

fn door_leaves(phase: Phase) -> Scene {
    let mut scene = Scene::ingress(live(), phase);
    let door = scene.door();
    scene.node_mut().frontdoors.get_mut(&door).unwrap().stage = leaving();
    scene
}

#[test]
fn an_agent_lets_go_of_an_address_before_its_provider_does() {
    let scene = door_leaves(Phase::Ready);
    assert_eq!(scene.names(), ["agent.order"]);
    let mut scene = scene.told();
    assert_eq!(scene.names(), ["address.detach"]);
    scene.attach(false);
    assert_eq!(scene.names(), ["address.release"]);
    assert_eq!(scene.due().steps[0].verb, Verb::ReleaseFrontdoor);
}

#[test]
fn an_address_is_kept_while_a_catalog_names_it() {
    let until = at(NOW) + Span::from_mins(7);
    let mut scene = door_leaves(Phase::Present).told().named_until(until);
    assert_eq!(scene.names(), Vec::<&str>::new());
    assert!(scene.due().held.iter().any(|h| h.until == Some(until)));
    scene.now = until;
    assert_eq!(scene.names(), ["address.release"]);
}

#[test]
fn an_address_is_kept_while_dns_names_it() {
    let mut scene = door_leaves(Phase::Present).told();
    let (key, set) = Scene::record();
    scene.told.records.insert(key, (set, at(0)));
    assert_eq!(scene.names(), ["dns.put"], "first the name is taken away");
}

#[test]
fn sessions_hold_an_address_and_its_machine_until_the_drain_must_have_ended() {
    let mut scene = Scene::ingress(leaving(), Phase::Ready).busy(3);
    assert_eq!(scene.names(), Vec::<&str>::new());
    assert!(scene.holds().iter().all(|h| h.contains("3 sessions")), "{:?}", scene.holds());
    let drain = scene.topology.rotation.ingress.drain;
    scene.now = scene.now + drain;
    scene = scene.busy(3);
    assert_eq!(scene.names(), ["address.detach"]);
}

#[test]
fn a_drain_deadline_that_has_come_ends_the_wait_for_sessions() {
    let stage =
        Stage::Leaving { since: at(NOW), why: damm_fleet::Reason::DrainDeadline { sessions: 3 } };
    assert_eq!(Scene::ingress(stage, Phase::Ready).busy(3).names(), ["address.detach"]);
}

#[test]
fn a_machine_is_deleted_last() {
    let mut scene = Scene::ingress(leaving(), Phase::Ready);
    let (key, target) = scene.target();
    scene.told.targets.insert(key, target);
    let (key, set) = Scene::record();
    scene.told.records.insert(key, (set, at(0)));
    assert_eq!(scene.names(), ["dns.put", "balancer.remove"]);
    scene.told.targets.clear();
    scene.told.records.clear();
    assert_eq!(scene.names(), ["address.detach"]);
    scene.attach(false);
    assert_eq!(scene.names(), ["machine.delete", "address.release"]);
    assert!(scene.due().steps.iter().all(|s| s.verb == Verb::RetireNode));
}

#[test]
fn a_name_holds_a_machine_for_its_own_doors_and_not_for_whose_address_it_is_by_now() {
    let mut scene = Scene::ingress(leaving(), Phase::Ready);
    scene.attach(false);
    let (key, set) = Scene::record();
    scene.blueprint.records.insert(key.clone(), set.clone());
    scene.told.records.insert(key, (set, at(0)));
    assert_eq!(scene.names(), Vec::<&str>::new());
    scene.address_row().phase = Phase::Gone;
    assert_eq!(scene.names(), ["machine.delete"]);
}

#[test]
fn a_machine_goes_first_where_it_can_not_let_go_of_its_addresses() {
    let mut scene = Scene::ingress(leaving(), Phase::Ready).fixed_addresses();
    assert_eq!(scene.names(), ["machine.delete"]);
    scene.machine_row().phase = Phase::Gone;
    scene.attach(false);
    assert_eq!(scene.names(), ["address.release"]);
}

#[test]
fn what_is_still_shown_is_deleted_again_and_what_is_missing_waits_for_the_second_look() {
    let mut scene = Scene::ingress(leaving(), Phase::Deleting);
    scene.attach(false);
    assert_eq!(scene.names(), ["machine.delete", "address.release"]);
    scene.machine_row().not_before = Some(at(NOW + 5));
    scene.address_row().missing_since = Some(at(NOW - 5));
    assert_eq!(scene.names(), Vec::<&str>::new());
    assert_eq!(scene.due().held.len(), 2);
}

#[test]
fn what_was_never_made_ends_without_a_call() {
    for phase in [Phase::Wanted, Phase::Refused] {
        let scene = Scene::egress(leaving(), phase);
        let due = scene.due();
        assert_eq!(due.steps, []);
        assert_eq!(due.closed, [scene.node.into(), scene.subject]);
    }
}

#[test]
fn what_may_have_been_made_is_found_before_it_is_taken_down() {
    let due = Scene::egress(leaving(), Phase::Unknown).due();
    assert_eq!((due.steps, due.closed), (vec![], vec![]));
}

#[test]
fn what_is_gone_has_nothing_due() {
    for stage in [Stage::Building, live(), leaving()] {
        assert_eq!(Scene::egress(stage, Phase::Gone).due().steps, []);
    }
}
