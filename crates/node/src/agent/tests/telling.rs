//! What the controller is told, and how soon.

use damm_fleet::{Span, Subject};
use damm_protocol::{Counters, PeerHealth, Problem};

use super::stage::Stage;
use super::*;
use crate::agent::Deed;
use crate::home::{Joined, Memory};

fn joined() -> Memory {
    Memory { joined: Some(Joined { transports: BTreeMap::new() }), ..Memory::default() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn subject(n: u64) -> Subject {
    EgressIpId::from_raw(n).into()
}

#[test]
fn what_was_applied_and_proved_is_told_within_seconds() {
    let mut stage = Stage::new(EGRESS, joined());
    stage.pass(Span::from_mins(3));
    stage.send(egress(1, &[(ip("198.51.100.1"), Receiving::Active)]));
    let sent = stage.now;
    stage.pass(Span::from_secs(6));
    let (at, report) = stage.reports().last().copied().unwrap();
    assert_eq!((report.applied, report.verified.len()), (1, 1));
    assert!(at.since(sent) < Span::from_secs(5), "{}", at.since(sent));
    assert_eq!(stage.count(|d| *d == Deed::GiveUp), 0, "a connection was wasted");
}

#[test]
fn an_address_is_proved_once_and_not_again_after_a_restart() {
    let address = ip("198.51.100.1");
    let mut stage = Stage::new(EGRESS, joined());
    stage.send(egress(1, &[(address, Receiving::Active)]));
    stage.pass(Span::from_hours(1));
    assert_eq!(stage.count(|d| *d == Deed::Prove(address)), 1);
    let verified = BTreeMap::from([(address, address)]);
    let held = Some(egress(1, &[(address, Receiving::Active)]));
    let mut stage = Stage::new(EGRESS, Memory { held, verified, ..joined() });
    stage.pass(Span::from_hours(1));
    assert_eq!(stage.count(|d| *d == Deed::Prove(address)), 0);
    assert_eq!(stage.core.report().verified.len(), 1);
}

#[test]
fn an_address_that_left_and_comes_back_is_proved_anew() {
    let address = ip("198.51.100.1");
    let mut stage = Stage::new(EGRESS, joined());
    for generation in [1, 3] {
        stage.send(egress(generation, &[(address, Receiving::Active)]));
        stage.pass(Span::from_mins(1));
        stage.send(plain(generation + 1));
        stage.pass(Span::from_mins(1));
        assert_eq!(stage.core.report().verified.len(), 0);
    }
    assert_eq!(stage.count(|d| *d == Deed::Prove(address)), 2);
}

#[test]
fn an_address_that_is_seen_as_another_is_not_proved_and_told() {
    let mut stage = Stage::new(EGRESS, joined());
    stage.masks.insert(ip("198.51.100.1"), ip("203.0.113.9"));
    let both = [ip("198.51.100.1"), ip("198.51.100.2")].map(|a| (a, Receiving::Active));
    stage.send(egress(1, &both));
    stage.pass(Span::from_mins(2));
    let report = stage.core.report();
    assert_eq!(report.verified, [subject(2)].into());
    assert_eq!(report.problems.len(), 1);
    assert!(report.problems[0].message.contains(&subject(1).to_string()), "{report:?}");
    stage.masks.clear();
    stage.pass(Span::from_mins(30));
    assert_eq!(stage.core.report().verified.len(), 2);
}

#[test]
fn behind_a_providers_translation_each_address_has_one_face_of_its_own() {
    let mut stage = Stage::new(EGRESS, joined());
    stage.masks.insert(ip("10.0.0.1"), ip("203.0.113.1"));
    stage.masks.insert(ip("10.0.0.2"), ip("203.0.113.1"));
    stage.masks.insert(ip("fd00::5"), ip("2001:db8::5"));
    let all = ["10.0.0.1", "10.0.0.2", "fd00::5"].map(|a| (ip(a), Receiving::Active));
    stage.send(egress(1, &all));
    stage.pass(Span::from_mins(2));
    assert_eq!(stage.core.report().verified, [subject(1), subject(3)].into());
}

#[test]
fn an_address_is_proved_as_what_the_controller_told_that_it_is_outside_and_as_nothing_else() {
    let mut stage = Stage::new(EGRESS, joined());
    let mut config = egress(1, &[(ip("10.0.0.1"), Receiving::Active)]);
    let RoleConfig::Egress(role) = &mut config.role else { unreachable!() };
    let address = role.addresses.values_mut().next().unwrap();
    address.public = Some(ip("203.0.113.1"));
    // What stands for it is not attached yet, and the vendor's router lets it out all the same.
    stage.masks.insert(ip("10.0.0.1"), ip("203.0.113.254"));
    stage.send(config);
    stage.pass(Span::from_mins(2));
    assert_eq!(stage.core.report().verified, [].into());
    stage.masks.insert(ip("10.0.0.1"), ip("203.0.113.1"));
    stage.pass(Span::from_mins(30));
    assert_eq!(stage.core.report().verified, [subject(1)].into());
}

#[test]
fn counts_alone_are_told_twice_a_minute_at_most_and_never_cost_a_connection() {
    let mut stage = Stage::new(EGRESS, joined());
    stage.send(egress(1, &[(ip("198.51.100.1"), Receiving::Active)]));
    stage.pass(Span::from_mins(1));
    let before = stage.reports().len();
    for n in 1..=120_u64 {
        let counted = Counters { sessions: n, up: n, down: n };
        stage.seen.counters.insert(subject(1), counted);
        stage.seen.sessions.insert(subject(1), n);
        stage.pass(Span::from_secs(5));
    }
    let told = stage.reports().len() - before;
    assert!((16..=21).contains(&told), "{told} reports in ten minutes");
    assert_eq!(stage.count(|d| *d == Deed::GiveUp), 0);
}

#[test]
fn the_end_of_a_drains_last_session_is_told_at_once() {
    let mut stage = Stage::new(EGRESS, joined());
    stage.seen.sessions.insert(subject(1), 3);
    stage.send(egress(1, &[(ip("198.51.100.1"), Receiving::Draining)]));
    stage.pass(Span::from_mins(2));
    stage.seen.sessions.insert(subject(1), 0);
    let ended = stage.now;
    stage.pass(Span::from_secs(8));
    let (at, report) = stage.reports().last().copied().unwrap();
    assert!(at >= ended, "nothing was told");
    assert_eq!(report.sessions[&subject(1)], 0);
}

#[test]
fn a_dead_peer_is_told_at_once_and_a_flapping_one_costs_few_connections() {
    let mut stage = Stage::new(EGRESS, joined());
    let peer = NodeId::from_raw(9);
    stage.seen.peers.insert(peer, PeerHealth::Up);
    stage.pass(Span::from_mins(2));
    stage.seen.peers.insert(peer, PeerHealth::Down);
    stage.pass(Span::from_secs(17));
    assert_eq!(stage.reports().last().unwrap().1.peers[&peer], PeerHealth::Down);
    let before = stage.count(|d| *d == Deed::GiveUp);
    stage.seen.sessions.insert(subject(1), 1);
    for n in 0..600_u32 {
        let health = if n % 2 == 0 { PeerHealth::Up } else { PeerHealth::Down };
        stage.seen.peers.insert(peer, health);
        stage.pass(Span::from_secs(1));
    }
    let given_up = stage.count(|d| *d == Deed::GiveUp) - before;
    assert!(given_up <= 121, "{given_up} connections in ten minutes");
}

#[test]
fn a_problem_is_told_at_once_and_again_when_it_is_over() {
    let mut stage = Stage::new(EGRESS, joined());
    stage.pass(Span::from_mins(2));
    let problem = Problem { part: "transport".to_owned(), message: "it died".to_owned() };
    stage.seen.problems = vec![problem.clone()];
    stage.pass(Span::from_secs(20));
    assert_eq!(stage.reports().last().unwrap().1.problems, [problem]);
    stage.seen.problems.clear();
    stage.pass(Span::from_secs(20));
    assert_eq!(stage.reports().last().unwrap().1.problems, []);
}

#[test]
fn a_report_that_was_not_answered_is_told_again() {
    let mut stage = Stage::new(EGRESS, joined());
    stage.pass(Span::from_mins(2));
    let told = stage.reports().len();
    stage.go_offline();
    stage.pass(Span::from_mins(1));
    stage.online = true;
    stage.pass(Span::from_mins(2));
    assert!(stage.reports().len() > told, "a controller that came back was told nothing");
}

#[test]
fn a_front_door_is_verified_once_its_transport_takes_connections() {
    let mut stage = Stage::new((NODE, Role::Ingress), joined());
    stage.send(ingress(1, ip("198.51.100.1")));
    stage.pass(Span::from_mins(1));
    assert_eq!(stage.core.report().verified.len(), 0);
    stage.listening.insert("shadowsocks".to_owned());
    stage.pass(Span::from_secs(20));
    assert_eq!(stage.reports().last().unwrap().1.verified.len(), 1);
    stage.listening.clear();
    stage.pass(Span::from_mins(5));
    assert_eq!(stage.core.report().verified.len(), 1, "a restart of it is no news");
}

#[test]
fn a_restarted_agent_first_tells_what_it_has_taken_up_again() {
    let address = ip("198.51.100.1");
    let held = Some(egress(4, &[(address, Receiving::Active)]));
    let verified = BTreeMap::from([(address, address)]);
    let mut stage = Stage::new(EGRESS, Memory { held, verified, ..joined() });
    stage.pass(Span::from_mins(1));
    let (_, first) = stage.reports()[0];
    assert_eq!((first.applied, first.verified.len()), (4, 1));
}
