//! Why something is changed, and why something is not: values, not texts, with one wording each.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::id::{EgressIpId, FrontdoorId, NodeId};
use crate::name::{PopulationName, ProviderName};
use crate::resource::FailureClass;
use crate::time::{Span, Timestamp};
use crate::units::Usd;
use crate::verdict::Network;

/// Why something is made, drained, taken down or published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The pool has fewer than the topology asks for.
    BelowTarget {
        /// How many there are.
        have: u32,
        /// How many there should be.
        want: u32,
    },
    /// Fewer warm nodes than the topology asks for.
    BelowStandby {
        /// How many there are.
        have: u32,
        /// How many there should be.
        want: u32,
    },
    /// Fewer nodes held in reserve than the populations ask for.
    BelowReserve {
        /// How many there are.
        have: u32,
        /// How many there should be.
        want: u32,
    },
    /// A population's doors stand in too few places.
    Diversity {
        /// The population.
        population: PopulationName,
        /// What is missing: `providers`, `ASNs` or `prefixes`.
        what: String,
    },
    /// It reached its age limit.
    Aged {
        /// The limit, jitter included.
        limit: Span,
    },
    /// As many clients can have learned its address as its exposure budget allows.
    Exposed {
        /// How many can have learned it.
        learned_by: u32,
        /// How many may.
        budget: u32,
    },
    /// It is blocked in some of the networks that it serves.
    Blocked {
        /// Those networks.
        networks: Vec<Network>,
    },
    /// It is blocked for every population that it serves.
    Burned,
    /// Its new address was blocked before, when it was ours for another front door.
    BlockedBefore {
        /// The networks that it was blocked in.
        networks: Vec<Network>,
    },
    /// Its new address stands in a prefix that is blocked for a population that it is meant for.
    PrefixBlocked {
        /// The prefix.
        prefix: IpNet,
        /// The population.
        population: PopulationName,
    },
    /// Its server is gone or has been silent for too long.
    Dead {
        /// Since when.
        since: Timestamp,
    },
    /// Its agent did not join in time.
    NeverJoined {
        /// How long it was waited for.
        after: Span,
    },
    /// Its provider would not make it.
    Refused {
        /// The kind of refusal.
        class: FailureClass,
    },
    /// The topology no longer asks for what it is.
    TopologyChanged {
        /// What differs, in a few words.
        what: String,
    },
    /// The pool has more than the topology asks for, and this is worth least.
    Surplus {
        /// How many there are.
        have: u32,
        /// How many there should be.
        want: u32,
    },
    /// What replaces it is verified and in service.
    Replaced {
        /// The node's replacement, where a node was replaced.
        by: String,
    },
    /// It steps in for what was lost.
    StepsIn {
        /// How many nodes are in service without it.
        have: u32,
        /// How many there should be.
        want: u32,
    },
    /// Many doors are blocked at once, so the reserve is opened.
    MassBlock {
        /// The population that fell below its minimum.
        population: PopulationName,
    },
    /// Its last session has ended.
    Drained,
    /// Its drain deadline has come.
    DrainDeadline {
        /// Sessions that it still held.
        sessions: u64,
    },
    /// It was verified, so clients may be told of it.
    Verified,
    /// What clients are told of a region has changed.
    CatalogChanged {
        /// Front doors that come in.
        added: u32,
        /// Front doors that go out.
        removed: u32,
    },
    /// The published catalog is past half of its life.
    CatalogRenewal,
    /// The operator asked for it.
    Operator,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BelowTarget { have, want } => write!(f, "{have} of {want} in service"),
            Self::BelowStandby { have, want } => write!(f, "{have} of {want} on standby"),
            Self::BelowReserve { have, want } => write!(f, "{have} of {want} in reserve"),
            Self::Diversity { population, what } => write!(f, "{population} needs more {what}"),
            Self::Aged { limit } => write!(f, "reached its age limit of {limit}"),
            Self::Exposed { learned_by, budget } => {
                write!(f, "known to {learned_by} clients, of {budget} that may be")
            }
            Self::Blocked { networks } => write!(f, "blocked in {}", list(networks)),
            Self::Burned => write!(f, "blocked for every population it serves"),
            Self::BlockedBefore { networks } => {
                write!(f, "its new address was blocked before in {}", list(networks))
            }
            Self::PrefixBlocked { prefix, population } => {
                write!(f, "its new address stands in {prefix}, which is blocked for {population}")
            }
            Self::Dead { since } => write!(f, "down since {since}"),
            Self::NeverJoined { after } => write!(f, "agent did not join within {after}"),
            Self::Refused { class } => write!(f, "provider would not make it: {class}"),
            Self::TopologyChanged { what } => write!(f, "topology changed: {what}"),
            Self::Surplus { have, want } => write!(f, "{have} where {want} are wanted"),
            Self::Replaced { by } => write!(f, "replaced by {by}"),
            Self::StepsIn { have, want } => write!(f, "steps in: {have} of {want} in service"),
            Self::MassBlock { population } => {
                write!(f, "reserve opened: too many doors of {population} are blocked")
            }
            Self::Drained => write!(f, "last session ended"),
            Self::DrainDeadline { sessions: 0 } => write!(f, "drain deadline reached"),
            Self::DrainDeadline { sessions } => {
                write!(f, "drain deadline reached with {sessions} sessions left")
            }
            Self::Verified => write!(f, "verified"),
            Self::CatalogChanged { added, removed } => {
                write!(f, "{added} front doors in, {removed} out")
            }
            Self::CatalogRenewal => write!(f, "past half of its life"),
            Self::Operator => write!(f, "asked for by the operator"),
        }
    }
}

