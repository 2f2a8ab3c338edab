//! On the way up: made, attached, told.

use damm_fleet::inventory::ObservedProvider;
use damm_fleet::resource::Failure;
use damm_fleet::{FailureClass, Phase, Span, Stage, Verb};

use crate::due::Hold;
use crate::scene::{NOW, Scene, at, live, provider};
use crate::step::Call;

#[test]
fn a_machine_and_its_addresses_are_asked_for_side_by_side() {
    let scene = Scene::ingress(Stage::Building, Phase::Wanted);
    assert_eq!(scene.names(), ["machine.create", "address.allocate"]);
    let steps = scene.due().steps;
    assert!(steps.iter().all(|s| s.verb == Verb::CreateIngress));
    let keys: Vec<_> = steps.iter().map(|s| s.key.clone()).collect();
    assert_eq!(keys, [format!("{}.1", scene.node), format!("{}.1", scene.subject)]);
}

#[test]
fn addresses_come_first_where_they_can_not_be_attached_to_a_running_machine() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Wanted).fixed_addresses();
    assert_eq!(scene.names(), ["address.allocate"]);
    scene.address_row().phase = Phase::Present;
    assert_eq!(scene.names(), ["machine.create"]);
}

#[test]
fn an_address_is_attached_once_its_machine_stands() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Present).told();
    assert_eq!(scene.names(), ["address.attach"]);
    scene.machine_row().phase = Phase::Unknown;
    assert_eq!(scene.names(), Vec::<&str>::new());
}

#[test]
fn what_was_attached_elsewhere_is_taken_back_first() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Present).told();
    scene.world.seen.elsewhere.insert(scene.subject);
    assert_eq!(scene.names(), ["address.detach"]);
}

#[test]
fn an_agent_is_told_once_of_all_its_addresses_and_not_again() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Present);
    scene.attach(true);
    assert_eq!(scene.names(), ["agent.order"]);
    let mut scene = scene.told();
    assert_eq!(scene.names(), Vec::<&str>::new());
    scene.blueprint.generation += 1;
    assert_eq!(scene.names(), Vec::<&str>::new(), "a new generation alone is no news");
    scene.address_row().phase = Phase::Wanted;
    scene.told.orders.clear();
    assert_eq!(scene.names(), ["address.allocate"], "the agent waits for all addresses");
}

#[test]
fn a_node_in_service_with_nothing_new_has_nothing_due() {
    let scene = Scene::ingress(live(), Phase::Ready).told();
    assert_eq!(scene.due(), crate::Due::default());
}

#[test]
fn what_may_have_been_made_is_looked_for_and_not_made_again() {
    for phase in [Phase::Creating, Phase::Unknown] {
        let scene = Scene::ingress(Stage::Building, phase);
        let due = scene.due();
        assert_eq!(due.steps, [], "{phase}");
        let looking = |h: &crate::Held| matches!(h.hold, Hold::Looking { .. });
        assert_eq!(due.held.iter().filter(|h| looking(h)).count(), 2, "{phase}");
    }
}

#[test]
fn nothing_is_done_about_what_is_ambiguous() {
    for stage in [Stage::Building, live(), crate::scene::leaving()] {
        let scene = Scene::ingress(stage, Phase::Ambiguous);
        let due = scene.due();
        assert_eq!((due.steps, due.closed), (vec![], vec![]));
        assert!(due.held.iter().all(|h| h.hold.needs_operator()));
    }
}

#[test]
fn a_call_that_failed_is_left_alone_until_its_moment_has_come() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Wanted);
    let failure = Failure { class: FailureClass::Busy, message: "locked".to_owned(), count: 3 };
    let until = at(NOW) + Span::from_secs(8);
    for row in [scene.subject, scene.node.into()] {
        let row = scene.rows.get_mut(&row).unwrap();
        row.failure = Some(failure.clone());
        row.not_before = Some(until);
    }
    let due = scene.due();
    assert_eq!(due.steps, []);
    assert!(due.held.iter().all(|h| h.until == Some(until)));
    assert!(scene.holds()[0].contains("failed 3 times: locked"));
    scene.now = until;
    assert_eq!(scene.names(), ["machine.create", "address.allocate"]);
}

#[test]
fn no_machine_is_asked_of_an_account_that_has_none() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Wanted);
    let until = at(NOW) + Span::from_mins(30);
    let exhausted_until = Some(until);
    scene.providers.insert(provider(), ObservedProvider { exhausted_until });
    assert_eq!(scene.names(), ["address.allocate"]);
    scene.now = until;
    assert_eq!(scene.names(), ["machine.create", "address.allocate"]);
}

#[test]
fn a_new_machine_that_its_provider_calls_failed_is_deleted() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Present).told();
    scene.world.seen.failed.insert(scene.node);
    assert!(scene.names().contains(&"machine.delete"));
    // Clients are told of one in service: that is the planner's to judge.
    let mut scene = Scene::ingress(live(), Phase::Present).told();
    scene.world.seen.failed.insert(scene.node);
    assert!(!scene.names().contains(&"machine.delete"));
}

#[test]
fn no_address_is_asked_for_a_machine_that_was_refused() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Wanted);
    scene.machine_row().phase = Phase::Refused;
    scene.machine_row().not_before = Some(at(NOW + 60));
    assert_eq!(scene.names(), Vec::<&str>::new());
}

#[test]
fn draining_is_told_to_the_agent_at_once() {
    let mut scene = Scene::ingress(live(), Phase::Ready).told();
    let drain = Stage::Draining {
        since: at(NOW),
        deadline: at(NOW + 3_600),
        why: damm_fleet::Reason::Operator,
    };
    let door = scene.door();
    scene.node_mut().frontdoors.get_mut(&door).unwrap().stage = drain.clone();
    let step = &scene.due().steps[0];
    assert_eq!((step.call.name(), step.verb), ("agent.order", Verb::DrainFrontdoor));
    let Call::Order { orders, .. } = &step.call else {
        panic!("{step}");
    };
    assert!(!orders.draining && orders.frontdoors[&door].draining);
    scene.node_mut().stage = drain;
    assert_eq!(scene.due().steps[0].verb, Verb::DrainNode);
}

#[test]
fn an_agent_is_told_of_a_translated_address_once_it_is_known_what_stands_for_it() {
    let mut scene = Scene::ingress(Stage::Building, Phase::Present).translated_addresses();
    scene.attach(true);
    assert_eq!(scene.names(), Vec::<&str>::new(), "the next look shows it");
    let inner = "172.31.0.7".parse().ok();
    scene.address_row().inner = inner;
    let [step] = scene.due().steps.try_into().unwrap();
    let Call::Order { orders, .. } = step.call else { panic!("{step:?}") };
    let order = &orders.frontdoors[&scene.door()];
    assert_eq!((order.address, order.inner), (crate::scene::address(), inner));
    let mut scene = scene.told();
    scene.address_row().inner = "172.31.0.8".parse().ok();
    assert_eq!(scene.names(), ["agent.order"], "it stands for it elsewhere now");
    scene.address_row().address = "2001:db8::7".parse().ok();
    scene.address_row().inner = None;
    assert_eq!(scene.names(), ["agent.order"], "IPv6 is not translated");
}
