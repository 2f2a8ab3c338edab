//! What did not come up is given up.

use damm_fleet::stage::StageEvent;
use damm_fleet::{Node, NodeId, Phase, Reason, Subject, Timestamp, Verb, WaitingOn};

use crate::address;
use crate::builder::{Builder, advance};
use crate::condition::{self, Condition};
use crate::policy::forget;
use crate::pool::Pool;
use crate::report::{Decision, Item};

/// Takes down nodes and addresses that failed while they were being made. Nobody was told of them,
/// so nothing is drained; what takes their place is the next steps' to decide.
pub(crate) fn give_up_what_failed(b: &mut Builder<'_>, pool: &Pool<'_>) {
    for id in b.moving_ids(pool) {
        let Some(node) = b.node(id) else { continue };
        let building = node.stage.is_building();
        match failure(condition::of_node(b.s, node)).filter(|_| building) {
            Some(why) => give_up_node(b, id, why),
            None => give_up_addresses(b, id),
        }
    }
}

fn failure(condition: Condition) -> Option<Reason> {
    match condition {
        Condition::Failed(why) => Some(why),
        Condition::Dead { since } => Some(Reason::Dead { since }),
        _ => None,
    }
}

fn give_up_node(b: &mut Builder<'_>, id: NodeId, why: Reason) {
    let Some(node) = b.node(id) else { return };
    // What its provider never made is no destruction.
    let counts = !forget::is_gone(b.s, node);
    leave_node(b, id, why, counts);
}

/// Makes a node leave, within the cap on destroys where it counts.
pub(crate) fn leave_node(b: &mut Builder<'_>, id: NodeId, why: Reason, counts: bool) {
    let Some(node) = b.node(id) else { return };
    let region = node.region.clone();
    let item = Item::Subject(id.into());
    if let Err(on) = if counts { b.take_destroy() } else { Ok(()) } {
        return b.waits(item, &region, Verb::RetireNode, on);
    }
    let at = b.s.now;
    b.edit(id, |n| advance(&mut n.stage, StageEvent::Leave { at, why: why.clone() }));
    b.tell(id, id.into(), Decision::Act { verb: Verb::RetireNode }, why);
}

fn give_up_addresses(b: &mut Builder<'_>, id: NodeId) {
    let Some(node) = b.node(id) else { return };
    if node.stage.is_leaving() || node.stage.is_draining() {
        return;
    }
    let building = address::of(node).filter(|a| a.stage.is_building());
    let failed: Vec<(Subject, Reason)> = building
        .filter(|a| !awaits_its_node(b, node, a.created_at))
        .filter_map(|a| Some((a.subject, failure(a.condition(b.s))?)))
        .collect();
    for (subject, why) in failed {
        let phase = address::observed(b.s, subject).map(|a| a.phase);
        let counts = phase.is_some_and(Phase::may_exist);
        leave_address(b, id, subject, why, counts);
    }
}

/// An address that came with its node can't be verified before the node's agent has joined: it is
/// late only once the node is there.
fn awaits_its_node(b: &Builder<'_>, node: &Node, created_at: Timestamp) -> bool {
    match node.stage {
        damm_fleet::Stage::Live { since } if created_at <= since => {
            b.s.now.since(since) < b.s.topology.rotation.join_timeout
        }
        damm_fleet::Stage::Building => true,
        _ => false,
    }
}

/// Makes an address leave, within the cap on destroys where it counts.
pub(crate) fn leave_address(
    b: &mut Builder<'_>,
    id: NodeId,
    subject: Subject,
    why: Reason,
    counts: bool,
) {
    let Some(node) = b.node(id) else { return };
    let (region, verb) = (node.region.clone(), address::release_verb(subject));
    if let Err(on) = if counts { b.take_destroy() } else { Ok::<(), WaitingOn>(()) } {
        return b.waits(Item::Subject(subject), &region, verb, on);
    }
    let at = b.s.now;
    b.edit(id, |node| {
        if let Some(stage) = address::stage_mut(node, subject) {
            advance(stage, StageEvent::Leave { at, why: why.clone() });
        }
    });
    b.tell(id, subject, Decision::Act { verb }, why);
}
