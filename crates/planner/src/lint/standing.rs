//! Rules about what stands: 3, 4, 7 and 8.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{Blueprint, Node, NodeId, Reason, Stage, Subject};

use crate::address;
use crate::condition::{self, Condition};
use crate::lint::{Rule, Violation};
use crate::policy::forget;
use crate::scene::Scene;
use crate::tally::{self, Tallies};

/// Rule 3: no population falls below its minimum, or further below it, by a decision.
///
/// What can't be reached counts for nothing before or after, so only decisions make a difference.
pub(super) fn populations_keep_their_doors(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let before = Tallies::of(s, s.parent.nodes.values());
    let after = Tallies::of(s, child.nodes.values());
    let regions = s.topology.regions.keys();
    let broken = regions.filter_map(|region| {
        let (was, now) = (before.needs(s.topology, region), after.needs(s.topology, region));
        tally::broken(&was, &now)
    });
    let broken: BTreeSet<String> = broken.map(|waiting| waiting.to_string()).collect();
    broken.into_iter().map(|what| Violation::new(Rule::PopulationFloor, what)).collect()
}

/// Something that starts to drain in the child.
pub(super) struct Entered<'c> {
    pub(super) node: &'c Node,
    pub(super) subject: Subject,
    pub(super) why: &'c Reason,
}

/// What starts to drain in the child, or drains for another reason than before.
pub(super) fn newly_draining<'c>(s: &Scene<'_>, child: &'c Blueprint) -> Vec<Entered<'c>> {
    let mut entered = Vec::new();
    for node in child.nodes.values() {
        let parent = s.parent.nodes.get(&node.id);
        let mut look = |subject, new: &'c Stage, old: Option<&Stage>| {
            if let Stage::Draining { why, .. } = new
                && old != Some(new)
            {
                entered.push(Entered { node, subject, why });
            }
        };
        look(node.id.into(), &node.stage, parent.map(|n| &n.stage));
        for a in address::of(node) {
            let was = parent.and_then(|n| address::of(n).find(|o| o.subject == a.subject));
            look(a.subject, a.stage, was.map(|o| o.stage));
        }
    }
    entered
}

/// Rule 4: what drains because it is replaced has a replacement that stands; nothing drains for a
/// reason that asks for a replacement first; what drains as dead is dead.
pub(super) fn replacements_stand_first(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let entered = newly_draining(s, child);
    let wrong = entered.iter().filter_map(|e| {
        let fault = match e.why {
            Reason::Replaced { by } if !stands(s, child, by) => "its replacement does not stand",
            Reason::Dead { .. } if !is_dead(s, e) => "it is not dead",
            Reason::Aged { .. }
            | Reason::Exposed { .. }
            | Reason::Blocked { .. }
            | Reason::TopologyChanged { .. }
            | Reason::Diversity { .. } => "it has no replacement",
            _ => return None,
        };
        let what = format!("{} drains ({}), but {fault}", e.subject, e.why);
        Some(Violation::new(Rule::MakeBeforeBreak, what))
    });
    wrong.collect()
}

fn stands(s: &Scene<'_>, child: &Blueprint, by: &str) -> bool {
    match by.parse() {
        Ok(Subject::Node(id)) => child
            .nodes
            .get(&id)
            .is_some_and(|n| n.stage.is_live() && condition::of_node(s, n).is_sound()),
        Ok(subject) => child.nodes.values().any(|n| {
            let mine = address::of(n).find(|a| a.subject == subject);
            mine.is_some_and(|a| a.stage.is_live() && a.condition(s).is_sound())
        }),
        Err(_) => false,
    }
}

fn is_dead(s: &Scene<'_>, e: &Entered<'_>) -> bool {
    // The child's stage is `Draining`; what is dead is so whether it drains or not.
    let condition = match e.subject {
        Subject::Node(_) => condition::of_node(s, e.node),
        subject => match address::of(e.node).find(|a| a.subject == subject) {
            Some(a) => a.condition(s),
            None => return false,
        },
    };
    matches!(condition, Condition::Dead { .. })
}

/// Rule 7: ids are never used twice, and nothing is forgotten that may still exist.
pub(super) fn ids_are_used_once(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut seen: BTreeMap<Subject, NodeId> = BTreeMap::new();
    for node in child.nodes.values() {
        for a in address::of(node) {
            if let Some(other) = seen.insert(a.subject, node.id) {
                let what = format!("{} stands on {other} and on {}", a.subject, node.id);
                violations.push(Violation::new(Rule::OneResource, what));
            }
        }
        let made = !s.parent.nodes.contains_key(&node.id);
        if made && s.inventory.machines.contains_key(&node.id) {
            let what = format!("{} was used before", node.id);
            violations.push(Violation::new(Rule::OneResource, what));
        }
    }
    violations.extend(forgotten(s, child));
    violations
}

fn forgotten(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let gone = s.parent.nodes.values().filter(|n| !child.nodes.contains_key(&n.id));
    let nodes = gone.filter(|n| !forget::is_gone(s, n)).map(|n| Subject::from(n.id));
    let addresses = s.parent.nodes.values().flat_map(|old| {
        let new = child.nodes.get(&old.id);
        let left = move |a: &address::Address<'_>| {
            new.is_some_and(|n| !address::of(n).any(|o| o.subject == a.subject))
        };
        let exists = |a: &address::Address<'_>| {
            address::observed(s, a.subject).is_some_and(|o| o.phase.may_exist())
        };
        address::of(old).filter(left).filter(exists).map(|a| a.subject).collect::<Vec<_>>()
    });
    let lost = nodes.chain(addresses);
    lost.map(|subject| {
        let what = format!("{subject} is forgotten and may still exist");
        Violation::new(Rule::OneResource, what)
    })
    .collect()
}

/// Rule 8: ingress ages faster than egress.
pub(super) fn ingress_ages_faster(s: &Scene<'_>, _: &Blueprint) -> Vec<Violation> {
    let rotation = &s.topology.rotation;
    let (ingress, egress) = (rotation.ingress.max_age, rotation.egress.max_age);
    let what = format!("ingress max_age {ingress} is not shorter than egress max_age {egress}");
    (ingress >= egress).then(|| Violation::new(Rule::IngressAgesFaster, what)).into_iter().collect()
}
