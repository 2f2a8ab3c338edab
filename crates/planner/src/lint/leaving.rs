//! Rules about what leaves: 5 and 6.

use damm_fleet::{Blueprint, Duty, Node, Stage, Subject};

use crate::address;
use crate::condition::{self, Condition};
use crate::lint::{Rule, Violation};
use crate::policy::retire;
use crate::scene::Scene;

/// Rules 5 and 6: nothing leaves while it holds sessions before its deadline, and no address leaves
/// while it is named.
pub(super) fn nothing_leaves_early(s: &Scene<'_>, child: &Blueprint) -> Vec<Violation> {
    let mut violations = Vec::new();
    for old in s.parent.nodes.values() {
        let Some(new) = child.nodes.get(&old.id) else {
            continue;
        };
        match (old.stage.is_leaving(), new.stage.is_leaving()) {
            (false, true) => violations.extend(node_leaves(s, old)),
            (false, false) => violations.extend(addresses_leave(s, old, new)),
            (true, _) => {}
        }
    }
    violations
}

fn node_leaves(s: &Scene<'_>, old: &Node) -> Vec<Violation> {
    let mut violations = Vec::new();
    for a in address::of(old).filter(|a| !a.stage.is_leaving()) {
        if let Err(on) = retire::unnamed(s, a.subject) {
            let what = format!("{} leaves with {} and waits for {on}", a.subject, old.id);
            violations.push(Violation::new(Rule::NamedAddress, what));
        }
    }
    let sessions = s.machine(old.id).map_or(0, |m| m.sessions);
    let early = match old.stage {
        Stage::Draining { deadline, .. } => sessions > 0 && s.now < deadline,
        Stage::Live { .. } => old.duty == Duty::Serve && !is_dead(condition::of_node(s, old)),
        Stage::Building | Stage::Leaving { .. } => false,
    };
    if early {
        let what = format!("{} is retired before its drain has ended", old.id);
        violations.push(Violation::new(Rule::SessionsFirst, what));
    }
    violations
}

fn is_dead(condition: Condition) -> bool {
    matches!(condition, Condition::Dead { .. })
}

fn addresses_leave(s: &Scene<'_>, old: &Node, new: &Node) -> Vec<Violation> {
    let leaves =
        |subject: Subject| address::of(new).any(|a| a.subject == subject && a.stage.is_leaving());
    let leaving = address::of(old).filter(|a| !a.stage.is_leaving() && leaves(a.subject));
    leaving.flat_map(|a| address_leaves(s, &a)).collect()
}

fn address_leaves(s: &Scene<'_>, a: &address::Address<'_>) -> Vec<Violation> {
    let named = retire::unnamed(s, a.subject).err();
    let named = named.map(|on| {
        let what = format!("{} is released and has to wait for {on}", a.subject);
        Violation::new(Rule::NamedAddress, what)
    });
    let sessions = address::observed(s, a.subject).map_or(0, |o| o.sessions);
    let early = match a.stage {
        Stage::Draining { deadline, .. } => sessions > 0 && s.now < *deadline,
        Stage::Live { .. } => !is_dead(a.condition(s)),
        Stage::Building | Stage::Leaving { .. } => false,
    };
    let early = early.then(|| {
        let what = format!("{} is released before its drain has ended", a.subject);
        Violation::new(Rule::NamedAddress, what)
    });
    named.into_iter().chain(early).collect()
}
