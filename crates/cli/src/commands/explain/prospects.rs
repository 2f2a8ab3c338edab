//! What a thing is now, what it waits for, and what would change it.

use damm_fleet::{Duty, Node, Role, Stage, Subject};
use damm_planner::{Changed, Item, Waiting};

use crate::commands::show::endpoint;
use crate::outlook::Outlook;
use crate::render::{Line, Style, changes, when};

/// What it is, in a sentence.
pub fn what(subject: Subject, outlook: &Outlook) -> Line {
    let head = Line::of(Style::Bold, subject.to_string());
    let picture = &outlook.picture;
    let Some(node) = picture.node_of(subject) else {
        return head.put(Style::Plain, " is gone.");
    };
    let at = format!("{} at {}", node.region, node.provider);
    let text = match subject {
        Subject::Node(_) => format!(" is an {} node in {at}, {}.", node.role, condition(node)),
        Subject::Frontdoor(id) => match node.frontdoors.get(&id) {
            Some(door) => {
                let place = endpoint(picture.address(id), Some(door.transport.port));
                let stage = if node.stage.is_live() { &door.stage } else { &node.stage };
                format!(
                    " is a front door on {} in {at}: {} at {place}, {}{}.",
                    node.id,
                    door.transport.kind,
                    stage.name(),
                    told(outlook, node, subject)
                )
            }
            None => String::new(),
        },
        Subject::EgressIp(id) => match node.egress_ips.get(&id) {
            Some(ip) => {
                let place = endpoint(picture.address(id), None);
                format!(
                    " is an egress address on {} in {at}: {place}, {}.",
                    node.id,
                    ip.stage.name()
                )
            }
            None => String::new(),
        },
    };
    head.put(Style::Plain, text)
}

fn condition(node: &Node) -> String {
    match (&node.stage, node.duty) {
        (Stage::Live { .. }, Duty::Standby) => "warm on standby, told to nobody".to_owned(),
        (Stage::Live { .. }, Duty::Reserve) => "held in reserve, told to nobody".to_owned(),
        (Stage::Live { .. }, Duty::Serve) => "in service".to_owned(),
        (stage, _) => stage.name().to_owned(),
    }
}

/// Whom a door's clients are.
fn told(outlook: &Outlook, node: &Node, subject: Subject) -> String {
    let Subject::Frontdoor(id) = subject else {
        return String::new();
    };
    let serves = node.serves() && node.frontdoors.get(&id).is_some_and(|d| d.stage.is_live());
    let Some(door) = node.frontdoors.get(&id).filter(|_| serves) else {
        return ", told to nobody new".to_owned();
    };
    let topology = &outlook.file.topology;
    let all = topology.served_by(&node.region).map(|(name, _)| name);
    let (kept, told): (Vec<_>, Vec<_>) = all.partition(|p| door.withheld_from.contains(*p));
    let list = |names: Vec<&damm_fleet::PopulationName>| {
        names.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ")
    };
    match (told.is_empty(), kept.is_empty()) {
        (false, true) => format!(", told to {}", list(told)),
        (false, false) => format!(", told to {} and withheld from {}", list(told), list(kept)),
        (true, false) => format!(", withheld from {}", list(kept)),
        (true, true) => String::new(),
    }
}

/// What it waits for now.
pub fn waits(subject: Subject, outlook: &Outlook) -> Vec<Waiting> {
    let mine = |w: &&Waiting| w.item == Item::Subject(subject);
    outlook.plan.report.waits.iter().filter(mine).cloned().collect()
}

/// What would change it, from the rules that hold for it.
pub fn changes(subject: Subject, outlook: &Outlook) -> Vec<String> {
    let report = &outlook.plan.report;
    let due = |c: &&Changed| c.item == Item::Subject(subject);
    let due = report.changes.iter().filter(due);
    let mut lines: Vec<String> = due
        .map(|c| format!("the next apply: {}, because {}", changes::words(&c.decision), c.why))
        .collect();
    if let Some(node) = outlook.picture.node_of(subject) {
        lines.extend(by_rule(subject, node, outlook));
    }
    if lines.is_empty() {
        lines.push("nothing: its life is over".to_owned());
    }
    lines
}

fn stage(subject: Subject, node: &Node) -> Option<&Stage> {
    if !node.stage.is_live() {
        return Some(&node.stage);
    }
    match subject {
        Subject::Node(_) => Some(&node.stage),
        Subject::Frontdoor(id) => node.frontdoors.get(&id).map(|d| &d.stage),
        Subject::EgressIp(id) => node.egress_ips.get(&id).map(|e| &e.stage),
    }
}

fn by_rule(subject: Subject, node: &Node, outlook: &Outlook) -> Vec<String> {
    let (rotation, now) = (&outlook.file.topology.rotation, outlook.picture.now);
    match stage(subject, node) {
        Some(Stage::Building) => vec![
            "it goes live once its agent has joined and its addresses were probed".to_owned(),
            format!("it is given up when that takes longer than {}", rotation.join_timeout),
        ],
        Some(Stage::Draining { deadline, .. }) => vec![format!(
            "it leaves when its last session ends and nothing names it any more, or at {} ({})",
            when::minute(*deadline),
            when::relative(*deadline, now)
        )],
        Some(Stage::Leaving { .. }) => {
            vec!["it is forgotten once its provider no longer shows it".to_owned()]
        }
        Some(Stage::Live { .. }) => live(subject, node, outlook),
        None => Vec::new(),
    }
}

fn live(subject: Subject, node: &Node, outlook: &Outlook) -> Vec<String> {
    let rotation = &outlook.file.topology.rotation;
    let age = match node.role {
        Role::Ingress => rotation.ingress.max_age,
        Role::Egress => rotation.egress.max_age,
    };
    let mut lines = vec![format!(
        "its age: what is {} old is replaced, up to {} earlier so that not all go at once",
        when::short(age),
        rotation.jitter
    )];
    if node.role == Role::Ingress {
        lines.push(
            "a verdict: blocked for one population it is withheld from it, for all it is \
                    replaced"
                .to_owned(),
        );
    }
    let budget = outlook.file.topology.catalog.exposure_budget;
    if let (Role::Ingress, Some(budget)) = (node.role, budget) {
        lines.push(format!("its exposure: what {budget} clients can know is replaced"));
    }
    lines.push(format!("a silence of its agent for more than {}", rotation.dead_after));
    lines.push(match subject {
        Subject::Node(id) => format!("your word: damm drain-node {id}"),
        Subject::Frontdoor(id) => format!("your word: damm drain-frontdoor {id}"),
        Subject::EgressIp(id) => format!("your word: damm drain-egress-ip {id}"),
    });
    lines
}
