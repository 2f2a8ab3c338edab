//! Without the controller, with a wrong one, and with a refusing one.

use damm_fleet::Span;
use damm_protocol::{NodeConfig, Refusal};

use super::stage::{Stage, broken};
use super::*;
use crate::agent::{Deed, Pace};
use crate::home::{Joined, Memory};

/// What an agent remembers that has joined and holds a config.
fn remembered(held: NodeConfig) -> Memory {
    let joined = Some(Joined { transports: BTreeMap::new() });
    Memory { joined, applied: Some(held.clone()), held: Some(held), ..Memory::default() }
}

#[test]
fn what_is_held_is_applied_before_anybody_is_asked() {
    let mut stage = Stage::new(EGRESS, remembered(plain(4)));
    stage.go_offline();
    stage.pass(Span::from_hours(1));
    assert_eq!(stage.begun()[0], 4);
    assert_eq!(stage.deeds[0].1, Deed::Apply(plain(4).into()));
    assert_eq!(stage.core.report().applied, 4);
    assert_eq!(stage.count(|d| matches!(d, Deed::Join(_))), 0);
    let told = stage.core.report().problems;
    assert_eq!(told.len(), 1);
    assert!(told[0].message.contains("can't be reached"), "{told:?}");
}

#[test]
fn a_controller_that_is_gone_is_looked_for_ever_more_rarely_and_found_within_seconds() {
    let mut stage = Stage::new(EGRESS, remembered(plain(4)));
    stage.pass(Span::from_secs(10));
    stage.go_offline();
    let hour = an_hour(&mut stage);
    assert!((360..=720).contains(&hour), "{hour} requests in an hour");
    stage.online = true;
    stage.send(plain(5));
    stage.pass(Pace::default().knock.1);
    stage.pass(Span::from_secs(1));
    assert_eq!(stage.core.report().applied, 5);
    assert_eq!(stage.core.report().problems, []);
    assert!(stage.reports().last().unwrap().1.problems.is_empty());
}

/// How often the controller is asked in an hour, after the first half of a minute.
fn an_hour(stage: &mut Stage) -> usize {
    stage.pass(Span::from_secs(30));
    let early = stage.syncs().len();
    stage.pass(Span::from_hours(1));
    stage.syncs().len() - early
}

#[test]
fn a_controller_that_breaks_connections_is_asked_once_a_minute() {
    let mut stage = Stage::new(EGRESS, remembered(plain(4)));
    stage.pass(Span::from_secs(10));
    stage.go_offline();
    stage.away = broken();
    let hour = an_hour(&mut stage);
    assert!((60..140).contains(&hour), "{hour} requests in an hour");
}

#[test]
fn an_agent_joins_once_and_holds_what_it_is_told_before_it_applies_it() {
    let mut stage = Stage::new(EGRESS, Memory::default());
    stage.send(plain(1));
    stage.pass(Span::from_mins(5));
    assert_eq!(stage.count(|d| matches!(d, Deed::Join(_))), 1);
    let position = |wanted: &Deed| stage.deeds.iter().position(|(_, d)| d == wanted).unwrap();
    let config = std::sync::Arc::new(plain(1));
    let held = position(&Deed::KeepHeld(config.clone()));
    let begun = position(&Deed::Apply(config.clone()));
    let applied = position(&Deed::KeepApplied(config));
    assert!(held < begun && begun < applied, "{held} {begun} {applied}");
    let (_, report) = stage.reports().last().copied().unwrap();
    assert_eq!((report.applied, report.orders), (1, 101));
}

#[test]
fn a_join_whose_answer_was_lost_is_asked_again() {
    let mut stage = Stage::new(EGRESS, Memory::default());
    stage.online = false;
    stage.pass(Span::from_secs(20));
    stage.online = true;
    stage.pass(Span::from_mins(1));
    assert!(stage.count(|d| matches!(d, Deed::Join(_))) > 1);
    assert_eq!(stage.count(|d| matches!(d, Deed::KeepJoined(_))), 1);
}

