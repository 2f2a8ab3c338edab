//! Verbs by hand: child blueprints whose origin is the operator.

use damm_fleet::{
    Duty, EgressIpId, FrontdoorId, NodeId, Origin, ProfileName, ProviderName, Reason, RegionName,
    Role, Seed, Stage, Subject, Verb, WaitingOn,
};

use crate::address;
use crate::age;
use crate::builder::{Builder, advance, drain, stays};
use crate::choose;
use crate::lint::{Violation, lint};
use crate::plan::{Plan, Situation};
use crate::policy::outward::{point_names, raise_by_hand, raise_catalogs};
use crate::policy::summary::summarize;
use crate::policy::{fill, give_up, retire};
use crate::pool::Pool;
use crate::report::Decision;

/// A verb called by hand.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// `createIngress`
    CreateIngress {
        /// Where.
        region: RegionName,
        /// At which account.
        provider: ProviderName,
        /// What it runs.
        profile: ProfileName,
    },
    /// `createEgress`
    CreateEgress {
        /// Where.
        region: RegionName,
        /// At which account.
        provider: ProviderName,
        /// What it runs.
        profile: ProfileName,
    },
    /// `allocateIngressFrontdoors`
    AllocateIngressFrontdoors {
        /// The node.
        node: NodeId,
        /// How many.
        count: u32,
    },
    /// `allocateEgressIps`
    AllocateEgressIps {
        /// The node.
        node: NodeId,
        /// How many.
        count: u32,
    },
    /// `drainNode`
    DrainNode {
        /// The node.
        node: NodeId,
    },
    /// `retireNode`
    RetireNode {
        /// The node.
        node: NodeId,
    },
    /// `publishEndpointCatalog`
    PublishEndpointCatalog {
        /// The region.
        region: RegionName,
    },
    /// `drainFrontdoor`
    DrainFrontdoor {
        /// The front door.
        frontdoor: FrontdoorId,
    },
    /// `releaseFrontdoor`
    ReleaseFrontdoor {
        /// The front door.
        frontdoor: FrontdoorId,
    },
    /// `drainEgressIp`
    DrainEgressIp {
        /// The address.
        egress_ip: EgressIpId,
    },
    /// `releaseEgressIp`
    ReleaseEgressIp {
        /// The address.
        egress_ip: EgressIpId,
    },
}

/// Why a verb is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such thing in the fleet.
    #[error("there is no {what} `{name}` in the fleet")]
    NoSuch {
        /// What was looked for.
        what: &'static str,
        /// Its id or name.
        name: String,
    },
    /// The verb does not fit what the thing is or where in its life it is.
    #[error("{verb} does not fit {subject}: {why}")]
    DoesNotFit {
        /// The verb.
        verb: Verb,
        /// The thing.
        subject: String,
        /// Why not.
        why: String,
    },
    /// It would be too early.
    #[error("{verb} of {subject} has to wait for {on}")]
    TooEarly {
        /// The verb.
        verb: Verb,
        /// The thing.
        subject: Subject,
        /// What it has to wait for.
        on: WaitingOn,
    },
    /// No provider, or not the node's, can give one more now.
    #[error("{verb} has to wait for {on}")]
    NoRoom {
        /// The verb.
        verb: Verb,
        /// What it has to wait for.
        on: WaitingOn,
    },
    /// It would break a rule.
    #[error("refused by {}", .0.first().map_or_else(String::new, ToString::to_string))]
    Rule(Vec<Violation>),
}

