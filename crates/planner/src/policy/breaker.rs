//! The breaker and the disruption budget: how much of a pool is not known to be well.

use damm_fleet::{Duty, Node, Reason, Stage};

use crate::address;
use crate::age;
use crate::builder::Builder;
use crate::condition;
use crate::pool::Pool;
use crate::report::Halt;
use crate::scene::Scene;

/// Whether too much of a pool looks blocked or down at once.
///
/// Blocked counts from one network of one population on: what the breaker guards against is an
/// observer that broke, and that shows in one population first. What is at rest has all of its
/// addresses, and none of them looks bad.
pub(crate) fn halt(
    s: &Scene<'_>,
    pool: &Pool<'_>,
    nodes: Vec<&Node>,
    at_rest: impl Fn(&Node) -> bool,
) -> Option<Halt> {
    let (mut bad, mut of) = (0, 0);
    for node in nodes.into_iter().filter(|n| n.duty == Duty::Serve && n.stage.is_live()) {
        if at_rest(node) {
            of += pool.per_node();
            continue;
        }
        let down = !condition::of_node(s, node).is_sound();
        for a in address::of(node).filter(|a| a.stage.is_live()) {
            of += 1;
            let looks_bad = down || !a.condition(s).is_sound() || a.blocked(s, node).anywhere();
            bad += usize::from(looks_bad);
        }
    }
    let halted = bad > pool.breaker(s.topology.rotation.breaker, of);
    let (bad, of) = (bad as u32, of as u32);
    halted.then(|| Halt { region: pool.region.clone(), role: pool.role, bad, of })
}

/// Addresses of a pool that are draining, being replaced, unhealthy or not joined yet.
///
/// What is draining because it is dead or burned counts too: it is capacity that is missing. What
/// drains on a node that stays until it is replaced doesn't.
pub(crate) fn disrupted<'n>(
    s: &Scene<'_>,
    nodes: impl Iterator<Item = &'n Node>,
    per_node: usize,
) -> usize {
    let counts = |n: &&Node| n.duty == Duty::Serve && !n.stage.is_leaving();
    nodes.filter(counts).map(|n| disrupted_on(s, n, per_node)).sum()
}

fn disrupted_on(s: &Scene<'_>, node: &Node, per_node: usize) -> usize {
    let all = address::of(node).filter(|a| !a.stage.is_leaving()).count().max(1);
    match node.stage {
        Stage::Building => all.min(per_node.max(1)),
        Stage::Draining { .. } => all,
        _ if !condition::of_node(s, node).is_sound() => all,
        _ => address::of(node).filter(|a| is_disrupted(s, a) && !ends_with(s, node, a)).count(),
    }
}

/// Whether an address that drains can only go with its node, because that can't be given another.
/// Its node is replaced for it, which must not wait for it: that would be without end.
fn ends_with(s: &Scene<'_>, node: &Node, a: &address::Address<'_>) -> bool {
    a.stage.is_draining() && !age::node_rotates_addresses(s.topology, s.offers, node)
}

fn is_disrupted(s: &Scene<'_>, a: &address::Address<'_>) -> bool {
    match a.stage {
        Stage::Building | Stage::Draining { .. } => true,
        Stage::Live { .. } => !a.condition(s).is_sound(),
        Stage::Leaving { .. } => false,
    }
}

/// What may still be disrupted of a pool by choice.
pub(crate) struct Allowance {
    pub(crate) used: usize,
    pub(crate) max: usize,
}

impl Allowance {
    pub(crate) fn of(b: &Builder<'_>, pool: &Pool<'_>) -> Self {
        let used = disrupted(b.s, b.pool(pool).into_iter(), pool.per_node());
        Self { used, max: pool.max_disrupted() }
    }

    /// Whether `unit` more addresses may be disrupted. One unit always may when nothing else is,
    /// or a pool of large nodes could never rotate.
    pub(crate) const fn admits(&self, unit: usize) -> bool {
        self.used == 0 || self.used + unit <= self.max
    }

    pub(crate) const fn take(&mut self, unit: usize) {
        self.used += unit;
    }

    pub(crate) fn waiting(&self) -> damm_fleet::WaitingOn {
        let (used, max) = (self.used as u32, self.max as u32);
        damm_fleet::WaitingOn::DisruptionBudget { used, max }
    }
}

/// Whether something leaves service because it is of no use any more.
pub(crate) const fn is_loss(why: &Reason) -> bool {
    matches!(
        why,
        Reason::Dead { .. } | Reason::Burned | Reason::NeverJoined { .. } | Reason::Refused { .. }
    ) || why.is_about_the_past()
}
