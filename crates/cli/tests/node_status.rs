//! `damm node status`, of what an agent wrote down.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use damm_fleet::{EgressIpId, NodeId, Role, Timestamp};
use damm_node::home::{Home, Status, Tripwire};
use damm_protocol::{Counters, Report};
use support::{Ran, damm};

/// What is printed of an egress node with so many connections that could not be begun.
fn printed(unbegun: u64, options: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let node = NodeId::from_raw(7);
    let address = EgressIpId::from_raw(1).into();
    let report = Report {
        applied: 3,
        sessions: [(address, 12)].into(),
        counters: [(address, Counters { sessions: 70, up: 1_000, down: 9_000 })].into(),
        unbegun,
        ..Report::default()
    };
    let (fleet, role, at) = ("example".to_owned(), Role::Egress, Timestamp::EPOCH);
    let status = Status { fleet, node, role, at, joined: true, alone_for: None, held: 3, report };
    Home::open(dir.path(), node, Tripwire::default()).unwrap().tell(&status).unwrap();
    let state = ["node", "status", "--state", dir.path().to_str().unwrap()];
    Ran::of(damm().args(state).args(options).output().unwrap()).expect(0)
}

#[test]
fn connections_that_could_not_be_begun_are_told_with_what_to_do() {
    let said = printed(1_234, &[]).stdout;
    assert!(said.contains("1234 connections could not be begun"), "{said}");
    assert!(said.contains("more of them are needed"), "{said}");
    assert_eq!(printed(1_234, &["--json"]).json()["report"]["unbegun"], 1_234);
}

#[test]
fn where_all_could_be_begun_nothing_is_said_of_it() {
    let said = printed(0, &[]).stdout;
    assert!(said.contains("generation 3 is applied"), "{said}");
    assert!(!said.contains("begun since"), "{said}");
}