/// Decides the child blueprint of a verb by hand.
///
/// # Errors
///
/// [`Refusal`] when the verb does not fit, comes too early, or would break a rule.
pub fn edit(situation: &Situation<'_>, seed: Seed, edit: &Edit) -> Result<Plan, Refusal> {
    let verb = edit.verb();
    let mut b = Builder::new(situation, seed, Origin::Operator(verb));
    let pools = Pool::all(situation.topology, situation.parent);
    carry_out(&mut b, &pools, edit)?;
    point_names(&mut b);
    raise_catalogs(&mut b);
    if let Edit::PublishEndpointCatalog { region } = edit {
        publish_again(&mut b, region);
    }
    summarize(&mut b, &pools);
    let plan = b.finish();
    match lint(situation, &plan.blueprint) {
        broken if broken.is_empty() => Ok(plan),
        broken => Err(Refusal::Rule(broken)),
    }
}

impl Edit {
    /// Which verb it is.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::CreateIngress { .. } => Verb::CreateIngress,
            Self::CreateEgress { .. } => Verb::CreateEgress,
            Self::AllocateIngressFrontdoors { .. } => Verb::AllocateIngressFrontdoors,
            Self::AllocateEgressIps { .. } => Verb::AllocateEgressIps,
            Self::DrainNode { .. } => Verb::DrainNode,
            Self::RetireNode { .. } => Verb::RetireNode,
            Self::PublishEndpointCatalog { .. } => Verb::PublishEndpointCatalog,
            Self::DrainFrontdoor { .. } => Verb::DrainFrontdoor,
            Self::ReleaseFrontdoor { .. } => Verb::ReleaseFrontdoor,
            Self::DrainEgressIp { .. } => Verb::DrainEgressIp,
            Self::ReleaseEgressIp { .. } => Verb::ReleaseEgressIp,
        }
    }
}

fn carry_out<'a>(b: &mut Builder<'a>, pools: &[Pool<'a>], edit: &Edit) -> Result<(), Refusal> {
    let verb = edit.verb();
    match edit {
        Edit::CreateIngress {
            region,
            provider,
            profile,
        } => create(b, pools, verb, Role::Ingress, (region, provider, profile)),
        Edit::CreateEgress {
            region,
            provider,
            profile,
        } => create(b, pools, verb, Role::Egress, (region, provider, profile)),
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
    Refusal::NoSuch {
        what,
        name: name.to_string(),
    }
}

fn does_not_fit(verb: Verb, subject: impl ToString, why: impl Into<String>) -> Refusal {
    Refusal::DoesNotFit {
        verb,
        subject: subject.to_string(),
        why: why.into(),
    }
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
    room.and_then(|()| choose::affordable(b, choice.cost, None))
        .map_err(|why| Refusal::NoRoom {
            verb,
            on: WaitingOn::Providers {
                each: vec![(provider.clone(), why)],
            },
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
        return Err(does_not_fit(
            verb,
            id,
            format!("it is an {} node", node.role),
        ));
    }
    if !stays(&node.stage) {
        return Err(does_not_fit(
            verb,
            id,
            format!("it is {}", node.stage.name()),
        ));
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
    b.edit(id, |n| {
        advance(&mut n.stage, drain(now, after, why.clone()))
    });
    b.tell(
        id,
        id.into(),
        Decision::Act {
            verb: Verb::DrainNode,
        },
        why,
    );
    Ok(())
}

fn retire_node(b: &mut Builder<'_>, id: NodeId) -> Result<(), Refusal> {
    let verb = Verb::RetireNode;
    let node = b.node(id).ok_or_else(|| no_such("node", id))?;
    match &node.stage {
        Stage::Draining {
            since, deadline, ..
        } => {
            let ended = retire::node_drain_ended(b.s, node, *since, *deadline);
            ended.map_err(|on| Refusal::TooEarly {
                verb,
                subject: id.into(),
                on,
            })?;
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
    let stage = address::of(node)
        .find(|a| a.subject == subject)
        .map(|a| a.stage.clone());
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
        Stage::Draining {
            since, deadline, ..
        } => {
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
fn publish_again(b: &mut Builder<'_>, region: &RegionName) {
    if !b.report.catalogs.contains_key(region) {
        raise_by_hand(b, region);
    }
}
