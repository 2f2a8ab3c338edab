//! What the reader is told of the whole: pools, survival, cost.

use damm_fleet::{Duty, Node, Stage};

use crate::address;
use crate::builder::Builder;
use crate::pool::Pool;
use crate::report::{Cost, Counts, PoolReport};

/// Fills in the report's tables.
pub(crate) fn summarize(b: &mut Builder<'_>, pools: &[Pool<'_>]) {
    let before = |pool: &Pool<'_>| counts(b.before(&pool.region, pool.role));
    let after = |pool: &Pool<'_>| counts(b.pool(pool).into_iter());
    let rows = pools.iter().map(|pool| PoolReport {
        region: pool.region.clone(),
        role: pool.role,
        want: pool.live as u32,
        before: before(pool),
        after: after(pool),
    });
    b.report.pools = rows.collect();
    let limit = b.s.topology.budget.as_ref().map(|budget| budget.usd_per_month);
    b.report.cost = Cost { now: b.s.parent.monthly(), then: b.bp.monthly(), limit };
    b.report.survival = b.tallies.survival(b.s.topology);
}

fn counts<'n>(nodes: impl Iterator<Item = &'n Node>) -> Counts {
    let mut counts = Counts::default();
    nodes.for_each(|node| count(&mut counts, node));
    counts
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
