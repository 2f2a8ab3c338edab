//! What is dead, or blocked for everybody it serves, leaves service at once.

use damm_fleet::{Node, NodeId, Reason, Span, Subject, Verb};

use crate::address;
use crate::builder::{Builder, advance, drain};
use crate::condition::{self, Condition};
use crate::pool::Pool;
use crate::report::{Decision, Item};

/// Drains dead nodes and addresses, with no time to wait, and burned front doors, with a short one.
///
/// They are the only ones that may leave service before what replaces them stands: nobody reaches
/// them. Their addresses are kept until no catalog names them, or whoever gets them next would see
/// our clients call.
pub(crate) fn take_out_what_is_lost(b: &mut Builder<'_>, pool: &Pool<'_>) {
    for id in b.moving_ids(pool) {
        let Some(node) = b.node(id) else { continue };
        if !node.stage.is_live() {
            continue;
        }
        match condition::of_node(b.s, node) {
            Condition::Dead { since } => {
                drain_node(b, id, Span::ZERO, Reason::Dead { since });
            }
            _ => take_out_addresses(b, pool, id),
        }
    }
}

/// Drains a node, whatever that does to the populations.
fn drain_node(b: &mut Builder<'_>, id: NodeId, after: Span, why: Reason) {
    let now = b.s.now;
    b.edit(id, |n| advance(&mut n.stage, drain(now, after, why.clone())));
    b.tell(id, id.into(), Decision::Act { verb: Verb::DrainNode }, why);
}

fn take_out_addresses(b: &mut Builder<'_>, pool: &Pool<'_>, id: NodeId) {
    let Some(node) = b.node(id) else { return };
    let lost: Vec<(Subject, Span, Reason)> = address::of(node)
        .filter_map(|a| loss(b, pool, node, &a).map(|(after, why)| (a.subject, after, why)))
        .collect();
    for (subject, after, why) in lost {
        let now = b.s.now;
        b.edit(id, |node| {
            if let Some(stage) = address::stage_mut(node, subject) {
                advance(stage, drain(now, after, why.clone()));
            }
        });
        b.tell(id, subject, Decision::Act { verb: address::drain_verb(subject) }, why);
    }
}

/// Why an address leaves service at once, and how long its sessions may live on.
fn loss(
    b: &Builder<'_>,
    pool: &Pool<'_>,
    node: &Node,
    a: &address::Address<'_>,
) -> Option<(Span, Reason)> {
    let burned = a.blocked(b.s, node).everywhere;
    match (a.stage, a.condition(b.s)) {
        (damm_fleet::Stage::Live { .. }, Condition::Dead { since }) => {
            Some((Span::ZERO, Reason::Dead { since }))
        }
        (damm_fleet::Stage::Live { .. }, _) if burned => Some((pool.burned_drain, Reason::Burned)),
        // A door that drains for age and is found burned need not wait so long.
        (damm_fleet::Stage::Draining { deadline, why, .. }, _)
            if burned && *why != Reason::Burned && b.s.now + pool.burned_drain < *deadline =>
        {
            Some((pool.burned_drain, Reason::Burned))
        }
        _ => None,
    }
}

/// The item of a node, for reports.
pub(crate) const fn item(id: NodeId) -> Item {
    Item::Subject(Subject::Node(id))
}
