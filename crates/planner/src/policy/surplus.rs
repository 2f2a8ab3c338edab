//! What stands beyond what the topology wants goes, the least valuable first.

use std::cmp::Reverse;

use damm_fleet::{Duty, Node, NodeId, Reason, Stage, Subject, Timestamp};

use crate::address::{self, Address};
use crate::builder::{Builder, stays};
use crate::choose::Standing;
use crate::policy::breaker::Allowance;
use crate::policy::{fill, give_up, hand_over, lost};
use crate::pool::Pool;
use crate::report::Item;

/// How little a node is worth, the least first: what is not in service yet, what is no longer
/// wanted as it is, what is most blocked, what stands where most stand, what is oldest.
type Worth = (bool, bool, Reverse<usize>, Reverse<u64>, Timestamp, NodeId);

/// Drains or takes down nodes and addresses beyond the target.
pub(crate) fn remove_surplus(b: &mut Builder<'_>, pool: &Pool<'_>) {
    // Counted only when something is surplus: in most plans nothing is.
    let mut allowance = None;
    let have = fill::counted(b, pool);
    for duty in [Duty::Serve, Duty::Standby, Duty::Reserve] {
        remove_nodes(b, pool, &mut allowance, duty, have(duty));
    }
    for id in b.moving_ids(pool) {
        remove_addresses(b, pool, &mut allowance, id);
    }
}

fn remove_nodes(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    allowance: &mut Option<Allowance>,
    duty: Duty,
    have: usize,
) {
    let want = pool.want(duty);
    if have <= want {
        return;
    }
    let why = Reason::Surplus { have: have as u32, want: want as u32 };
    for id in least_valuable(b, pool, duty).into_iter().take(have - want) {
        remove_node(b, pool, allowance, id, why.clone());
    }
}

fn least_valuable(b: &Builder<'_>, pool: &Pool<'_>, duty: Duty) -> Vec<NodeId> {
    let standing = Standing::of(b, pool);
    let removable = |n: &&Node| {
        let paired = b.replacement(n.id).is_some() || is_second(b, n) || just_took_over(b, n);
        n.duty == duty && stays(&n.stage) && n.reason != Reason::Operator && !paired
    };
    let nodes = b.pool(pool).into_iter().filter(removable);
    let mut ranked: Vec<Worth> = nodes.map(|n| worth(b, pool, &standing, n)).collect();
    ranked.sort();
    ranked.into_iter().map(|(.., id)| id).collect()
}

/// Whether it was made to replace one that still stays.
fn is_second(b: &Builder<'_>, node: &Node) -> bool {
    node.replaces.and_then(|old| b.node(old)).is_some_and(|old| stays(&old.stage))
}

/// Whether what it replaced still drains because of it: it would not have had to.
fn just_took_over(b: &Builder<'_>, node: &Node) -> bool {
    let old = node.replaces.and_then(|old| b.node(old));
    old.is_some_and(|old| gave_way_to(&old.stage, node.id.into()))
}

fn gave_way_to(stage: &Stage, new: Subject) -> bool {
    matches!(stage, Stage::Draining { why: Reason::Replaced { by }, .. } if *by == new.to_string())
}

fn worth(b: &Builder<'_>, pool: &Pool<'_>, standing: &Standing, node: &Node) -> Worth {
    let blocked = address::of(node).filter(|a| a.blocked(b.s, node).anywhere()).count();
    let crowd = standing.at(&node.provider);
    let wanted = pool.drift(b.s.topology, node).is_none();
    (node.stage.is_live(), wanted, Reverse(blocked), Reverse(crowd), node.created_at, node.id)
}

fn remove_node(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    allowance: &mut Option<Allowance>,
    id: NodeId,
    why: Reason,
) {
    let Some(node) = b.node(id) else { return };
    // Nobody was told of what is not in service: there is nothing to drain.
    if node.stage.is_building() || node.duty != Duty::Serve {
        let counts = !crate::policy::forget::is_gone(b.s, node);
        return give_up::leave_node(b, id, why, counts);
    }
    let unit = address::of(node).count().max(1);
    let allowance = allowance.get_or_insert_with(|| Allowance::of(b, pool));
    match allowance.admits(unit) {
        true => {
            allowance.take(unit);
            hand_over::drain_node(b, pool, id, why);
        }
        false => {
            let verb = damm_fleet::Verb::DrainNode;
            b.waits(lost::item(id), &pool.region, verb, allowance.waiting());
        }
    }
}

/// Drains a node that was made by hand and is due; nothing follows it. Whether it was drained.
pub(crate) fn drain_extra(b: &mut Builder<'_>, pool: &Pool<'_>, id: NodeId) -> bool {
    let why = Reason::Surplus { have: pool.live as u32 + 1, want: pool.live as u32 };
    hand_over::drain_node(b, pool, id, why);
    b.node(id).is_some_and(|n| n.stage.is_draining())
}

fn remove_addresses(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    allowance: &mut Option<Allowance>,
    id: NodeId,
) {
    let Some(node) = b.node(id) else { return };
    let counted = address::counted(node);
    let (have, want) = (counted.len(), pool.per_node());
    if !stays(&node.stage) || pool.profile.is_none() || have <= want {
        return;
    }
    let why = Reason::Surplus { have: have as u32, want: want as u32 };
    for (subject, live) in extra(b, node, counted, have - want) {
        remove_address(b, pool, allowance, id, subject, live, why.clone());
    }
}

/// The least valuable of a node's addresses: not in service yet, blocked, oldest.
fn extra(
    b: &Builder<'_>,
    node: &Node,
    mut counted: Vec<Address<'_>>,
    count: usize,
) -> Vec<(Subject, bool)> {
    let just_took_over = |a: &Address<'_>| {
        let old = address::of(node).find(|o| Some(o.subject) == a.replaces);
        old.is_some_and(|old| gave_way_to(old.stage, a.subject))
    };
    counted.retain(|a| !just_took_over(a));
    counted.sort_by_key(|a| {
        let sound = !a.blocked(b.s, node).anywhere();
        (a.stage.is_live(), sound, a.created_at, a.subject)
    });
    counted.iter().take(count).map(|a| (a.subject, a.stage.is_live())).collect()
}

fn remove_address(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    allowance: &mut Option<Allowance>,
    id: NodeId,
    subject: Subject,
    live: bool,
    why: Reason,
) {
    if !live {
        return give_up::leave_address(b, id, subject, why, true);
    }
    let allowance = allowance.get_or_insert_with(|| Allowance::of(b, pool));
    match allowance.admits(1) {
        true => {
            allowance.take(1);
            hand_over::drain_address(b, id, subject, pool.drain, why);
        }
        false => {
            let verb = address::drain_verb(subject);
            b.waits(Item::Subject(subject), &pool.region, verb, allowance.waiting());
        }
    }
}
