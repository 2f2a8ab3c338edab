//! What is blocked for a population is not told to it any more.

use damm_fleet::{FrontdoorId, Node, NodeId, PopulationName, Reason, RegionName, Verb, WaitingOn};

use crate::builder::Builder;
use crate::condition;
use crate::report::{Decision, Halt, Item};

/// One door and one population whose standing changes.
struct Turn {
    node: NodeId,
    door: FrontdoorId,
    population: PopulationName,
    why: Reason,
    withhold: bool,
}

/// Withholds doors from populations that they are blocked for, and tells them again when they are
/// not.
///
/// Nothing is withheld where rotation is halted: if the observer broke, catalogs would go empty.
pub(crate) fn withhold_what_is_blocked(b: &mut Builder<'_>, halts: &[Halt]) {
    let nodes = b.moving.iter().filter_map(|id| b.node(*id)).filter(|n| n.serves());
    let turns: Vec<Turn> = nodes.flat_map(|n| turns(b, n)).collect();
    for turn in turns {
        let Some(node) = b.node(turn.node) else {
            continue;
        };
        let region = node.region.clone();
        let halt = halts.iter().find(|h| h.region == region);
        match (turn.withhold, halt) {
            (true, Some(halt)) => {
                let on = WaitingOn::Breaker { bad: halt.bad, of: halt.of };
                let item = Item::Subject(turn.door.into());
                b.waits(item, &region, Verb::PublishEndpointCatalog, on);
            }
            (true, None) => withhold(b, &region, turn),
            (false, _) => restore(b, turn),
        }
    }
}

fn turns(b: &Builder<'_>, node: &Node) -> Vec<Turn> {
    let mut turns = Vec::new();
    for door in node.frontdoors.values().filter(|d| d.stage.is_live()) {
        let blocked = condition::blocked(b.s, &node.region, door);
        for (population, networks) in &blocked.populations {
            if !door.withheld_from.contains(population) {
                let why = Reason::Blocked { networks: networks.clone() };
                turns.push(turn(node, door.id, population, why, true));
            }
        }
        for population in &door.withheld_from {
            if !blocked.for_population(population) {
                turns.push(turn(node, door.id, population, Reason::Verified, false));
            }
        }
    }
    turns
}

fn turn(
    node: &Node,
    door: FrontdoorId,
    population: &PopulationName,
    why: Reason,
    withhold: bool,
) -> Turn {
    Turn { node: node.id, door, population: population.clone(), why, withhold }
}

/// A population is left with blocked doors rather than with none.
fn withhold(b: &mut Builder<'_>, region: &RegionName, turn: Turn) {
    let Turn { node, door, population, why, .. } = turn;
    let left = b.tallies.0.get(&population).map_or(0, |t| t.fronts);
    if left == 0 {
        let (what, min) = ("front doors".to_owned(), 1);
        let on = WaitingOn::PopulationFloor { population, what, left, min };
        b.waits(Item::Subject(door.into()), region, Verb::PublishEndpointCatalog, on);
        return;
    }
    b.edit(node, |n| {
        if let Some(d) = n.frontdoors.get_mut(&door) {
            d.withheld_from.insert(population.clone());
        }
    });
    b.tell(node, door.into(), Decision::Withhold { population }, why);
}

fn restore(b: &mut Builder<'_>, turn: Turn) {
    let Turn { node, door, population, why, .. } = turn;
    b.edit(node, |n| {
        if let Some(d) = n.frontdoors.get_mut(&door) {
            d.withheld_from.remove(&population);
        }
    });
    b.tell(node, door.into(), Decision::Restore { population }, why);
}
