//! Rule 9: the disruption budget, the breaker and the cap on destroys.

use damm_fleet::{Blueprint, Duty, Node, Origin, Reason, Seed, Stage, Subject};

use crate::address;
use crate::builder::{Builder, stays};
use crate::lint::{Rule, Violation};
use crate::policy::{admit, breaker, forget};
use crate::pool::Pool;
use crate::scene::Scene;

fn nodes<'c>(bp: &'c Blueprint, pool: &'c Pool<'_>) -> impl Iterator<Item = &'c Node> {
    bp.pool(&pool.region, pool.role)
}

/// At most `max_disrupted` of a pool is disrupted by choice, or one thing where that is more.
pub(super) fn disruption_is_bounded(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let pools = Pool::all(s.topology, child);
    let broken = pools.iter().filter_map(|pool| {
        let chosen: Vec<usize> = nodes(child, pool).flat_map(|n| chosen(s, child, n)).collect();
        let units: usize = chosen.iter().sum();
        let used = breaker::disrupted(s, nodes(child, pool), pool.per_node());
        let alone = chosen.len() <= 1 && used <= units;
        let exceeded = units > 0 && used > pool.max_disrupted() && !alone;
        exceeded.then(|| {
            let (max, region, role) = (pool.max_disrupted(), &pool.region, pool.role);
            let what = format!("{used} addresses of the {region} {role} pool of {max} at most");
            Violation::new(Rule::Disruption, what)
        })
    });
    broken.collect()
}

/// How many addresses each decision about this node disrupts by choice.
fn chosen(s: &Scene<'_>, child: &Blueprint, node: &Node) -> Vec<usize> {
    if node.duty != Duty::Serve {
        return Vec::new();
    }
    let old = s.parent.nodes.get(&node.id);
    let all = address::of(node).filter(|a| !a.stage.is_leaving()).count().max(1);
    let replaces = node.replaces.and_then(|id| child.nodes.get(&id));
    if old.is_none() {
        let replaces_a_live_one = replaces.is_some_and(|n| n.stage.is_live());
        return replaces_a_live_one.then_some(all).into_iter().collect();
    }
    if drains_by_choice(&node.stage, old.map(|n| &n.stage)) {
        return vec![all];
    }
    address::of(node).filter(|a| address_by_choice(old, node, a)).map(|_| 1).collect()
}

fn drains_by_choice(new: &Stage, old: Option<&Stage>) -> bool {
    let by_choice = |why: &Reason| matches!(why, Reason::Surplus { .. } | Reason::Operator);
    let entered = old.is_none_or(|old| !old.is_draining());
    matches!(new, Stage::Draining { why, .. } if by_choice(why)) && entered
}

fn address_by_choice(old: Option<&Node>, node: &Node, a: &address::Address<'_>) -> bool {
    let was = old.and_then(|n| address::of(n).find(|o| o.subject == a.subject));
    let live =
        |subject: Subject| address::of(node).any(|o| o.subject == subject && o.stage.is_live());
    let replaces_a_live_one = was.is_none() && a.replaces.is_some_and(live);
    replaces_a_live_one || drains_by_choice(a.stage, was.map(|o| o.stage))
}

/// Where too much looks bad at once, the planner takes nothing live out of service.
pub(super) fn nothing_goes_while_halted(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    if child.origin != Origin::Planner {
        return Vec::new();
    }
    // The pool as it is before decisions: with what has gone forgotten and what came up admitted.
    let mut b = Builder::new(s, Seed::from_number(0), Origin::Planner);
    forget::forget_what_is_gone(&mut b);
    admit::admit_what_is_verified(&mut b);
    let pools = Pool::all(s.topology, s.parent);
    let halted = pools.iter().filter(|p| breaker::halt(s, p, b.pool(p), |_| false).is_some());
    let before = halted.flat_map(|p| b.pool(p).into_iter().filter(|n| n.stage.is_live()));
    let gone = before.flat_map(|n| taken_out(child, n));
    gone.map(|subject| {
        let what = format!("{subject} leaves service while rotation is halted");
        Violation::new(Rule::Disruption, what)
    })
    .collect()
}

fn taken_out(child: &Blueprint, old: &Node) -> Vec<Subject> {
    let Some(new) = child.nodes.get(&old.id) else {
        return vec![old.id.into()];
    };
    if !new.stage.is_live() {
        return vec![old.id.into()];
    }
    let live = address::of(old).filter(|a| a.stage.is_live());
    let kept = |a: &address::Address<'_>| {
        address::of(new).any(|o| o.subject == a.subject && stays(o.stage))
    };
    live.filter(|a| !kept(a)).map(|a| a.subject).collect()
}

/// One run of plans takes down `max_destroys_per_plan` at most.
pub(super) fn destroys_are_capped(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let destroyed: usize = s.parent.nodes.values().map(|old| destroys(s, child, old)).sum();
    let max = s.topology.rotation.max_destroys_per_plan as usize;
    let total = destroyed + s.destroys_used as usize;
    let what = format!("{total} servers and addresses are taken down of {max} at most");
    let exceeded = destroyed > 0 && total > max;
    exceeded.then(|| Violation::new(Rule::Disruption, what)).into_iter().collect()
}

fn destroys(s: &Scene<'_>, child: &Blueprint, old: &Node) -> usize {
    let Some(new) = child.nodes.get(&old.id) else {
        return 0;
    };
    match (old.stage.is_leaving(), new.stage.is_leaving()) {
        (true, _) => 0,
        (false, true) => usize::from(!forget::is_gone(s, old)),
        (false, false) => {
            let was = |a: &address::Address<'_>| {
                address::of(old).any(|o| o.subject == a.subject && !o.stage.is_leaving())
            };
            let exists = |a: &address::Address<'_>| {
                address::observed(s, a.subject).is_some_and(|o| o.phase.may_exist())
            };
            address::of(new).filter(|a| a.stage.is_leaving() && was(a) && exists(a)).count()
        }
    }
}
