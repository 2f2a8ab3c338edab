//! What is blocked, no longer wanted as it is, or too old is replaced: its replacement is made.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use damm_fleet::inventory::ObservedAddress;
use damm_fleet::{Duty, Frontdoor, Node, NodeId, PopulationName, Reason, Role, Subject, Timestamp};

use crate::address::{self, Address};
use crate::age;
use crate::builder::{Builder, stays};
use crate::choose::Standing;
use crate::condition;
use crate::policy::breaker::Allowance;
use crate::policy::{fill, surplus};
use crate::pool::Pool;
use crate::report::Item;

/// What a population has too few of, as reasons say it.
const PREFIXES: &str = "prefixes";

/// Why something is replaced, in the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Blocked,
    Changed,
    Diversity,
    Exposed,
    Aged,
}

/// Something that is to be replaced. Ordered by urgency, then by how long it has been due, then by
/// id.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    urgency: Urgency,
    due: Timestamp,
    subject: Subject,
    node: NodeId,
    why: Reason,
}

impl Candidate {
    fn rank(&self) -> (Urgency, Timestamp, Subject) {
        (self.urgency, self.due, self.subject)
    }
}

/// Starts as many replacements as the disruption budget admits, the most urgent first.
pub(crate) fn replace(b: &mut Builder<'_>, pool: &Pool<'_>) {
    // Counted only when something is due or blocked: in most plans nothing is.
    let standing = OnceCell::new();
    let mut candidates = candidates(b, pool, &standing);
    if candidates.is_empty() {
        return;
    }
    candidates.sort_by_key(Candidate::rank);
    let mut standing = standing.into_inner().unwrap_or_else(|| Standing::of(b, pool));
    let mut allowance = Allowance::of(b, pool);
    // Once one has to wait, none overtakes it: or a node would wait for ever behind addresses.
    let mut full = false;
    for candidate in candidates {
        let unit = match candidate.subject {
            Subject::Node(_) => pool.per_node().max(1),
            Subject::Frontdoor(_) | Subject::EgressIp(_) => 1,
        };
        let serves = b.node(candidate.node).is_some_and(|n| n.duty == Duty::Serve);
        full |= serves && !allowance.admits(unit);
        if serves && full {
            let (item, would) =
                (Item::Subject(candidate.subject), address::drain_verb(candidate.subject));
            b.waits(item, &pool.region, would, allowance.waiting());
        } else if start(b, pool, &mut standing, candidate) && serves {
            allowance.take(unit);
        }
    }
}

/// Starts one replacement; tells why when it can't.
fn start(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    standing: &mut Standing,
    candidate: Candidate,
) -> bool {
    let Candidate { subject, node, why, .. } = candidate;
    let started = match subject {
        Subject::Node(id) => start_node(b, pool, standing, id, why),
        Subject::Frontdoor(_) | Subject::EgressIp(_) => {
            // A replacement that has to be replaced before it took over: see `start_node`.
            let address = b.node(node).and_then(|n| address::of(n).find(|a| a.subject == subject));
            let first = address.zip(b.node(node)).and_then(|(a, n)| original(n, &a));
            let replaces = Some(first.unwrap_or(subject));
            fill::add_address(b, pool, node, replaces, why).map(|made| made.is_some())
        }
    };
    started.unwrap_or_else(|on| {
        b.waits(Item::Subject(subject), &pool.region, address::drain_verb(subject), on);
        false
    })
}

fn start_node(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    standing: &mut Standing,
    id: NodeId,
    why: Reason,
) -> Result<bool, damm_fleet::WaitingOn> {
    let Some(node) = b.node(id) else {
        return Ok(false);
    };
    let (duty, provider) = (node.duty, node.provider.clone());
    // What the operator made by hand stands on top of the target: it goes and nothing follows it.
    if node.reason == Reason::Operator {
        return Ok(surplus::drain_extra(b, pool, id));
    }
    // A replacement that has to be replaced before it took over: the new one is for the same node.
    let first = node.replaces.filter(|old| b.node(*old).is_some_and(|n| stays(&n.stage)));
    standing.remove(&provider);
    let made = fill::add_node(b, pool, standing, duty, Some(first.unwrap_or(id)), why);
    if made.is_err() {
        standing.add(&provider);
    }
    made.map(|_| true)
}