fn list(networks: &[Network]) -> String {
    let names: Vec<String> = networks.iter().take(3).map(ToString::to_string).collect();
    match networks.len().saturating_sub(3) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Why something that a reader would expect to happen does not happen now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "waiting_on", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitingOn {
    /// A node that replaces it is not verified yet.
    Replacement {
        /// The node.
        node: NodeId,
    },
    /// A front door that replaces it is not verified yet.
    ReplacementDoor {
        /// The front door.
        door: FrontdoorId,
    },
    /// An egress address that replaces it is not verified yet.
    ReplacementIp {
        /// The address.
        ip: EgressIpId,
    },
    /// The provider is making it, or its agent has not joined, or it was not probed.
    Verification {
        /// Since when.
        since: Timestamp,
    },
    /// As much of the pool as is allowed is already draining, replaced, unhealthy or not joined.
    DisruptionBudget {
        /// How many are.
        used: u32,
        /// How many may be.
        max: u32,
    },
    /// Too much of the pool looks blocked or down at once; rotation halts.
    Breaker {
        /// How many look so.
        bad: u32,
        /// Of how many.
        of: u32,
    },
    /// This plan already takes down as many as it may.
    DestroyCap {
        /// The cap.
        max: u32,
    },
    /// An unexpired catalog still names it.
    CatalogExpiry {
        /// When the last of those expires.
        until: Timestamp,
    },
    /// Its DNS record's time to live has not passed.
    DnsExpiry {
        /// When it has.
        until: Timestamp,
    },
    /// It still holds sessions.
    Drain {
        /// When waiting ends.
        until: Timestamp,
        /// How many there are.
        sessions: u64,
    },
    /// It would cost more than the budget allows.
    Budget {
        /// What the fleet would cost a month.
        would_cost: Usd,
        /// What it may cost a month.
        limit: Usd,
    },
    /// No provider of the pool can give one more now.
    Providers {
        /// Why each of them can't.
        each: Vec<(ProviderName, NoRoom)>,
    },
    /// A population would fall below its minimum.
    PopulationFloor {
        /// The population.
        population: PopulationName,
        /// What would be too few: `front doors`, `providers`, `ASNs` or `prefixes`.
        what: String,
        /// How many would be left.
        left: u32,
        /// How many it needs.
        min: u32,
    },
    /// Its provider shows more than one thing with its tag; nothing is destroyed until the operator
    /// decides.
    OperatorDecision,
    /// It has to be seen gone by its provider.
    Disappearance {
        /// Since when it is being taken down.
        since: Timestamp,
    },
}

/// Why a provider can't give one more node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoRoom {
    /// The account's limit, or the pool's cap, is reached.
    Limit {
        /// The number that may not be exceeded.
        max: u32,
    },
    /// It had none, or refused, a short while ago.
    Exhausted {
        /// When it is asked again.
        until: Timestamp,
    },
    /// Its price does not fit the budget.
    Budget,
    /// It doesn't offer the machine.
    NotOffered,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { max } => write!(f, "limit of {max} reached"),
            Self::Exhausted { until } => write!(f, "had none or refused, asked again at {until}"),
            Self::Budget => write!(f, "too dear for the budget"),
            Self::NotOffered => write!(f, "doesn't offer the machine"),
        }
    }
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replacement { node } => write!(f, "its replacement {node} to be verified"),
            Self::ReplacementDoor { door } => write!(f, "its replacement {door} to be verified"),
            Self::ReplacementIp { ip } => write!(f, "its replacement {ip} to be verified"),
            Self::Verification { since } => write!(f, "verification, since {since}"),
            Self::DisruptionBudget { used, max } => {
                write!(f, "the disruption budget: {used} of {max} in use")
            }
            Self::Breaker { bad, of } => write!(
                f,
                "the breaker: {bad} of {of} look blocked or down at once, and the observer may be \
                 what broke"
            ),
            Self::DestroyCap { max } => {
                write!(f, "the next plan: one plan takes down {max} at most")
            }
            Self::CatalogExpiry { until } => {
                write!(f, "the last catalog that names it, until {until}")
            }
            Self::DnsExpiry { until } => write!(f, "its DNS record's time to live, until {until}"),
            Self::Drain { until, sessions } => {
                write!(f, "{sessions} sessions to end, until {until} at most")
            }
            Self::Budget { would_cost, limit } => {
                write!(f, "the budget: it would cost {would_cost} a month of {limit}")
            }
            Self::Providers { each } => {
                write!(f, "a provider with room")?;
                for (i, (name, why)) in each.iter().enumerate() {
                    write!(f, "{} {name}: {why}", if i == 0 { ":" } else { "," })?;
                }
                Ok(())
            }
            Self::PopulationFloor { population, what, left, min } => {
                write!(f, "{population}, who would be left with {left} {what} of at least {min}")
            }
            Self::OperatorDecision => {
                write!(f, "the operator: its provider shows more than one with its tag")
            }
            Self::Disappearance { since } => {
                write!(f, "its provider to stop showing it, since {since}")
            }
        }
    }
}
