//! Pools and nodes are filled up to what the topology wants.

use std::collections::BTreeMap;

use damm_fleet::reason::NoRoom;
use damm_fleet::{Duty, Few, Node, NodeId, Reason, Role, Stage, Subject, Usd, WaitingOn};

use crate::address;
use crate::age;
use crate::builder::{Builder, stays};
use crate::choose::{self, Choice, Standing};
use crate::lost_reasons;
use crate::pool::Pool;
use crate::report::{Decision, Item};

/// Makes the nodes and the addresses that are missing.
pub(crate) fn fill(b: &mut Builder<'_>, pool: &Pool<'_>) {
    // Counted only when something is missing: most plans miss nothing.
    let mut standing = None;
    let have = counted(b, pool);
    for duty in [Duty::Serve, Duty::Standby, Duty::Reserve] {
        fill_duty(b, pool, &mut standing, duty, have(duty));
    }
    for id in b.moving_ids(pool) {
        fill_addresses(b, pool, id);
    }
}

/// How many nodes of each duty count towards its target: a replacement counts only once what it
/// replaces is on its way out, and what was made by hand comes on top.
pub(crate) fn counted(b: &Builder<'_>, pool: &Pool<'_>) -> impl Fn(Duty) -> usize + use<> {
    let second = |n: &Node| {
        let old = n.replaces.and_then(|old| b.node(old)).filter(|old| stays(&old.stage));
        old.is_some_and(|o| o.duty == n.duty && o.role == n.role && o.region == n.region)
    };
    let counts = |n: &&Node| stays(&n.stage) && n.reason != Reason::Operator && !second(n);
    let mut counted = BTreeMap::new();
    for node in b.nodes_of(&pool.region, pool.role).filter(counts) {
        *counted.entry(node.duty).or_insert(0) += 1;
    }
    move |duty| counted.get(&duty).copied().unwrap_or(0)
}

fn fill_duty(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    standing: &mut Option<Standing>,
    duty: Duty,
    have: usize,
) {
    let want = pool.want(duty);
    if have >= want {
        return;
    }
    let standing = standing.get_or_insert_with(|| Standing::of(b, pool));
    let mut losses = lost_reasons::nodes(b, pool, duty).into_iter();
    for n in have..want {
        let (replaces, reason) = match losses.next() {
            Some((id, why)) => (Some(id), why),
            None => (None, below(duty, n, want)),
        };
        if let Err(on) = add_node(b, pool, standing, duty, replaces, reason) {
            // The rest of the pool would wait for the same.
            return b.waits(Item::Pool(pool.role), &pool.region, verb(pool.role), on);
        }
    }
}

const fn below(duty: Duty, have: usize, want: usize) -> Reason {
    let (have, want) = (have as u32, want as u32);
    match duty {
        Duty::Serve => Reason::BelowTarget { have, want },
        Duty::Standby => Reason::BelowStandby { have, want },
        Duty::Reserve => Reason::BelowReserve { have, want },
    }
}

pub(crate) const fn verb(role: Role) -> damm_fleet::Verb {
    match role {
        Role::Ingress => damm_fleet::Verb::CreateIngress,
        Role::Egress => damm_fleet::Verb::CreateEgress,
    }
}

/// Adds a node at the best provider.
///
/// # Errors
///
/// Why no provider can give one.
pub(crate) fn add_node(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    standing: &mut Standing,
    duty: Duty,
    replaces: Option<NodeId>,
    reason: Reason,
) -> Result<NodeId, WaitingOn> {
    let replacing = replaces.and_then(|id| b.node(id)).filter(|n| stays(&n.stage)).cloned();
    let choice = choose::choose(b, pool, standing, replacing.as_ref())?;
    standing.add(choice.name);
    let freed = replacing.map_or(Usd::ZERO, |n| n.monthly());
    b.steady = b.steady + choice.cost - freed;
    Ok(make_node(b, pool, &choice, duty, replaces, reason))
}