fn candidates(b: &Builder<'_>, pool: &Pool<'_>, standing: &OnceCell<Standing>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let moving = b.moving_ids(pool).into_iter().filter_map(|id| b.node(id));
    for node in moving.filter(|n| n.stage.is_live()) {
        // A pool whose region has left the topology has nothing to replace with.
        if pool.profile.is_none() || b.replacement(node.id).is_some() || is_superseded(b, node) {
            continue;
        }
        match whole_node(b, pool, standing, node) {
            Some(candidate) => candidates.push(candidate),
            None => candidates.extend(single_addresses(b, pool, node)),
        }
    }
    candidates.extend(crowded(b, pool));
    candidates
}

/// Whether a node or any of its addresses would have to be replaced, if nothing else was on its
/// way.
pub(crate) fn is_due(b: &Builder<'_>, pool: &Pool<'_>, node: &Node) -> bool {
    let whole = || whole_node(b, pool, &OnceCell::new(), node).is_some();
    pool.profile.is_some() && (whole() || !single_addresses(b, pool, node).is_empty())
}

/// Whether the node that it was made to replace still stands, and another is to replace that now.
fn is_superseded(b: &Builder<'_>, node: &Node) -> bool {
    let old = node.replaces.and_then(|old| b.node(old)).filter(|old| stays(&old.stage));
    let other = old.and_then(|old| b.replacement(old.id));
    other.is_some_and(|other| other.id != node.id)
}

/// Why a node has to be replaced as a whole.
fn whole_node(
    b: &Builder<'_>,
    pool: &Pool<'_>,
    standing: &OnceCell<Standing>,
    node: &Node,
) -> Option<Candidate> {
    let candidate = |urgency, due, why| {
        Some(Candidate { urgency, due, subject: node.id.into(), node: node.id, why })
    };
    if let Some(why) = blocked_node(b, pool, standing, node) {
        return candidate(Urgency::Blocked, node.created_at, why);
    }
    if let Some(what) = pool.drift(b.s.topology, node) {
        return candidate(Urgency::Changed, node.created_at, Reason::TopologyChanged { what });
    }
    if let Some(why) = crippled(b, pool, node) {
        return candidate(Urgency::Blocked, node.created_at, why);
    }
    if let Some((due, why)) = exposed_node(b, node) {
        return candidate(Urgency::Exposed, due, why);
    }
    let expiry = age::node_expiry(b.s.topology, b.s.offers, node).filter(|e| *e <= b.s.now)?;
    candidate(Urgency::Aged, expiry, Reason::Aged { limit: expiry.since(node.created_at) })
}

/// Blocked doors make the node itself due where its addresses can't be exchanged, and where so much
/// of its provider is blocked that a new address there would hardly fare better.
fn blocked_node(
    b: &Builder<'_>,
    pool: &Pool<'_>,
    standing: &OnceCell<Standing>,
    node: &Node,
) -> Option<Reason> {
    // Nearly all nodes stand here: no door of theirs is blocked.
    let live = || node.frontdoors.values().filter(|d| d.stage.is_live());
    if live().all(|d| !condition::blocked(b.s, &node.region, d).anywhere()) {
        return None;
    }
    let doors = live();
    let all: Vec<_> = doors.map(|d| condition::blocked(b.s, &node.region, d)).collect();
    let blocked = all.iter().filter(|x| x.anywhere()).count();
    let movable = age::node_rotates_addresses(b.s.topology, b.s.offers, node);
    let standing = standing.get_or_init(|| Standing::of(b, pool));
    let hopeless = blocked == all.len() && standing.is_burnt(&node.provider);
    if movable && !hopeless {
        return None;
    }
    let networks: BTreeSet<_> = all.iter().flat_map(|x| x.networks()).collect();
    Some(Reason::Blocked { networks: networks.into_iter().collect() })
}

/// The door of a node that became due first for how many know of it, where the node itself has to
/// go with it.
fn exposed_node(b: &Builder<'_>, node: &Node) -> Option<(Timestamp, Reason)> {
    b.s.topology.catalog.exposure_budget?;
    if age::node_rotates_addresses(b.s.topology, b.s.offers, node) {
        return None;
    }
    let live = address::of(node).filter(|a| a.stage.is_live());
    live.filter_map(|a| a.exposed(b.s)).min_by_key(|(due, _)| *due)
}

/// A node that has lost addresses and can't be given new ones.
fn crippled(b: &Builder<'_>, pool: &Pool<'_>, node: &Node) -> Option<Reason> {
    if age::node_rotates_addresses(b.s.topology, b.s.offers, node) {
        return None;
    }
    let (have, want) = (address::counted(node).len() as u32, pool.per_node() as u32);
    (have < want).then_some(Reason::BelowTarget { have, want })
}

