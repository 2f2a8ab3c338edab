//! A node's addresses.

use damm_fleet::{Node, Phase, Resource, Stage, Subject, WaitingOn};

use super::machine::confirm;
use super::view::{View, orders_digest};
use super::{Due, Hold, making, releasing};
use crate::guard;
use crate::step::{Call, Step};

pub(super) fn steps(view: &View<'_>, node: &Node, subject: Subject, stage: &Stage, due: &mut Due) {
    let Some(row) = view.row(subject) else {
        return;
    };
    if due.blocked(view, row) {
        return;
    }
    match (stage.is_leaving(), row.phase) {
        (false, Phase::Wanted | Phase::Refused) => allocate(view, node, row, due),
        (true, Phase::Wanted | Phase::Refused) => due.closed.push(subject),
        (false, Phase::Present) => bring_up(view, node, row, due),
        (true, Phase::Present | Phase::Ready) => take_down(view, node, row, due),
        (_, Phase::Deleting) => confirm(row, due, |row, due| release(node, row, due)),
        _ => {}
    }
}

/// The name of the node's machine, while it stands.
fn machine<'a>(view: &View<'a>, node: &Node) -> Option<&'a str> {
    let row = view.row(node.id)?;
    let stands = matches!(row.phase, Phase::Present | Phase::Ready);
    row.provider_ref.as_deref().filter(|_| stands)
}

fn allocate(view: &View<'_>, node: &Node, row: &Resource, due: &mut Due) {
    use Phase as P;
    let machine = view.row(node.id).map_or(P::Gone, |r| r.phase);
    // An address for a machine that will not come costs money and a place in the quota.
    if matches!(machine, P::Refused | P::Ambiguous | P::Deleting | P::Gone) {
        let what = "its machine";
        return due.hold(row, Hold::After { what }, None);
    }
    if !view.tags_addresses(&node.provider) {
        if !view.seen.unheld.contains_key(&node.provider) {
            let what = "a look at its account's addresses, which carry no tags";
            return due.hold(row, Hold::After { what }, None);
        }
        if !due.open.insert(node.provider.clone()) {
            let what = "another address of its account, which carries no tag to be told by";
            return due.hold(row, Hold::After { what }, None);
        }
    }
    let call = Call::Allocate { node: node.id };
    due.steps.push(Step::about(row, making(node), call));
}

fn bring_up(view: &View<'_>, node: &Node, row: &Resource, due: &mut Due) {
    let since = row.since;
    let Some(address) = row.provider_ref.clone() else {
        return;
    };
    match machine(view, node) {
        None => due.hold(row, Hold::After { what: "its machine" }, None),
        Some(_) if row.attached => {
            due.hold(row, Hold::On(WaitingOn::Verification { since }), None);
        }
        Some(_) if view.seen.elsewhere.contains(&row.subject) => {
            let call = Call::Detach { address };
            due.steps.push(Step::about(row, making(node), call));
        }
        Some(machine) => {
            let machine = machine.to_owned();
            let call = Call::Attach { address, machine };
            due.steps.push(Step::about(row, making(node), call));
        }
    }
}

fn take_down(view: &View<'_>, node: &Node, row: &Resource, due: &mut Due) {
    if let Some((sessions, until)) = guard::disturbed(view, row.subject) {
        let on = WaitingOn::Drain { until, sessions };
        return due.hold(row, Hold::On(on), Some(until));
    }
    if row.address.is_some_and(|a| view.index.in_dns.contains(&a)) {
        let what = "DNS to stop naming it";
        return due.hold(row, Hold::After { what }, None);
    }
    let elsewhere = view.seen.elsewhere.contains(&row.subject);
    match row.attached || elsewhere {
        true => detach(view, node, row, due),
        false => give_back(view, node, row, due),
    }
}

fn detach(view: &View<'_>, node: &Node, row: &Resource, due: &mut Due) {
    let stands = machine(view, node).is_some();
    if stands && !view.moves_addresses(&node.provider) {
        let what = "its machine to be gone, which can't let go of it while it runs";
        return due.hold(row, Hold::After { what }, None);
    }
    if stands && !told_without(view, node) {
        let what = "its agent's orders to leave it out";
        return due.hold(row, Hold::After { what }, None);
    }
    if let Some(address) = row.provider_ref.clone() {
        let call = Call::Detach { address };
        due.steps.push(Step::about(row, releasing(node), call));
    }
}

/// Whether a node that stays was given the orders in which what leaves no longer stands.
fn told_without(view: &View<'_>, node: &Node) -> bool {
    let digest = || orders_digest(&view.orders(node));
    node.stage.is_leaving() || view.told.orders.get(&node.id) == Some(&digest())
}

fn give_back(view: &View<'_>, node: &Node, row: &Resource, due: &mut Due) {
    match guard::known_until(view, row.subject) {
        Some(until) => {
            let on = WaitingOn::CatalogExpiry { until };
            due.hold(row, Hold::On(on), Some(until));
        }
        None => release(node, row, due),
    }
}

fn release(node: &Node, row: &Resource, due: &mut Due) {
    if let Some(address) = row.provider_ref.clone() {
        let call = Call::Release { address };
        due.steps.push(Step::about(row, releasing(node), call));
    }
}
