//! The policy.

use damm_fleet::{Blueprint, Diff, Inventory, Offers, Origin, Seed, Timestamp, Topology, Verdicts};
use serde::{Deserialize, Serialize};

use crate::builder::Builder;
use crate::policy::admit::admit_what_is_verified;
use crate::policy::breaker::halt;
use crate::policy::fill::fill;
use crate::policy::forget::forget_what_is_gone;
use crate::policy::give_up::give_up_what_failed;
use crate::policy::hand_over::hand_over;
use crate::policy::lost::take_out_what_is_lost;
use crate::policy::outward::{point_names, raise_catalogs};
use crate::policy::replace::replace;
use crate::policy::rest::find_what_moves;
use crate::policy::retire::retire_what_has_drained;
use crate::policy::step_in::step_in;
use crate::policy::summary::summarize;
use crate::policy::surplus::remove_surplus;
use crate::policy::withhold::withhold_what_is_blocked;
use crate::pool::Pool;
use crate::report::{Halt, Report};
use crate::scene::Scene;

/// All that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What the operator wants.
    pub topology: &'a Topology,
    /// The current target.
    pub parent: &'a Blueprint,
    /// What was last observed.
    pub inventory: &'a Inventory,
    /// What providers can do and charge.
    pub offers: &'a Offers,
    /// What is known of front doors' reachability.
    pub verdicts: &'a Verdicts,
    /// The moment.
    pub now: Timestamp,
    /// Servers and addresses that earlier plans of the same run took down; they count against
    /// `max_destroys_per_plan`, so that a run of plans does not get round it.
    pub destroys_used: u32,
}

/// The next blueprint, with what changes and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The next desired state. When `diff` is empty it equals its parent but for its header.
    pub blueprint: Blueprint,
    /// What differs from its parent.
    pub diff: Diff,
    /// What changes, what waits, and why.
    pub report: Report,
}

/// Decides the next blueprint.
///
/// Reads top to bottom as the policy. Nothing here looks at the world: what was observed is in the
/// situation, and may be out of date. What that can break is checked again at run time.
pub fn plan(situation: &Situation<'_>, seed: Seed) -> Plan {
    let scene = &Scene::of(situation);
    let mut b = Builder::new(scene, seed, Origin::Planner);
    let pools = Pool::all(situation.topology, situation.parent);

    // First the world as it has become: what is gone is forgotten, what was verified is in service.
    forget_what_is_gone(&mut b);
    admit_what_is_verified(&mut b);

    // Most of a fleet is as it should be: from here on the policy is about the rest of it.
    pools.iter().for_each(|pool| find_what_moves(&mut b, pool));

    // Then who can still reach what. Where too much looks bad at once, the observer may be what
    // broke: nothing is taken away there until the operator, or better news, says so.
    let halts: Vec<Halt> =
        pools.iter().filter_map(|p| halt(scene, p, b.pool(p), |n| b.is_at_rest(n))).collect();
    withhold_what_is_blocked(&mut b, &halts);

    for pool in &pools {
        let halted = halts.iter().find(|h| h.region == pool.region && h.role == pool.role);
        run_pool(&mut b, pool, halted);
    }

    // Last what the outside is told of all that.
    point_names(&mut b);
    raise_catalogs(&mut b);
    b.report.halts = halts;
    summarize(&mut b, &pools);
    b.finish()
}

/// The policy for one pool.
fn run_pool(b: &mut Builder<'_>, pool: &Pool<'_>, halted: Option<&Halt>) {
    give_up_what_failed(b, pool);
    if halted.is_none() {
        take_out_what_is_lost(b, pool);
        // Make before break: first hand over to the replacements that stand, so that they count
        // before anything is made, and what that frees of the disruption budget can be used.
        hand_over(b, pool);
    }
    // Warm nodes step in before new ones are made, so that what is made is the next warm one.
    step_in(b, pool, halted);
    fill(b, pool);
    if halted.is_none() {
        replace(b, pool);
        remove_surplus(b, pool);
        retire_what_has_drained(b, pool);
    }
}
