//! What each verb by hand does to the child blueprint.

use damm_fleet::{
    Duty, NodeId, ProfileName, ProviderName, Reason, RegionName, Role, Stage, Subject, Verb,
    WaitingOn,
};

use crate::address;
use crate::age;
use crate::builder::{Builder, advance, drain, stays};
use crate::choose;
use crate::edit::{Edit, Refusal};
use crate::policy::outward::raise_by_hand;
use crate::policy::{fill, give_up, retire};
use crate::pool::Pool;
use crate::report::Decision;

/// Carries a verb out.
pub(super) fn carry_out<'a>(
    b: &mut Builder<'a>,
    pools: &[Pool<'a>],
    edit: &Edit,
) -> Result<(), Refusal> {
    let verb = edit.verb();
    match edit {
        Edit::CreateIngress { region, provider, profile } => {
            create(b, pools, verb, Role::Ingress, (region, provider, profile))
        }
        Edit::CreateEgress { region, provider, profile } => {
            create(b, pools, verb, Role::Egress, (region, provider, profile))
        }
        Edit::AllocateIngressFrontdoors { node, count } => {
            allocate(b, pools, verb, Role::Ingress, *node, *count)
        }
        Edit::AllocateEgressIps { node, count } => {
            allocate(b, pools, verb, Role::Egress, *node, *count)
        }
        Edit::DrainNode { node } => drain_node(b, pools, *node),
        Edit::RetireNode { node } => retire_node(b, *node),
        Edit::PublishEndpointCatalog { region } => published(b, region),
        Edit::DrainFrontdoor { frontdoor } => drain_address(b, pools, verb, (*frontdoor).into()),
        Edit::ReleaseFrontdoor { frontdoor } => release_address(b, verb, (*frontdoor).into()),
        Edit::DrainEgressIp { egress_ip } => drain_address(b, pools, verb, (*egress_ip).into()),
        Edit::ReleaseEgressIp { egress_ip } => release_address(b, verb, (*egress_ip).into()),
    }
}

fn no_such(what: &'static str, name: impl ToString) -> Refusal {
    Refusal::NoSuch { what, name: name.to_string() }
}

fn does_not_fit(verb: Verb, subject: impl ToString, why: impl Into<String>) -> Refusal {
    Refusal::DoesNotFit { verb, subject: subject.to_string(), why: why.into() }
}

fn pool_of<'p, 'a>(
    pools: &'p [Pool<'a>],
    region: &RegionName,
    role: Role,
) -> Result<&'p Pool<'a>, Refusal> {
    let pool = pools.iter().find(|p| p.region == *region && p.role == role);
    pool.ok_or_else(|| no_such("region", region))
}

fn create<'a>(
    b: &mut Builder<'a>,
    pools: &[Pool<'a>],
    verb: Verb,
    role: Role,
    (region, provider, profile): (&RegionName, &ProviderName, &ProfileName),
) -> Result<(), Refusal> {
    let pool = pool_of(pools, region, role)?;
    if !b.s.topology.providers.contains_key(provider) {
        return Err(no_such("provider", provider));
    }
    let Some((wanted, _)) = pool.profile else {
        return Err(no_such("region", region));
    };
    // Another profile or provider would be drift: the next plan would take it down again.
    if wanted != profile {
        let why = format!("the {role} pool of {region} runs {wanted}; change the topology first");
        return Err(does_not_fit(verb, profile, why));
    }
    let Some(entry) = pool.provider(provider) else {
        let why = format!("the {role} pool of {region} does not draw from it");
        return Err(does_not_fit(verb, provider, why));
    };
    let choice = choose::offered(b, pool, entry.name());
    let choice = choice.ok_or_else(|| does_not_fit(verb, provider, "it has no such machine"))?;
    let room = choose::has_room(b, &choice);
    room.and_then(|()| choose::affordable(b, choice.cost, None)).map_err(|why| {
        Refusal::NoRoom { verb, on: WaitingOn::Providers { each: vec![(provider.clone(), why)] } }
    })?;
    fill::make_node(b, pool, &choice, Duty::Serve, None, Reason::Operator);
    Ok(())
}

