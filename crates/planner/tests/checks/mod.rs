//! The rules, checked apart from the linter and along with it.

use std::collections::BTreeSet;

use damm_fleet::{Blueprint, Node, Reason, Stage, Subject};
use damm_planner::Plan;
use proptest::prelude::*;

use crate::world::World;

fn subjects(bp: &Blueprint) -> BTreeSet<Subject> {
    let of = |n: &Node| {
        let doors = n.frontdoors.keys().map(|id| Subject::from(*id));
        let ips = n.egress_ips.keys().map(|id| Subject::from(*id));
        doors.chain(ips).chain([Subject::from(n.id)]).collect::<Vec<_>>()
    };
    bp.nodes.values().flat_map(of).collect()
}

/// Addresses on their way out: by themselves, or with their node.
fn leaving(bp: &Blueprint) -> BTreeSet<Subject> {
    let mut leaving = BTreeSet::new();
    for node in bp.nodes.values() {
        let gone = node.stage.is_leaving();
        let out = |stage: &Stage| gone || stage.is_leaving();
        leaving.extend(gone.then(|| Subject::from(node.id)));
        let doors = node.frontdoors.values().filter(|d| out(&d.stage));
        leaving.extend(doors.map(|d| Subject::from(d.id)));
        let ips = node.egress_ips.values().filter(|e| out(&e.stage));
        leaving.extend(ips.map(|e| Subject::from(e.id)));
    }
    leaving
}

/// Checks one plan against the rules, in the world that it was made in.
pub fn check(
    world: &World,
    plan: &Plan,
    ever: &mut BTreeSet<Subject>,
) -> Result<(), TestCaseError> {
    let broken = world.lint(plan);
    prop_assert!(broken.is_empty(), "the linter found {broken:#?} in\n{}", told(plan));
    let (old, new) = (&world.target, &plan.blueprint);
    check_outside(world, old, new, plan)?;
    check_floors(world, plan)?;
    check_leaving(world, old, plan)?;
    // Rule 7: no id comes back.
    let (before, after) = (subjects(old), subjects(new));
    for made in after.difference(&before) {
        prop_assert!(ever.insert(*made), "{made} is used twice");
    }
    Ok(())
}

/// What a plan changes, a line for each.
fn told(plan: &Plan) -> String {
    let line = |c: &damm_planner::Changed| {
        format!("{}: {:?} {} [{}] {}\n", c.region, c.decision, c.item, c.detail, c.why)
    };
    plan.report.changes.iter().map(line).collect()
}

/// Rules 1, 2 and 12.
fn check_outside(
    world: &World,
    old: &Blueprint,
    new: &Blueprint,
    plan: &Plan,
) -> Result<(), TestCaseError> {
    let ips = world.inventory.egress_ips.values().filter(|a| a.phase.may_exist());
    let hidden: BTreeSet<_> = ips.filter_map(|a| a.address).collect();
    for set in new.records.values() {
        prop_assert!(set.addresses.is_disjoint(&hidden), "an egress address in DNS");
    }
    let ingress = |bp: &Blueprint| -> Vec<Node> {
        bp.nodes.values().filter(|n| n.role == damm_fleet::Role::Ingress).cloned().collect()
    };
    let renewed = plan.report.catalogs.values().all(|c| c.renewal);
    if ingress(old) == ingress(new) && !plan.report.catalogs.is_empty() {
        let same = old
            .catalogs
            .iter()
            .all(|(r, c)| new.catalogs.get(r).is_none_or(|n| n.policy == c.policy));
        prop_assert!(renewed || !same, "catalogs change though no front door does");
    }
    Ok(())
}

/// Rule 3: what a population can reach does not fall below its minimum by a plan.
fn check_floors(world: &World, plan: &Plan) -> Result<(), TestCaseError> {
    for (name, p) in &world.typed().populations {
        let well = |node: &Node, door| {
            let machine = world.inventory.machines.get(&node.id);
            let sound = machine.is_some_and(|m| {
                m.phase == damm_fleet::Phase::Ready
                    && m.health == damm_fleet::inventory::Health::Healthy
            });
            let seen = world.inventory.frontdoors.get(&door);
            let ready = seen.is_some_and(|a| a.phase == damm_fleet::Phase::Ready);
            let open = world.verdicts.blocked_in(door, p).is_empty();
            sound && ready && open && !world.verdicts.is_down(door)
        };
        let count = |bp: &Blueprint| {
            bp.told(world.typed(), name).filter(|(n, d)| well(n, d.id)).count() as u32
        };
        let (before, after) = (count(&world.target), count(&plan.blueprint));
        let kept = after >= before || after >= p.min_fronts;
        prop_assert!(kept, "{name} falls from {before} to {after} front doors");
    }
    Ok(())
}

/// Rules 5, 6 and the cap of rule 9.
fn check_leaving(world: &World, old: &Blueprint, plan: &Plan) -> Result<(), TestCaseError> {
    let new = &plan.blueprint;
    let (before, after) = (leaving(old), leaving(new));
    for out in after.difference(&before) {
        match out {
            Subject::Frontdoor(id) => {
                let until = world.inventory.frontdoors.get(id).and_then(|a| a.named_until);
                let named = until.is_some_and(|until| until > world.now);
                prop_assert!(!named, "{id} leaves while a catalog names it");
            }
            Subject::Node(id) => {
                let Some(node) = old.nodes.get(id) else {
                    prop_assert!(false, "{id} is made and taken down at once:\n{}", told(plan));
                    continue;
                };
                let sessions = world.inventory.machines.get(id).map_or(0, |m| m.sessions);
                let over = match &node.stage {
                    Stage::Draining { deadline, .. } => *deadline <= world.now,
                    _ => false,
                };
                let lost = matches!(new.nodes[id].stage, Stage::Leaving { ref why, .. }
                    if is_over(why));
                let told = node.serves();
                prop_assert!(
                    sessions == 0 || over || lost || !told,
                    "{id} leaves with {sessions} sessions"
                );
            }
            Subject::EgressIp(_) => {}
        }
    }
    Ok(())
}

/// Whether a node that leaves for this reason holds no session that anybody waits for.
const fn is_over(why: &Reason) -> bool {
    matches!(why, Reason::Dead { .. } | Reason::Drained | Reason::DrainDeadline { .. })
}