fn single_addresses(b: &Builder<'_>, pool: &Pool<'_>, node: &Node) -> Vec<Candidate> {
    if !age::node_rotates_addresses(b.s.topology, b.s.offers, node) {
        return Vec::new();
    }
    let replaced = |a: &Address<'_>| {
        address::of(node).any(|o| o.replaces == Some(a.subject) && !o.stage.is_leaving())
    };
    // The address that it was made to replace still stands, and another is to replace that now.
    let superseded = |a: &Address<'_>| {
        let mut others = address::of(node).filter(|o| o.subject != a.subject && stays(o.stage));
        original(node, a).is_some_and(|old| others.any(|o| o.replaces == Some(old)))
    };
    let live = address::of(node).filter(|a| a.stage.is_live());
    live.filter(|a| !replaced(a) && !superseded(a)).filter_map(|a| due(b, pool, node, &a)).collect()
}

/// The address that this one was made to replace, while that still stands.
fn original(node: &Node, a: &Address<'_>) -> Option<Subject> {
    let stands = |old: &Subject| address::of(node).any(|o| o.subject == *old && stays(o.stage));
    a.replaces.filter(stands)
}

/// Why an address has to be replaced.
fn due(b: &Builder<'_>, pool: &Pool<'_>, node: &Node, a: &Address<'_>) -> Option<Candidate> {
    let candidate = |urgency, due, why| {
        Some(Candidate { urgency, due, subject: a.subject, node: node.id, why })
    };
    let blocked = a.blocked(b.s, node);
    if blocked.anywhere() {
        let networks = blocked.networks();
        return candidate(Urgency::Blocked, a.created_at, Reason::Blocked { networks });
    }
    if let Some(what) = a.drift(pool) {
        return candidate(Urgency::Changed, a.created_at, Reason::TopologyChanged { what });
    }
    if let Some((due, why)) = a.exposed(b.s) {
        return candidate(Urgency::Exposed, due, why);
    }
    let limit = a.limit(b.s.topology);
    let expiry = a.created_at + limit;
    (expiry <= b.s.now).then(|| candidate(Urgency::Aged, expiry, Reason::Aged { limit })).flatten()
}

/// One door of the most crowded prefix, for a population whose doors stand in too few of them while
/// nothing else is on its way.
///
/// An account that was asked for that reason and gave an address of the same prefix again is not
/// asked until that door has gone, by its age at the latest: it may have no other prefix to give,
/// and doors would be exchanged without end.
fn crowded(b: &Builder<'_>, pool: &Pool<'_>) -> Option<Candidate> {
    if pool.role != Role::Ingress {
        return None;
    }
    let population = lacks_prefixes(b, pool)?;
    let nodes = b.pool(pool);
    let coming = |n: &&Node| n.stage.is_building() || address::of(n).any(|a| a.stage.is_building());
    if nodes.iter().any(coming) {
        return None;
    }
    let tally = b.tallies.0.get(&population)?;
    let (prefix, _) = tally.prefixes.iter().max_by_key(|(_, n)| **n)?;
    let there = |d: &Frontdoor| {
        address::observed(b.s, d.id.into()).and_then(ObservedAddress::prefix) == Some(*prefix)
    };
    let in_vain = |n: &&&Node| n.served_doors().any(|d| for_other_prefixes(d) && there(d));
    let in_vain: BTreeSet<_> = nodes.iter().filter(in_vain).map(|n| &n.provider).collect();
    let movable = |n: &&&Node| {
        age::node_rotates_addresses(b.s.topology, b.s.offers, n) && !in_vain.contains(&n.provider)
    };
    let doors = nodes.iter().filter(movable).flat_map(|n| n.served_doors().map(|d| (n.id, d)));
    let (node, door) = doors.filter(|(_, d)| there(d)).min_by_key(|(_, d)| d.created_at)?;
    let why = Reason::Diversity { population, what: PREFIXES.to_owned() };
    let (urgency, due, subject) = (Urgency::Diversity, door.created_at, door.id.into());
    Some(Candidate { urgency, due, subject, node, why })
}

fn for_other_prefixes(door: &Frontdoor) -> bool {
    matches!(&door.reason, Reason::Diversity { what, .. } if what == PREFIXES)
}

fn lacks_prefixes(b: &Builder<'_>, pool: &Pool<'_>) -> Option<PopulationName> {
    let mut served = b.s.topology.served_by(&pool.region);
    let lacks = served.find(|(name, p)| {
        let tally = b.tallies.0.get(*name);
        tally.is_some_and(|t| t.fronts > 1 && (t.prefixes.len() as u32) < p.min_prefixes)
    });
    lacks.map(|(name, _)| name.clone())
}