fn allocate(
    b: &mut Builder<'_>,
    pools: &[Pool<'_>],
    verb: Verb,
    role: Role,
    id: NodeId,
    count: u32,
) -> Result<(), Refusal> {
    let node = b.node(id).ok_or_else(|| no_such("node", id))?;
    let pool = pool_of(pools, &node.region, role)?;
    if node.role != role {
        return Err(does_not_fit(verb, id, format!("it is an {} node", node.role)));
    }
    if !stays(&node.stage) {
        return Err(does_not_fit(verb, id, format!("it is {}", node.stage.name())));
    }
    if !age::node_rotates_addresses(b.s.topology, b.s.offers, node) {
        let why = format!("{} can't add addresses to a running machine", node.provider);
        return Err(does_not_fit(verb, id, why));
    }
    for _ in 0..count {
        let added = fill::add_address(b, pool, id, None, Reason::Operator);
        added.map_err(|on| Refusal::NoRoom { verb, on })?;
    }
    Ok(())
}

fn drain_node(b: &mut Builder<'_>, pools: &[Pool<'_>], id: NodeId) -> Result<(), Refusal> {
    let node = b.node(id).ok_or_else(|| no_such("node", id))?;
    let pool = pool_of(pools, &node.region, node.role)?;
    if !node.stage.is_live() {
        let why = format!("it is {}, and only what is live drains", node.stage.name());
        return Err(does_not_fit(Verb::DrainNode, id, why));
    }
    let (now, after, why) = (b.s.now, pool.drain, Reason::Operator);
    b.edit(id, |n| advance(&mut n.stage, drain(now, after, why.clone())));
    b.tell(id, id.into(), Decision::Act { verb: Verb::DrainNode }, why);
    Ok(())
}

fn retire_node(b: &mut Builder<'_>, id: NodeId) -> Result<(), Refusal> {
    let verb = Verb::RetireNode;
    let node = b.node(id).ok_or_else(|| no_such("node", id))?;
    match &node.stage {
        Stage::Draining { since, deadline, .. } => {
            let ended = retire::node_drain_ended(b.s, node, *since, *deadline);
            ended.map_err(|on| Refusal::TooEarly { verb, subject: id.into(), on })?;
        }
        Stage::Live { .. } if node.duty == Duty::Serve => {
            return Err(does_not_fit(verb, id, "it is in service; drain it first"));
        }
        Stage::Leaving { .. } => return Err(does_not_fit(verb, id, "it leaves already")),
        Stage::Building | Stage::Live { .. } => {}
    }
    give_up::leave_node(b, id, Reason::Operator, true);
    Ok(())
}

fn owner(b: &Builder<'_>, subject: Subject) -> Result<NodeId, Refusal> {
    let what = match subject {
        Subject::Frontdoor(_) => "front door",
        _ => "egress address",
    };
    let mut nodes = b.bp.nodes.values();
    let node = nodes.find(|n| address::of(n).any(|a| a.subject == subject));
    node.map(|n| n.id).ok_or_else(|| no_such(what, subject))
}

fn drain_address(
    b: &mut Builder<'_>,
    pools: &[Pool<'_>],
    verb: Verb,
    subject: Subject,
) -> Result<(), Refusal> {
    let id = owner(b, subject)?;
    let node = b.node(id).ok_or_else(|| no_such("node", id))?;
    let pool = pool_of(pools, &node.region, node.role)?;
    let stage = address::of(node).find(|a| a.subject == subject).map(|a| a.stage.clone());
    let live = stage.as_ref().is_some_and(Stage::is_live) && node.stage.is_live();
    if !live {
        let why = "it is not in service, and only what is live drains";
        return Err(does_not_fit(verb, subject, why));
    }
    let (now, after, why) = (b.s.now, pool.drain, Reason::Operator);
    b.edit(id, |node| {
        if let Some(stage) = address::stage_mut(node, subject) {
            advance(stage, drain(now, after, why.clone()));
        }
    });
    b.tell(id, subject, Decision::Act { verb }, why);
    Ok(())
}

fn release_address(b: &mut Builder<'_>, verb: Verb, subject: Subject) -> Result<(), Refusal> {
    let id = owner(b, subject)?;
    let node = b.node(id).ok_or_else(|| no_such("node", id))?;
    let Some(a) = address::of(node).find(|a| a.subject == subject) else {
        return Err(no_such("address", subject));
    };
    match a.stage {
        Stage::Draining { since, deadline, .. } => {
            let ended = retire::address_drain_ended(b.s, subject, *since, *deadline);
            ended.map_err(|on| Refusal::TooEarly { verb, subject, on })?;
        }
        Stage::Live { .. } => return Err(does_not_fit(verb, subject, "drain it first")),
        Stage::Leaving { .. } => return Err(does_not_fit(verb, subject, "it leaves already")),
        Stage::Building => {}
    }
    give_up::leave_address(b, id, subject, Reason::Operator, true);
    Ok(())
}

fn published(b: &Builder<'_>, region: &RegionName) -> Result<(), Refusal> {
    let known = b.s.topology.regions.contains_key(region);
    known.then_some(()).ok_or_else(|| no_such("region", region))
}

/// Raises a region's serial once, if what its clients are told did not raise it already.
pub(super) fn publish_again(b: &mut Builder<'_>, region: &RegionName) {
    if !b.report.catalogs.contains_key(region) {
        raise_by_hand(b, region);
    }
}
