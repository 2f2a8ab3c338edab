//! What is replaced drains once its replacement is verified and in service.

use std::collections::BTreeMap;

use damm_fleet::{Duty, Node, NodeId, Reason, Span, Stage, Subject, Verb, WaitingOn};

use crate::address::{self, Address};
use crate::builder::{Builder, advance, drain, stays};
use crate::condition;
use crate::policy::{give_up, lost};
use crate::pool::Pool;
use crate::report::{Decision, Item};

/// Drains nodes and addresses whose replacements are in service: make before break.
pub(crate) fn hand_over(b: &mut Builder<'_>, pool: &Pool<'_>) {
    for id in b.moving_ids(pool) {
        let Some(node) = b.node(id) else { continue };
        if !node.stage.is_live() {
            continue;
        }
        match b.replacement(id) {
            Some(new) => {
                let (by, ready) = (new.id, takes_over(b, new, node));
                hand_over_node(b, pool, id, by, ready);
            }
            None => hand_over_addresses(b, pool, id),
        }
    }
}

/// Whether `new` is verified and offers as much as `old` does, or as much as it ever will.
fn takes_over(b: &Builder<'_>, new: &Node, old: &Node) -> bool {
    let live = |n: &Node| address::of(n).filter(|a| a.stage.is_live()).count();
    let coming = address::of(new).any(|a| a.stage.is_building());
    let enough = live(new) >= live(old) || (live(new) > 0 && !coming);
    new.stage.is_live() && condition::of_node(b.s, new).is_sound() && enough
}

fn hand_over_node(b: &mut Builder<'_>, pool: &Pool<'_>, id: NodeId, by: NodeId, ready: bool) {
    let Some(node) = b.node(id) else { return };
    if !ready {
        let on = WaitingOn::Replacement { node: by };
        return b.waits(lost::item(id), &pool.region, Verb::DrainNode, on);
    }
    let why = Reason::Replaced { by: by.to_string() };
    match node.duty {
        Duty::Serve => drain_node(b, pool, id, why),
        // Nobody was ever told of it.
        Duty::Standby | Duty::Reserve => give_up::leave_node(b, id, why, true),
    }
}

/// Drains a node by choice.
pub(crate) fn drain_node(b: &mut Builder<'_>, pool: &Pool<'_>, id: NodeId, why: Reason) {
    let (now, after) = (b.s.now, pool.drain);
    let drained = b.try_edit(id, |n| advance(&mut n.stage, drain(now, after, why.clone())));
    match drained {
        Ok(()) => b.tell(id, id.into(), Decision::Act { verb: Verb::DrainNode }, why),
        Err(on) => b.waits(lost::item(id), &pool.region, Verb::DrainNode, on),
    }
}

/// An address that is live, and the one of the same node that was made to replace it.
struct Pair {
    old: Subject,
    new: Subject,
    ready: bool,
    burned: bool,
}

/// Of several that were made to replace the same one, the latest counts: the others had to be
/// replaced before they could take over.
fn pairs(b: &Builder<'_>, node: &Node) -> Vec<Pair> {
    let mut latest: BTreeMap<Subject, Address<'_>> = BTreeMap::new();
    for new in address::of(node).filter(|a| stays(a.stage)) {
        let Some(old) = new.replaces else { continue };
        let known = latest.entry(old).or_insert(new);
        if (new.created_at, new.subject) > (known.created_at, known.subject) {
            *known = new;
        }
    }
    let pair = |(old, new): (Subject, Address<'_>)| {
        let old = address::of(node).find(|a| a.subject == old && a.stage.is_live())?;
        let ready = new.stage.is_live() && new.condition(b.s).is_sound();
        let burned = old.blocked(b.s, node).everywhere;
        Some(Pair { old: old.subject, new: new.subject, ready, burned })
    };
    latest.into_iter().filter_map(pair).collect()
}

fn hand_over_addresses(b: &mut Builder<'_>, pool: &Pool<'_>, id: NodeId) {
    let Some(node) = b.node(id) else { return };
    for pair in pairs(b, node) {
        let after = if pair.burned { pool.burned_drain } else { pool.drain };
        match pair.ready {
            true => {
                let why = Reason::Replaced { by: pair.new.to_string() };
                drain_address(b, id, pair.old, after, why);
            }
            false => {
                let (on, would) = (awaited(pair.new), address::drain_verb(pair.old));
                b.waits(Item::Subject(pair.old), &pool.region, would, on);
            }
        }
    }
}

/// Drains an address by choice.
pub(crate) fn drain_address(
    b: &mut Builder<'_>,
    id: NodeId,
    subject: Subject,
    after: Span,
    why: Reason,
) {
    let Some(node) = b.node(id) else { return };
    let (now, region) = (b.s.now, node.region.clone());
    let drained = b.try_edit(id, |node| {
        if let Some(stage @ Stage::Live { .. }) = address::stage_mut(node, subject) {
            advance(stage, drain(now, after, why.clone()));
        }
    });
    let verb = address::drain_verb(subject);
    match drained {
        Ok(()) => b.tell(id, subject, Decision::Act { verb }, why),
        Err(on) => b.waits(Item::Subject(subject), &region, verb, on),
    }
}

const fn awaited(new: Subject) -> WaitingOn {
    match new {
        Subject::Frontdoor(door) => WaitingOn::ReplacementDoor { door },
        Subject::EgressIp(ip) => WaitingOn::ReplacementIp { ip },
        Subject::Node(node) => WaitingOn::Replacement { node },
    }
}
