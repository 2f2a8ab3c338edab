//! Which nodes are at rest: nearly all of a large fleet, nearly always.

use damm_fleet::Node;

use crate::address::{self, Address};
use crate::builder::Builder;
use crate::condition;
use crate::policy::replace;
use crate::pool::Pool;

/// Finds the nodes of a pool that a step may have to do with. The steps pass over all others: going
/// to each of them for each step would take most of the time that a plan takes.
pub(crate) fn find_what_moves(b: &mut Builder<'_>, pool: &Pool<'_>) {
    let nodes = b.nodes_of(&pool.region, pool.role);
    let moving: Vec<_> = nodes.filter(|n| !is_at_rest(b, pool, n)).map(|n| n.id).collect();
    b.moving.extend(moving);
}

/// Whether a node is in service or warm, and well, with just the addresses that its profile gives
/// it, all of them at rest too; and nothing is due that would replace any of it.
fn is_at_rest(b: &Builder<'_>, pool: &Pool<'_>, node: &Node) -> bool {
    node.stage.is_live()
        && address::of(node).count() == pool.per_node()
        && address::of(node).all(|a| rests(node, &a))
        && is_well(b, node)
        && b.replacement(node.id).is_none()
        && !replace::is_due(b, pool, node)
}

/// Whether an address is in service, told to everybody, not made by hand, and what it was made to
/// replace has gone.
fn rests(node: &Node, a: &Address<'_>) -> bool {
    let second = || a.replaces.is_some_and(|old| address::of(node).any(|o| o.subject == old));
    a.stage.is_live() && !a.by_hand() && !a.is_withheld() && !second()
}

/// Whether a node and its addresses are sound, and none of them is blocked for anybody.
fn is_well(b: &Builder<'_>, node: &Node) -> bool {
    // Those in service were looked at when what populations have was counted.
    if node.serves() {
        return !b.ailing.contains(&node.id);
    }
    let well = |a: Address<'_>| a.condition(b.s).is_sound() && !a.blocked(b.s, node).anywhere();
    condition::of_node(b.s, node).is_sound() && address::of(node).all(well)
}
