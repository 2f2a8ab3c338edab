//! What the reader is told of the whole: pools, survival, cost.

use damm_fleet::{Duty, Node, Nodes, Stage, Usd};

use crate::address;
use crate::builder::Builder;
use crate::pool::Pool;
use crate::report::{Cost, Counts, PoolReport};

/// Fills in the report's tables.
pub(crate) fn summarize(b: &mut Builder<'_>, pools: &[Pool<'_>]) {
    b.report.pools = pools.iter().map(|pool| report(b, pool)).collect();
    b.report.cost = cost(b);
    b.report.survival = b.tallies.survival(b.s.topology);
}

fn cost(b: &Builder<'_>) -> Cost {
    let limit = b.s.topology.budget.as_ref().map(|budget| budget.usd_per_month);
    let moving = |nodes: &Nodes| -> Usd {
        b.moving.iter().filter_map(|id| nodes.get(id)).map(Node::monthly).sum()
    };
    let (now, more, less) = (b.cost, moving(&b.bp.nodes), moving(&b.s.parent.nodes));
    Cost { now, then: now + more - less, limit }
}

fn report(b: &Builder<'_>, pool: &Pool<'_>) -> PoolReport {
    // What is at rest is the same before and after.
    let resting = b.nodes_of(&pool.region, pool.role).filter(|n| b.is_at_rest(n));
    let (mut before, moving) = (Counts::default(), b.moving_ids(pool));
    resting.for_each(|node| count(&mut before, node));
    let mut after = before;
    moving.iter().filter_map(|id| b.s.parent.nodes.get(id)).for_each(|n| count(&mut before, n));
    moving.iter().filter_map(|id| b.node(*id)).for_each(|n| count(&mut after, n));
    let (region, want) = (pool.region.clone(), pool.live as u32);
    PoolReport { region, role: pool.role, want, before, after }
}

fn count(counts: &mut Counts, node: &Node) {
    match (&node.stage, node.duty) {
        (Stage::Building, _) => counts.building += 1,
        (Stage::Live { .. }, Duty::Serve) => {
            counts.live += 1;
            counts.addresses += address::of(node).filter(|a| a.stage.is_live()).count() as u32;
        }
        (Stage::Live { .. }, Duty::Standby) => counts.standby += 1,
        (Stage::Live { .. }, Duty::Reserve) => counts.reserve += 1,
        (Stage::Draining { .. }, _) => counts.draining += 1,
        (Stage::Leaving { .. }, _) => counts.leaving += 1,
    }
}
