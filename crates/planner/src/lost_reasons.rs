//! What was lost and not made up for yet: the reasons of what is made in its place.

use std::collections::BTreeSet;

use damm_fleet::{Duty, Node, NodeId, Reason, Stage, Subject};

use crate::address;
use crate::builder::Builder;
use crate::policy::breaker::is_loss;
use crate::pool::Pool;

fn loss(stage: &Stage) -> Option<&Reason> {
    match stage {
        Stage::Draining { why, .. } | Stage::Leaving { why, .. } if is_loss(why) => Some(why),
        _ => None,
    }
}

/// Lost nodes of a duty that nothing was made for yet.
pub(crate) fn nodes(b: &Builder<'_>, pool: &Pool<'_>, duty: Duty) -> Vec<(NodeId, Reason)> {
    let nodes = b.pool(pool);
    let replaced: BTreeSet<NodeId> = nodes.iter().filter_map(|n| n.replaces).collect();
    let lost = nodes.iter().filter(|n| n.duty == duty && !replaced.contains(&n.id));
    lost.filter_map(|n| Some((n.id, loss(&n.stage)?.clone()))).collect()
}

/// Lost addresses of a node that nothing was made for yet.
pub(crate) fn addresses(node: &Node) -> Vec<(Subject, Reason)> {
    let replaced: BTreeSet<Subject> = address::of(node).filter_map(|a| a.replaces).collect();
    let lost = address::of(node).filter(|a| !replaced.contains(&a.subject));
    lost.filter_map(|a| Some((a.subject, loss(a.stage)?.clone()))).collect()
}
