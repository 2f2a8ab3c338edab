//! Things with our tag that no living row holds.

use damm_clouds::Tag;
use damm_fleet::{NodeId, Phase, ProviderName, Span, Subject};

use crate::patience::ORPHAN_AGE;
use crate::scene::{NOW, Scene, at, leaving, live, provider};
use crate::sight::{Stray, StrayKnown};

fn stray(subject: Subject, age: Span) -> StrayKnown {
    StrayKnown {
        stray: Stray {
            provider: provider(),
            provider_ref: "m-7".to_owned(),
            machine: matches!(subject, Subject::Node(_)),
            attached: false,
            tag: Some(Tag { fleet: "example".to_owned(), subject }),
            created_at: at(NOW) - age,
        },
        ever_known: false,
        times_seen: 2,
        first_seen: at(NOW) - Span::from_mins(1),
    }
}

fn unknown() -> StrayKnown {
    stray(NodeId::from_raw(77).into(), ORPHAN_AGE)
}

fn with(known: StrayKnown) -> Scene {
    let mut scene = Scene::ingress(live(), Phase::Ready).told();
    scene.seen.strays.push(known);
    scene
}

#[test]
fn an_old_orphan_that_was_seen_twice_is_destroyed() {
    assert_eq!(with(unknown()).names(), ["machine.delete"]);
}

#[test]
fn an_orphan_is_left_alone_unless_everything_speaks_against_it() {
    let left_alone = |change: fn(&mut StrayKnown)| {
        let mut known = unknown();
        change(&mut known);
        with(known).names() == Vec::<&str>::new()
    };
    assert!(left_alone(|k| k.times_seen = 1), "seen once");
    assert!(left_alone(|k| k.stray.created_at = at(NOW - 60)), "young");
    assert!(
        left_alone(|k| k.stray.tag.as_mut().unwrap().fleet = "other".to_owned()),
        "another fleet's"
    );
    assert!(left_alone(|k| k.stray.machine = false), "a node's tag on an address");
}

#[test]
fn what_the_ledger_knew_goes_as_soon_as_it_was_seen_twice() {
    let mut known = stray(NodeId::from_raw(77).into(), Span::ZERO);
    known.ever_known = true;
    assert_eq!(with(known.clone()).names(), ["machine.delete"]);
    known.times_seen = 1;
    let due = with(known).due();
    assert_eq!((due.steps.len(), due.held.len()), (0, 1), "a second look is waited for");
}

#[test]
fn what_was_lost_in_service_and_shows_up_again_waits_for_the_planner() {
    let mut scene = Scene::ingress(live(), Phase::Gone);
    let mut known = stray(scene.node.into(), Span::from_hours(9));
    known.ever_known = true;
    scene.seen.strays.push(known);
    assert_eq!(scene.names(), Vec::<&str>::new());
    scene.node_mut().stage = leaving();
    assert_eq!(scene.names(), ["machine.delete"]);
    let scene = scene.busy(5);
    assert_eq!(scene.names(), Vec::<&str>::new(), "somebody is connected through it");
}

#[test]
fn what_stands_at_another_account_than_its_row_is_not_touched() {
    let mut scene = Scene::ingress(leaving(), Phase::Gone);
    let mut known = stray(scene.node.into(), Span::from_hours(9));
    known.ever_known = true;
    known.stray.provider = ProviderName::new("right").unwrap();
    scene.seen.strays.push(known);
    assert_eq!(scene.names(), Vec::<&str>::new());
}

#[test]
fn an_attached_stray_address_is_detached_first() {
    let mut known = stray(damm_fleet::EgressIpId::from_raw(7).into(), ORPHAN_AGE);
    known.stray.attached = true;
    assert_eq!(with(known.clone()).names(), ["address.detach"]);
    known.stray.attached = false;
    assert_eq!(with(known).names(), ["address.release"]);
}

#[test]
fn what_carries_no_tag_and_was_no_rows_is_shown_and_never_touched() {
    let mut known = stray(damm_fleet::EgressIpId::from_raw(7).into(), Span::from_days(30));
    (known.stray.tag, known.times_seen) = (None, 1_000);
    let due = with(known).due();
    assert_eq!((due.steps.len(), due.held.len()), (0, 0), "nothing waits for it");
    assert_eq!(due.watched[0].object, "m-7");
}
