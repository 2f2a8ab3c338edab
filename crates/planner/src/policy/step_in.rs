//! Warm nodes step in for what was lost; the reserve is opened when many doors are blocked at once.

use damm_fleet::{Duty, Node, NodeId, PopulationName, Reason, Role};

use crate::builder::{Builder, stays};
use crate::condition;
use crate::policy::fill;
use crate::pool::Pool;
use crate::report::{Decision, Halt};

/// Brings standby nodes into service for nodes that were lost, and reserve nodes when rotation is
/// halted and a population has fallen below its minimum.
pub(crate) fn step_in(b: &mut Builder<'_>, pool: &Pool<'_>, halt: Option<&Halt>) {
    if pool.role != Role::Ingress {
        return;
    }
    let missing = fill::counted(b, pool)(Duty::Serve)..pool.live;
    // In most plans none is missing, and the warm ones are not looked at.
    if !missing.is_empty() {
        for (id, have) in ready(b, pool, Duty::Standby).into_iter().zip(missing) {
            let why = Reason::StepsIn { have: have as u32, want: pool.live as u32 };
            serve(b, id, why);
        }
    }
    if halt.is_some() {
        open_reserve(b, pool);
    }
}

/// Verified nodes of a duty, oldest id first.
fn ready(b: &Builder<'_>, pool: &Pool<'_>, duty: Duty) -> Vec<NodeId> {
    let sound = |n: &&&Node| n.stage.is_live() && condition::of_node(b.s, n).is_sound();
    let has_doors = |n: &&&Node| n.frontdoors.values().any(|d| d.stage.is_live());
    let nodes = b.pool(pool);
    let ready = nodes.iter().filter(|n| n.duty == duty && stays(&n.stage));
    ready.filter(sound).filter(has_doors).map(|n| n.id).collect()
}

fn serve(b: &mut Builder<'_>, id: NodeId, why: Reason) {
    b.edit(id, |n| n.duty = Duty::Serve);
    b.tell(id, id.into(), Decision::StepIn, why);
}

/// A population of the region that has fewer front doors than it must have.
fn starved(b: &Builder<'_>, pool: &Pool<'_>) -> Option<PopulationName> {
    let mut served = b.s.topology.served_by(&pool.region);
    let starves = served.find(|(name, p)| {
        let fronts = b.tallies.0.get(*name).map_or(0, |t| t.fronts);
        fronts < p.min_fronts
    });
    starves.map(|(name, _)| name.clone())
}

/// One node at a time, and no more than it takes: what is opened is known to the censor soon.
fn open_reserve(b: &mut Builder<'_>, pool: &Pool<'_>) {
    for id in ready(b, pool, Duty::Reserve) {
        let Some(population) = starved(b, pool) else {
            return;
        };
        serve(b, id, Reason::MassBlock { population });
    }
}
