//! What has drained is taken down, once nothing outside names it any more.

use damm_fleet::{Node, NodeId, Reason, Span, Stage, Subject, Timestamp, Verb, WaitingOn};

use crate::address;
use crate::age;
use crate::builder::Builder;
use crate::policy::{give_up, lost};
use crate::pool::Pool;
use crate::report::Item;
use crate::scene::Scene;

/// Takes down nodes and addresses whose drain has ended.
pub(crate) fn retire_what_has_drained(b: &mut Builder<'_>, pool: &Pool<'_>) {
    for id in b.moving_ids(pool) {
        let Some(node) = b.node(id) else { continue };
        match &node.stage {
            Stage::Draining { since, deadline, .. } => {
                let ended = node_drain_ended(b.s, node, *since, *deadline);
                match ended {
                    Ok(why) => give_up::leave_node(b, id, why, true),
                    Err(on) => b.waits(lost::item(id), &pool.region, Verb::RetireNode, on),
                }
            }
            Stage::Building | Stage::Live { .. } => retire_addresses(b, pool, id),
            Stage::Leaving { .. } => {}
        }
    }
}

/// Why a drained node may be taken down now, or what that has to wait for.
pub(crate) fn node_drain_ended(
    s: &Scene<'_>,
    node: &Node,
    since: Timestamp,
    deadline: Timestamp,
) -> Result<Reason, WaitingOn> {
    let sessions = s.machine(node.id).map_or(0, |m| m.sessions);
    let why = drained(s, sessions, since, deadline)?;
    address::of(node).try_for_each(|a| unnamed(s, a.subject))?;
    Ok(why)
}

/// Why a drained address may be given back now, or what that has to wait for.
pub(crate) fn address_drain_ended(
    s: &Scene<'_>,
    subject: Subject,
    since: Timestamp,
    deadline: Timestamp,
) -> Result<Reason, WaitingOn> {
    let sessions = address::observed(s, subject).map_or(0, |a| a.sessions);
    let why = drained(s, sessions, since, deadline)?;
    unnamed(s, subject)?;
    Ok(why)
}

/// A count of sessions is believed to be zero only this long after the drain began: the agent has
/// to learn that it drains, and to say what it still holds.
const SETTLE: Span = Span::from_mins(1);

fn drained(
    s: &Scene<'_>,
    sessions: u64,
    since: Timestamp,
    deadline: Timestamp,
) -> Result<Reason, WaitingOn> {
    let believed = since + SETTLE;
    match sessions {
        0 if s.now >= deadline.min(believed) => Ok(Reason::Drained),
        0 => Err(WaitingOn::Drain { until: deadline.min(believed), sessions }),
        _ if s.now >= deadline => Ok(Reason::DrainDeadline { sessions }),
        _ => Err(WaitingOn::Drain { until: deadline, sessions }),
    }
}

/// Rule 5: an address is kept while a catalog or a cached DNS answer may still name it.
pub(crate) fn unnamed(s: &Scene<'_>, subject: Subject) -> Result<(), WaitingOn> {
    let Some(seen) = address::observed(s, subject) else {
        return Ok(());
    };
    let future = |t: Option<Timestamp>| t.filter(|until| *until > s.now);
    if let Some(until) = future(seen.named_until) {
        return Err(WaitingOn::CatalogExpiry { until });
    }
    match future(seen.resolvable_until) {
        Some(until) => Err(WaitingOn::DnsExpiry { until }),
        None => Ok(()),
    }
}

fn retire_addresses(b: &mut Builder<'_>, pool: &Pool<'_>, id: NodeId) {
    let Some(node) = b.node(id) else { return };
    // An address that can't be taken from a running machine goes with it.
    let movable = age::node_rotates_addresses(b.s.topology, b.s.offers, node);
    let draining: Vec<(Subject, Timestamp, Timestamp)> = address::of(node)
        .filter_map(|a| match a.stage {
            Stage::Draining { since, deadline, .. } if movable => {
                Some((a.subject, *since, *deadline))
            }
            _ => None,
        })
        .collect();
    for (subject, since, deadline) in draining {
        match address_drain_ended(b.s, subject, since, deadline) {
            Ok(why) => give_up::leave_address(b, id, subject, why, true),
            Err(on) => {
                let verb = address::release_verb(subject);
                b.waits(Item::Subject(subject), &pool.region, verb, on);
            }
        }
    }
}
