//! Which doors to try, in which order. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{FrontdoorId, Span, Timestamp};
use damm_formats::Door;
use sha2::{Digest as _, Sha256};

use crate::profile::Known;

/// The next door is tried after so long, while the one before has not answered yet. Longer than
/// between two families of addresses (250 ms, RFC 8305), as the ways are slow where this is needed.
pub const STAGGER: Span = Span::from_secs(2);

/// What worked so lately probably still does.
const LATELY: Span = Span::from_days(1);

/// Doors in the order in which to try them.
pub type Plan = Vec<Door>;

/// Orders doors: what worked lately first, then what was not tried, then what failed, the least
/// often first. Among equals chance decides, by the client's own seed, so that not all clients go
/// to the same door; and each is as unlike those before it as can be, in what it speaks and in its
/// network, so that one cause rarely stops the first few.
pub fn plan(
    doors: Vec<Door>,
    known: &BTreeMap<FrontdoorId, Known>,
    seed: u64,
    now: Timestamp,
) -> Plan {
    let rank = |door: &Door| {
        let known = known.get(&door.id).copied().unwrap_or_default();
        (class(&known, now), known.misses, chance(seed, door.id))
    };
    let mut rest = doors;
    rest.sort_by_cached_key(rank);
    let mut plan = Vec::with_capacity(rest.len());
    while let Some(first) = rest.first() {
        let best = class_of(first, known, now);
        let same = rest.iter().take_while(|door| class_of(door, known, now) == best);
        let next = same.enumerate().min_by_key(|(_, door)| likeness(door, &plan));
        plan.push(rest.remove(next.map_or(0, |(at, _)| at)));
    }
    plan
}

fn class_of(door: &Door, known: &BTreeMap<FrontdoorId, Known>, now: Timestamp) -> u8 {
    class(&known.get(&door.id).copied().unwrap_or_default(), now)
}

fn class(known: &Known, now: Timestamp) -> u8 {
    let lately = |at: Option<Timestamp>| at.is_some_and(|at| now.since(at) <= LATELY);
    match known {
        known if lately(known.worked) && known.worked >= known.failed => 0,
        known if lately(known.failed) => 2,
        _ => 1,
    }
}

/// How much a door is like the two that come before it.
fn likeness(door: &Door, before: &[Door]) -> usize {
    let alike = |other: &Door| {
        usize::from(other.speaks() == door.speaks())
            + 2 * usize::from(network(other.address) == network(door.address))
    };
    before.iter().rev().take(2).map(alike).sum()
}

/// The first half of an address: about what one network has.
fn network(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(v4) => [v4.octets()[0], v4.octets()[1], 0, 0],
        IpAddr::V6(v6) => std::array::from_fn(|i| v6.octets()[i]),
    }
}

fn chance(seed: u64, door: FrontdoorId) -> [u8; 32] {
    let hash = Sha256::new().chain_update(seed.to_be_bytes());
    hash.chain_update(door.raw().to_be_bytes()).finalize().into()
}