/// Adds a node at this provider, with the addresses that the profile gives it.
pub(crate) fn make_node(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    choice: &Choice<'_>,
    duty: Duty,
    replaces: Option<NodeId>,
    reason: Reason,
) -> NodeId {
    let id = b.seed.node();
    let mut node = Node {
        id,
        role: pool.role,
        region: pool.region.clone(),
        provider: choice.name.clone(),
        // The choice was made for the pool's profile, so there is one.
        profile: choice.profile.clone(),
        machine: choice.machine.to_owned(),
        location: choice.location.to_owned(),
        created_at: b.s.now,
        duty,
        stage: Stage::Building,
        replaces,
        reason: reason.clone(),
        cost: choice.offer.machines.get(choice.machine).copied().unwrap_or_default(),
        frontdoors: Few::new(),
        egress_ips: Few::new(),
    };
    for _ in 0..pool.per_node() {
        // Addresses that come with a node are the profile's, whoever asked for the node.
        address::add(b, pool, &mut node, None, below(Duty::Serve, 0, pool.per_node()));
    }
    b.add_node(node);
    id
}

/// Adds the addresses that a node lacks.
fn fill_addresses(b: &mut Builder<'_>, pool: &Pool<'_>, id: NodeId) {
    let Some(node) = b.node(id) else { return };
    let movable = age::node_rotates_addresses(b.s.topology, b.s.offers, node);
    let foreign = pool.drift(b.s.topology, node).is_some();
    if !stays(&node.stage) || !movable || foreign || b.replacement(id).is_some() {
        return;
    }
    let (have, want) = (address::counted(node).len(), pool.per_node());
    let mut losses = lost_reasons::addresses(node).into_iter();
    for n in have..want {
        let (replaces, reason) = match losses.next() {
            Some((subject, why)) => (Some(subject), why),
            None => (None, below(Duty::Serve, n, want)),
        };
        if let Err(on) = add_address(b, pool, id, replaces, reason) {
            let Some(node) = b.node(id) else { return };
            let (region, would) = (node.region.clone(), address::allocate_verb(node.role));
            return b.waits(Item::Subject(id.into()), &region, would, on);
        }
    }
}

/// Adds one address to a node.
///
/// # Errors
///
/// Why its provider can't give one, or the node can't hold it.
pub(crate) fn add_address(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    id: NodeId,
    replaces: Option<Subject>,
    reason: Reason,
) -> Result<Option<Subject>, WaitingOn> {
    let Some(node) = b.node(id) else {
        return Ok(None);
    };
    room_for_address(b, node, replaces.is_some())?;
    let mut new = node.clone();
    let Some(subject) = address::add(b, pool, &mut new, replaces, reason.clone()) else {
        return Ok(None);
    };
    if replaces.is_none() {
        let cost = b.s.offers.get(&new.provider).map_or(Usd::ZERO, |o| o.address);
        b.steady += cost;
    }
    let verb = address::allocate_verb(new.role);
    b.edit(id, |n| *n = new);
    b.tell(id, subject, Decision::Act { verb }, reason);
    Ok(Some(subject))
}

fn room_for_address(b: &Builder<'_>, node: &Node, replacing: bool) -> Result<(), WaitingOn> {
    let name = &node.provider;
    let refuse = |why| WaitingOn::Providers { each: vec![(name.clone(), why)] };
    if let Some(why) = choose::exhausted(b, name) {
        return Err(refuse(why));
    }
    let Some(offer) = b.s.offers.get(name) else {
        return Err(refuse(NoRoom::NotOffered));
    };
    let max = offer.max_addresses(&node.machine);
    if address::of(node).count() >= max as usize {
        return Err(refuse(NoRoom::Limit { max }));
    }
    let cost = if replacing { Usd::ZERO } else { offer.address };
    choose::affordable(b, cost, None).map_err(refuse)
}
