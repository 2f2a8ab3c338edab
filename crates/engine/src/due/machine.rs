//! A node's machine and its agent's orders.

use damm_fleet::{Node, Phase, Resource, Subject, Verb, WaitingOn};

use super::view::{View, addresses, orders_digest};
use super::{Due, Hold, making, releasing};
use crate::guard;
use crate::step::{Call, Step};

pub(super) fn steps(view: &View<'_>, node: &Node, due: &mut Due) {
    let Some(row) = view.row(node.id) else {
        return;
    };
    if due.blocked(view, row) {
        return;
    }
    match (node.stage.is_leaving(), row.phase) {
        (false, Phase::Wanted | Phase::Refused) => create(view, node, row, due),
        (true, Phase::Wanted | Phase::Refused) => due.closed.push(row.subject),
        (true, Phase::Present | Phase::Ready) => take_down(view, node, row, due),
        (false, Phase::Present) if fails_to_come_up(view, node) => delete(row, due),
        (false, Phase::Present) => {
            let since = row.since;
            due.hold(row, Hold::On(WaitingOn::Verification { since }), None);
        }
        (_, Phase::Deleting) => confirm(row, due, delete),
        _ => {}
    }
}

/// A machine in service that its provider calls failed is the planner's to judge: clients are told
/// of it.
fn fails_to_come_up(view: &View<'_>, node: &Node) -> bool {
    node.stage.is_building() && view.seen.failed.contains(&node.id)
}

fn create(view: &View<'_>, node: &Node, row: &Resource, due: &mut Due) {
    let exhausted = view.providers.get(&node.provider);
    let until = exhausted.and_then(|p| p.exhausted_until);
    if let Some(until) = until.filter(|t| *t > view.now) {
        let what = "its provider to have machines again";
        return due.hold(row, Hold::After { what }, Some(until));
    }
    if !view.moves_addresses(&node.provider) && !has_its_addresses(view, node) {
        let what = "its addresses, which can't be attached once it runs";
        return due.hold(row, Hold::After { what }, None);
    }
    let call = Call::CreateMachine { node: node.id };
    due.steps.push(Step::about(row, making(node), call));
}

fn has_its_addresses(view: &View<'_>, node: &Node) -> bool {
    let there =
        |s: Subject| view.row(s).is_some_and(|r| matches!(r.phase, Phase::Present | Phase::Ready));
    let wanted = addresses(node).filter(|(_, stage)| !stage.is_leaving());
    wanted.into_iter().all(|(s, _)| there(s))
}

fn take_down(view: &View<'_>, node: &Node, row: &Resource, due: &mut Due) {
    if let Some((sessions, until)) = guard::disturbed(view, row.subject) {
        let on = WaitingOn::Drain { until, sessions };
        return due.hold(row, Hold::On(on), Some(until));
    }
    if view.told.targets.keys().any(|k| k.node == node.id) {
        let what = "its balancers to forget it";
        return due.hold(row, Hold::After { what }, None);
    }
    // The address of what has gone may be another door's by now.
    let held = |r: &&Resource| r.phase.may_exist();
    let rows = || addresses(node).filter_map(|(s, _)| view.row(s)).filter(held);
    let in_dns = |r: &Resource| r.address.is_some_and(|a| view.index.in_dns.contains(&a));
    if rows().any(in_dns) {
        let what = "its DNS records to be removed";
        return due.hold(row, Hold::After { what }, None);
    }
    // Vendors refuse to delete what has addresses, or take the addresses with it.
    let moves = view.moves_addresses(&node.provider);
    if moves && rows().any(|r| r.attached) {
        let what = "its addresses to be detached";
        return due.hold(row, Hold::After { what }, None);
    }
    delete(row, due);
}

fn delete(row: &Resource, due: &mut Due) {
    let (Subject::Node(node), Some(machine)) = (row.subject, row.provider_ref.clone()) else {
        return;
    };
    let call = Call::DeleteMachine { node, machine };
    due.steps.push(Step::about(row, Verb::RetireNode, call));
}

/// Asks again for what is still shown; waits for the second look at what is not.
pub(super) fn confirm(row: &Resource, due: &mut Due, again: impl Fn(&Resource, &mut Due)) {
    if row.missing_since.is_none() {
        again(row, due);
    }
    let since = row.since;
    due.hold(row, Hold::On(WaitingOn::Disappearance { since }), None);
}

pub(super) fn orders(view: &View<'_>, node: &Node, due: &mut Due) {
    let Some(row) = view.row(node.id) else {
        return;
    };
    let stands = matches!(row.phase, Phase::Present | Phase::Ready);
    if !stands || node.stage.is_leaving() || (node.stage.is_building() && settling(view, node)) {
        return;
    }
    let orders = view.orders(node);
    let digest = orders_digest(&orders);
    if view.told.orders.get(&node.id) == Some(&digest) {
        return;
    }
    let call = Call::Order { node: node.id, orders, digest };
    let mut step = Step::about(row, ordering(node), call);
    // Orders go to the agent, not to the account.
    step.provider = None;
    due.steps.push(step);
}

/// Whether some of a new node's addresses are about to be given, or to be known as the node sees
/// them: its agent is told of all at once.
fn settling(view: &View<'_>, node: &Node) -> bool {
    let about_to_be = |r: &Resource| match r.phase {
        Phase::Creating => true,
        // The next look shows what stands for it.
        Phase::Present if r.attached => view.inner(r).is_none(),
        Phase::Wanted => r.not_before.is_none_or(|t| t <= view.now),
        _ => false,
    };
    addresses(node).any(|(s, _)| view.row(s).is_some_and(about_to_be))
}

fn ordering(node: &Node) -> Verb {
    let door = |f: fn(&damm_fleet::Stage) -> bool| node.frontdoors.values().any(|d| f(&d.stage));
    let ip = |f: fn(&damm_fleet::Stage) -> bool| node.egress_ips.values().any(|e| f(&e.stage));
    match () {
        () if node.stage.is_building() => making(node),
        () if node.stage.is_draining() => Verb::DrainNode,
        () if door(|s| s.is_leaving()) || ip(|s| s.is_leaving()) => releasing(node),
        () if door(|s| s.is_draining()) => Verb::DrainFrontdoor,
        () if ip(|s| s.is_draining()) => Verb::DrainEgressIp,
        () => making(node),
    }
}
