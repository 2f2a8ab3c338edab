//! What was seen gone is forgotten.

use damm_fleet::{Node, NodeId, Phase, Stage, Subject, Verb, WaitingOn};

use crate::address;
use crate::builder::Builder;
use crate::report::{Decision, Item};
use crate::scene::Scene;

/// Forgets nodes and addresses that leave and that their providers no longer show.
pub(crate) fn forget_what_is_gone(b: &mut Builder<'_>) {
    let ids: Vec<NodeId> = b.bp.nodes.keys().copied().collect();
    for id in ids {
        let Some(node) = b.node(id) else { continue };
        match node.stage.clone() {
            Stage::Leaving { why, .. } if is_gone(b.s, node) => b.forget_node(id, why),
            Stage::Leaving { since, .. } => {
                let (region, on) = (node.region.clone(), WaitingOn::Disappearance { since });
                b.waits(Item::Subject(id.into()), &region, Verb::RetireNode, on);
            }
            _ => forget_addresses(b, id),
        }
    }
}

fn may_exist(phase: Option<Phase>) -> bool {
    phase.is_some_and(Phase::may_exist)
}

fn address_is_gone(s: &Scene<'_>, subject: Subject) -> bool {
    !may_exist(address::observed(s, subject).map(|a| a.phase))
}

/// Whether neither the machine nor any of its addresses is left at the provider.
pub(crate) fn is_gone(s: &Scene<'_>, node: &Node) -> bool {
    let machine = s.machine(node.id).map(|m| m.phase);
    !may_exist(machine) && address::of(node).all(|a| address_is_gone(s, a.subject))
}

fn forget_addresses(b: &mut Builder<'_>, id: NodeId) {
    let Some(node) = b.node(id) else { return };
    let region = node.region.clone();
    let leaving: Vec<(Subject, Stage)> = address::of(node)
        .filter(|a| a.stage.is_leaving())
        .map(|a| (a.subject, a.stage.clone()))
        .collect();
    for (subject, stage) in leaving {
        let Stage::Leaving { since, why } = stage else {
            continue;
        };
        if address_is_gone(b.s, subject) {
            b.tell(id, subject, Decision::Forget, why);
            b.edit(id, |node| address::remove(node, subject));
        } else {
            let (would, on) = (address::release_verb(subject), WaitingOn::Disappearance { since });
            b.waits(Item::Subject(subject), &region, would, on);
        }
    }
}
