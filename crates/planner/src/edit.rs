//! Verbs by hand: child blueprints whose origin is the operator.

mod verbs;

use damm_fleet::{
    EgressIpId, FrontdoorId, NodeId, Origin, ProfileName, ProviderName, RegionName, Seed, Subject,
    Verb, WaitingOn,
};

use crate::builder::Builder;
use crate::lint::{Violation, lint};
use crate::plan::{Plan, Situation};
use crate::policy::outward::{point_names, raise_catalogs};
use crate::policy::summary::summarize;
use crate::pool::Pool;
use crate::scene::Scene;

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
    let scene = &Scene::of(situation);
    let mut b = Builder::new(scene, seed, Origin::Operator(verb));
    let pools = Pool::all(situation.topology, situation.parent);
    verbs::carry_out(&mut b, &pools, edit)?;
    point_names(&mut b);
    raise_catalogs(&mut b);
    if let Edit::PublishEndpointCatalog { region } = edit {
        verbs::publish_again(&mut b, region);
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
