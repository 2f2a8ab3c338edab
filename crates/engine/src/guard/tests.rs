use damm_fleet::{Phase, Resource, Span, Verb};

use super::*;
use crate::scene::{NOW, Scene, address, at, leaving, live, provider};

fn step(scene: &Scene, call: Call) -> Step {
    let row: &Resource = match call {
        Call::DeleteMachine { .. } => &scene.rows[&Subject::Node(scene.node)],
        _ => &scene.rows[&scene.subject],
    };
    Step::about(row, Verb::RetireNode, call)
}

fn refused(scene: &Scene, call: Call) -> Option<u8> {
    let step = step(scene, call);
    let checked = scene.look(|view| check(view, &step));
    checked.err().map(|breach| breach.rule())
}

fn release(scene: &Scene) -> Call {
    Call::Release { address: format!("ref-{}", scene.subject) }
}

fn delete(scene: &Scene) -> Call {
    Call::DeleteMachine { node: scene.node, machine: format!("ref-{}", scene.node) }
}

#[test]
fn what_leaves_and_is_known_to_nobody_may_go() {
    let scene = Scene::ingress(leaving(), Phase::Present);
    assert_eq!(refused(&scene, release(&scene)), None);
    assert_eq!(refused(&scene, delete(&scene)), None);
}

#[test]
fn rule_1_no_egress_address_is_put_into_dns_or_behind_a_balancer() {
    let scene = Scene::egress(live(), Phase::Ready);
    let (key, set) = Scene::record();
    assert_eq!(refused(&scene, Call::PutRecords { key, set }), Some(1));
    let (key, target) = scene.target();
    assert_eq!(refused(&scene, Call::PutTarget { key, target }), Some(1));
    let scene = Scene::ingress(live(), Phase::Ready);
    let (key, set) = Scene::record();
    assert_eq!(refused(&scene, Call::PutRecords { key, set }), None);
}

#[test]
fn rule_5_no_address_is_given_up_that_a_catalog_or_dns_names() {
    let until = at(NOW) + Span::from_secs(1);
    let mut scene = Scene::ingress(leaving(), Phase::Present).named_until(until);
    assert_eq!(refused(&scene, release(&scene)), Some(5));
    scene.now = until;
    assert_eq!(refused(&scene, release(&scene)), None);
    let (key, set) = Scene::record();
    scene.told.records.insert(key, (set, at(0)));
    assert_eq!(refused(&scene, release(&scene)), Some(5));
}

#[test]
fn rule_6_nothing_goes_under_sessions_before_their_drain_must_have_ended() {
    let mut scene = Scene::ingress(leaving(), Phase::Ready).busy(1);
    let detach = |scene: &Scene| Call::Detach { address: format!("ref-{}", scene.subject) };
    assert_eq!(refused(&scene, delete(&scene)), Some(6));
    assert_eq!(refused(&scene, detach(&scene)), Some(6));
    assert_eq!(refused(&scene, release(&scene)), Some(6));
    scene.now = scene.now + scene.topology.rotation.ingress.drain;
    let scene = scene.busy(1);
    assert_eq!(refused(&scene, delete(&scene)), None);
}

#[test]
fn rule_6_the_last_words_of_an_agent_that_fell_silent_hold_nothing_up() {
    let mut scene = Scene::ingress(leaving(), Phase::Ready).busy(1);
    scene.now = scene.now + scene.topology.rotation.dead_after;
    assert_eq!(refused(&scene, delete(&scene)), Some(6));
    scene.now = scene.now + Span::from_millis(1);
    assert_eq!(refused(&scene, delete(&scene)), None);
}

#[test]
fn rule_7_a_call_is_about_what_its_row_holds() {
    let mut scene = Scene::ingress(leaving(), Phase::Present);
    let (mine, machine) = (release(&scene), delete(&scene));
    scene.address_row().provider_ref = Some("another".to_owned());
    scene.machine_row().phase = Phase::Gone;
    assert_eq!(refused(&scene, mine), Some(7));
    assert_eq!(refused(&scene, machine), Some(7));
}

#[test]
fn what_the_target_wants_is_not_taken_down() {
    let scene = Scene::ingress(live(), Phase::Ready);
    assert_eq!(refused(&scene, release(&scene)), Some(0));
    assert_eq!(refused(&scene, delete(&scene)), Some(0));
}

#[test]
fn what_a_living_row_holds_is_no_stray() {
    let scene = Scene::ingress(leaving(), Phase::Present);
    let mut step = step(&scene, release(&scene));
    step.provider = Some(provider());
    step.call = Call::DestroyStray {
        machine: false,
        provider_ref: format!("ref-{}", scene.subject),
        detach: false,
    };
    let refused = scene.look(|view| check(view, &step)).unwrap_err();
    assert!(matches!(refused, Breach::StillWanted { .. }));
}

#[test]
fn rule_1_covers_the_own_address_of_an_egress_machine_and_no_address_that_is_gone() {
    let mut scene = Scene::egress(live(), Phase::Ready);
    scene.machine_row().address = scene.address_row().address.take();
    let (key, set) = Scene::record();
    let put = Call::PutRecords { key, set };
    assert_eq!(refused(&scene, put.clone()), Some(1));
    // The provider has taken it back and may give it to a front door.
    scene.machine_row().phase = Phase::Gone;
    assert_eq!(refused(&scene, put), None);
}

#[test]
fn rule_1_sees_through_the_mapped_form_of_an_address() {
    let scene = Scene::egress(live(), Phase::Ready);
    let IpAddr::V4(four) = address() else { panic!("the scene's address is of IPv4") };
    let (key, mut set) = Scene::record();
    set.addresses = [four.to_ipv6_mapped().into()].into();
    assert_eq!(refused(&scene, Call::PutRecords { key, set }), Some(1));
}

#[test]
fn a_breach_of_rule_1_names_whose_address_it_is_and_never_the_address() {
    let scene = Scene::egress(live(), Phase::Ready);
    let (key, set) = Scene::record();
    let step = step(&scene, Call::PutRecords { key, set });
    let breach = scene.look(|view| check(view, &step)).unwrap_err();
    let text = breach.to_string();
    assert!(text.starts_with("rule 1: dns.put"), "{text}");
    assert!(text.contains(&scene.subject.to_string()), "{text}");
    for told in [text, format!("{breach:?}"), step.to_string()] {
        assert!(!told.contains(&address().to_string()), "{told}");
    }
}
