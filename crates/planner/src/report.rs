//! What a plan tells its reader.

use std::collections::BTreeMap;
use std::fmt;

use damm_fleet::{
    FrontdoorId, PopulationName, Reason, RegionName, Role, Subject, Usd, Verb, WaitingOn,
};
use serde::{Deserialize, Serialize};

/// All that a plan tells its reader.
#[must_use = "an unread report is not actionable"]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What changes, and why; in the order of regions, then of the policy.
    pub changes: Vec<Changed>,
    /// What a reader would expect to change and does not, and why.
    pub waits: Vec<Waiting>,
    /// Pools whose rotation is halted.
    pub halts: Vec<Halt>,
    /// Each pool before and after.
    pub pools: Vec<PoolReport>,
    /// What each population is left with after losing any one ASN, provider or prefix, once this
    /// plan has been carried out.
    pub survival: BTreeMap<PopulationName, Survival>,
    /// What the fleet costs a month.
    pub cost: Cost,
    /// What clients are told anew, per region.
    pub catalogs: BTreeMap<RegionName, CatalogDiff>,
}

/// What a change or a wait is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Item {
    /// A node, a front door or an egress address.
    Subject(Subject),
    /// A whole pool.
    Pool(Role),
    /// A population.
    Population(PopulationName),
    /// A region's catalogs.
    Catalog,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(s) => f.pad(&s.to_string()),
            Self::Pool(role) => f.pad(&format!("{role} pool")),
            Self::Population(p) => f.pad(p.as_str()),
            Self::Catalog => f.pad("catalog"),
        }
    }
}

/// What is decided about an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// A verb of the contract.
    Act {
        /// Which.
        verb: Verb,
    },
    /// It was verified and comes into service, or on standby.
    Verified,
    /// A warm node comes into service.
    StepIn,
    /// It is no longer told to a population.
    Withhold {
        /// Which.
        population: PopulationName,
    },
    /// It is told to a population again.
    Restore {
        /// Which.
        population: PopulationName,
    },
    /// It was seen gone, and is forgotten.
    Forget,
}

/// One change, with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// What changes.
    pub item: Item,
    /// Where it stands.
    pub region: RegionName,
    /// What is decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// A few words for the reader, such as the provider, the profile and the number of doors.
    pub detail: String,
    /// Why.
    pub why: Reason,
}

/// One thing that does not happen now, with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// What would change.
    pub item: Item,
    /// Where it stands.
    pub region: RegionName,
    /// What would be done.
    pub would: Verb,
    /// What it waits on.
    pub on: WaitingOn,
}

/// A pool whose rotation is halted, because too much of it looks blocked or down at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Halt {
    /// Where.
    pub region: RegionName,
    /// Which pool.
    pub role: Role,
    /// Nodes or doors that look blocked or down.
    pub bad: u32,
    /// Of how many.
    pub of: u32,
}

/// How many nodes of a pool are at each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// In service.
    pub live: u32,
    /// Verified and warm.
    pub standby: u32,
    /// Held in reserve.
    pub reserve: u32,
    /// Being made.
    pub building: u32,
    /// Draining.
    pub draining: u32,
    /// Being taken down.
    pub leaving: u32,
    /// Addresses (front doors or egress addresses) in service.
    pub addresses: u32,
}

/// One pool before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolReport {
    /// Where.
    pub region: RegionName,
    /// Which pool.
    pub role: Role,
    /// Nodes that the topology wants in service.
    pub want: u32,
    /// Before this plan.
    pub before: Counts,
    /// Once it is adopted.
    pub after: Counts,
}

/// What a population has, and what it is left with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Survival {
    /// Front doors that its clients may be told of.
    pub fronts: u32,
    /// The least that it must have.
    pub min_fronts: u32,
    /// Providers that they stand at.
    pub providers: u32,
    /// Autonomous systems that they stand in.
    pub asns: u32,
    /// Prefixes that they stand in.
    pub prefixes: u32,
    /// After losing the provider, the ASN and the prefix that hurt most, in this order.
    pub worst: Vec<Survivors>,
}

/// What is left after losing one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Survivors {
    /// `provider`, `ASN` or `prefix`.
    pub kind: String,
    /// Which one; empty when there is none to lose.
    pub lost: String,
    /// Front doors left.
    pub left: u32,
}

/// What the fleet costs a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Before this plan.
    pub now: Usd,
    /// Once it is carried out, with what leaves still counted.
    pub then: Usd,
    /// What the topology allows.
    pub limit: Option<Usd>,
}

/// What a region's clients are told anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogDiff {
    /// Front doors that come in.
    pub added: Vec<FrontdoorId>,
    /// Front doors that go out.
    pub removed: Vec<FrontdoorId>,
    /// Nothing changes but the times.
    pub renewal: bool,
}