#[test]
fn what_is_older_or_anothers_changes_nothing_and_is_told() {
    let stranger = NodeConfig { node: NodeId::from_raw(8), ..plain(9) };
    let other_role = ingress(9, "192.0.2.1".parse().unwrap());
    for slip in [plain(4), plain(3), stranger, other_role] {
        let mut stage = Stage::new(EGRESS, remembered(plain(5)));
        stage.slip = Some(slip.clone());
        stage.pass(Span::from_mins(3));
        assert_eq!(stage.core.held(), 5, "{slip:?}");
        assert!(stage.begun().iter().all(|g| *g == 5), "{:?}", stage.begun());
        assert_eq!(stage.count(|d| matches!(d, Deed::KeepHeld(_))), 0);
        let told = stage.reports();
        let said = told.iter().any(|(_, r)| r.problems.iter().any(|p| p.part == "config"));
        assert!(said, "nobody was told of {slip:?}");
        assert_eq!(stage.core.report().problems, [], "it is over");
    }
}

#[test]
fn a_controller_that_goes_on_sending_old_configs_is_not_asked_in_a_hurry() {
    let mut stage = Stage::new(EGRESS, remembered(plain(5)));
    for _ in 0..3_600 {
        stage.slip = Some(plain(3));
        stage.pass(Span::from_secs(1));
    }
    assert!(stage.syncs().len() < 30, "{} requests in an hour", stage.syncs().len());
}

#[test]
fn refusals_are_not_answered_with_a_storm() {
    for refusal in [Refusal::Token, Refusal::Used, Refusal::Expired, Refusal::Unknown] {
        let mut stage = Stage::new(EGRESS, Memory::default());
        stage.refusal = Some(refusal.clone());
        stage.pass(Span::from_hours(1));
        let joins = stage.count(|d| matches!(d, Deed::Join(_)));
        assert!((3..30).contains(&joins), "{refusal}: {joins} joins in an hour");
        let problems = stage.core.report().problems;
        assert!(problems.iter().any(|p| p.message == refusal.to_string()), "{problems:?}");
    }
}

#[test]
fn a_controller_that_no_longer_knows_the_node_may_let_it_in_again() {
    let mut stage = Stage::new(EGRESS, remembered(plain(5)));
    stage.pass(Span::from_secs(10));
    stage.refusal = Some(Refusal::Unknown);
    stage.pass(Span::from_mins(5));
    assert!(stage.count(|d| matches!(d, Deed::Join(_))) > 0);
    assert_eq!(stage.core.report().applied, 5, "it serves on");
    stage.refusal = None;
    stage.send(plain(6));
    stage.pass(Span::from_mins(20));
    assert_eq!(stage.core.report().applied, 6);
}

#[test]
fn a_number_that_was_seen_is_followed_by_a_greater_one_at_once() {
    let mut stage = Stage::new(EGRESS, remembered(plain(5)));
    stage.refusal = Some(Refusal::Replayed { above: 900 });
    stage.pass(Span::from_secs(2));
    assert!(stage.count(|d| *d == Deed::Rise(900)) >= 1);
    stage.refusal = None;
    let before = stage.now;
    stage.pass(Span::from_secs(6));
    assert!(stage.syncs().iter().any(|(at, _)| *at > before));
    assert_eq!(stage.core.alone_since(), None);
}

#[test]
fn a_controller_that_was_restarted_after_a_while_hears_a_greater_number_at_once() {
    let mut stage = Stage::new(EGRESS, remembered(plain(5)));
    stage.pass(Span::from_secs(10));
    stage.go_offline();
    stage.pass(Span::from_mins(10));
    (stage.online, stage.refusal) = (true, Some(Refusal::Replayed { above: 900 }));
    let before = stage.syncs().len();
    while stage.count(|d| *d == Deed::Rise(900)) == 0 {
        stage.pass(Span::from_millis(100));
    }
    stage.pass(Span::from_secs(1));
    // The second was refused as well: from then on there is no hurry.
    assert_eq!(stage.syncs().len(), before + 2);
    stage.refusal = None;
    stage.pass(Span::from_mins(3));
    assert_eq!(stage.core.alone_since(), None);
}

#[test]
fn a_controller_that_wants_ever_greater_numbers_is_not_asked_in_a_hurry() {
    let mut stage = Stage::new(EGRESS, remembered(plain(5)));
    stage.refusal = Some(Refusal::Replayed { above: 900 });
    assert!((60..140).contains(&an_hour(&mut stage)));
}
