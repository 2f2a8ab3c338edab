//! What was verified comes into service.

use damm_fleet::stage::StageEvent;
use damm_fleet::{Node, NodeId, Reason, Role, Stage, Subject, Verb, WaitingOn};

use crate::address;
use crate::builder::{Builder, advance};
use crate::condition::{self, Condition};
use crate::policy::{give_up, vet};
use crate::report::{Decision, Item};

/// Moves what is being built and was verified on to `Live`, and says what is still awaited.
pub(crate) fn admit_what_is_verified(b: &mut Builder<'_>) {
    let ids: Vec<NodeId> = b.bp.nodes.keys().copied().collect();
    for id in ids {
        let Some(node) = b.node(id) else { continue };
        match node.stage {
            Stage::Building => admit_node(b, id),
            Stage::Live { .. } => admit_addresses(b, id, true),
            Stage::Draining { .. } | Stage::Leaving { .. } => {}
        }
    }
}

fn admit_node(b: &mut Builder<'_>, id: NodeId) {
    let Some(node) = b.node(id) else { return };
    match condition::of_node(b.s, node) {
        Condition::Sound => {
            let at = b.s.now;
            b.edit(id, |n| advance(&mut n.stage, StageEvent::Verified { at }));
            b.tell(id, id.into(), Decision::Verified, Reason::Verified);
            admit_addresses(b, id, false);
        }
        Condition::Coming { since } => {
            let (region, would) = (node.region.clone(), create_verb(node));
            let on = WaitingOn::Verification { since };
            b.waits(Item::Subject(id.into()), &region, would, on);
        }
        Condition::Ambiguous => {
            let (region, would) = (node.region.clone(), create_verb(node));
            b.waits(Item::Subject(id.into()), &region, would, WaitingOn::OperatorDecision);
        }
        Condition::Unhealthy | Condition::Failed(_) | Condition::Dead { .. } => {}
    }
}

const fn create_verb(node: &Node) -> Verb {
    match node.role {
        Role::Ingress => Verb::CreateIngress,
        Role::Egress => Verb::CreateEgress,
    }
}

/// Addresses that come up with their node are told of with it; later ones one by one.
fn admit_addresses(b: &mut Builder<'_>, id: NodeId, tell: bool) {
    let Some(node) = b.node(id) else { return };
    let (role, region) = (node.role, node.region.clone());
    let building: Vec<(Subject, Condition)> = address::of(node)
        .filter(|a| a.stage.is_building())
        .map(|a| (a.subject, a.condition(b.s)))
        .collect();
    for (subject, condition) in building {
        let would = address::allocate_verb(role);
        match condition {
            Condition::Sound => match vet::against(b, id, subject) {
                // What is being made may exist, so taking it down counts.
                Some(why) => give_up::leave_address(b, id, subject, why, true),
                None => admit_address(b, id, subject, tell),
            },
            Condition::Coming { since } => {
                let on = WaitingOn::Verification { since };
                b.waits(Item::Subject(subject), &region, would, on);
            }
            Condition::Ambiguous => {
                b.waits(Item::Subject(subject), &region, would, WaitingOn::OperatorDecision);
            }
            Condition::Unhealthy | Condition::Failed(_) | Condition::Dead { .. } => {}
        }
    }
}

fn admit_address(b: &mut Builder<'_>, id: NodeId, subject: Subject, tell: bool) {
    let at = b.s.now;
    b.edit(id, |node| {
        if let Some(stage) = address::stage_mut(node, subject) {
            advance(stage, StageEvent::Verified { at });
        }
    });
    if tell {
        b.tell(id, subject, Decision::Verified, Reason::Verified);
    }
}
