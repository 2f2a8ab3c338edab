//! What a node costs at rest.

use damm_fleet::Span;
use damm_protocol::{Counters, Report, SyncRequest};

use super::stage::Stage;
use super::*;
use crate::agent::Deed;
use crate::desk::Desk;
use crate::home::{Home, Joined, Memory, Tripwire};

/// Headers of IPv6 and TCP with its timestamps, for each of an exchange's packets: a request, its
/// acknowledgement, an answer, its acknowledgement.
const HEADERS: u64 = 4 * (40 + 32);

/// A segment's payload.
const SEGMENT: u64 = 1_380;

fn addresses(count: u8) -> Vec<(IpAddr, Receiving)> {
    (0..count).map(|n| (IpAddr::from([198, 51, 100, n]), Receiving::Active)).collect()
}

/// What an hour at rest says, of an egress node with so many addresses.
fn hour(count: u8) -> Vec<(Option<Report>, u64)> {
    let config = egress(1, &addresses(count));
    let RoleConfig::Egress(role) = &config.role else { unreachable!() };
    let verified = role.addresses.values().map(|a| (a.address, a.address)).collect();
    let counters = role
        .addresses
        .keys()
        .map(|id| ((*id).into(), Counters { sessions: 1_000_000, up: 1 << 40, down: 1 << 43 }));
    let seen = crate::dataplane::Observation {
        sessions: role.addresses.keys().map(|id| ((*id).into(), 0)).collect(),
        counters: counters.collect(),
        ..Default::default()
    };
    let joined = Some(Joined { transports: BTreeMap::new() });
    let memory = Memory { joined, held: Some(config), verified, ..Memory::default() };
    let mut stage = Stage::new(EGRESS, memory);
    stage.seen = seen;
    stage.pass(Span::from_mins(5));
    let before = stage.syncs().len();
    stage.pass(Span::from_hours(1));
    assert_eq!(stage.count(|d| *d == Deed::GiveUp), 0);
    let syncs = stage.syncs();
    syncs[before..].iter().map(|(_, ahead)| (ahead.report.clone(), ahead.have)).collect()
}

/// What these requests and their answers come to on the wire, in bytes.
async fn weighed(said: Vec<(Option<Report>, u64)>) -> u64 {
    let desk = Desk::open("once").await;
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open(dir.path(), NODE, Tripwire::default()).unwrap();
    let key = home.keys().identity();
    desk.change(|b| b.identity = Some(key.public()));
    let link = desk.link();
    let mut total = 0;
    for (sequence, (report, have)) in (1_000_000..).zip(said) {
        let before = desk.bytes();
        let wait = Span::ZERO;
        let request = SyncRequest { node: NODE, sequence, have, report, transports: None, wait };
        link.sync(&key, &request).await.unwrap();
        let bytes = desk.bytes() - before;
        total += bytes + HEADERS + bytes / SEGMENT * (HEADERS / 2);
    }
    assert_eq!(desk.connections(), 1);
    total
}

#[tokio::test]
async fn a_node_at_rest_costs_less_than_a_hundred_bytes_a_second() {
    for count in [1, 8, 64, 255] {
        let said = hour(count);
        assert!((58..=75).contains(&said.len()), "{} requests in an hour", said.len());
        let rate = weighed(said).await / 3600;
        println!("{count} addresses: {rate} B/s");
        assert!(rate < 100, "{count} addresses: {rate} B/s");
    }
}
