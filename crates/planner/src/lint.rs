//! Checks a blueprint against the rules that are never broken.

mod budget;
mod leaving;
mod outside;
mod standing;

use std::fmt;

use damm_fleet::Blueprint;
use serde::{Deserialize, Serialize};

use crate::plan::Situation;
use crate::scene::Scene;

/// The rules of the design, by number, that a blueprint can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// 1: no client-visible byte holds an egress address.
    EgressHidden,
    /// 2: rotating egress changes no client-visible byte.
    EgressInvisible,
    /// 3: each population keeps its front doors, providers, ASNs and prefixes.
    PopulationFloor,
    /// 4: a replacement is verified before what it replaces starts to drain.
    MakeBeforeBreak,
    /// 5: no address is released while it is named, or before its drain ends.
    NamedAddress,
    /// 6: no node is destroyed while it holds sessions, before its drain deadline.
    SessionsFirst,
    /// 7: at most one live resource for each row; ids are never used twice.
    OneResource,
    /// 8: ingress ages faster than egress.
    IngressAgesFaster,
    /// 9: disruption budget, breaker and destroy cap.
    Disruption,
    /// 10: verdicts are per client network.
    PerNetwork,
    /// 11: no client address.
    NoClientAddress,
    /// 12: what is published goes on working: nothing live is left without a catalog.
    Outlives,
}

impl Rule {
    /// The rule's number in the design.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::EgressHidden => "no client is told an egress address",
            Self::EgressInvisible => "rotating egress changes nothing that clients are told",
            Self::PopulationFloor => "each population keeps its front doors",
            Self::MakeBeforeBreak => "make before break",
            Self::NamedAddress => "no address is released while a catalog names it",
            Self::SessionsFirst => "no node is destroyed while it holds sessions",
            Self::OneResource => "one resource for each row",
            Self::IngressAgesFaster => "ingress ages faster than egress",
            Self::Disruption => "disruption stays within its budget",
            Self::PerNetwork => "verdicts are per client network",
            Self::NoClientAddress => "no client address is kept",
            Self::Outlives => "what is published goes on working",
        };
        write!(f, "rule {} ({text})", self.number())
    }
}

/// A rule that a blueprint breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// What breaks it.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

impl Violation {
    fn new(rule: Rule, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

/// The rules that a child of the situation's parent would break.
///
/// It is written apart from the policy on purpose: what the policy forgets, this finds. Rule 11
/// needs no check: a blueprint has no place for a client's address.
pub fn lint(situation: &Situation<'_>, child: &Blueprint) -> Vec<Violation> {
    let checks = [
        outside::egress_is_hidden,
        outside::catalogs_follow_what_is_told,
        outside::verdicts_are_per_network,
        standing::populations_keep_their_doors,
        standing::replacements_stand_first,
        standing::ids_are_used_once,
        standing::ingress_ages_faster,
        leaving::nothing_leaves_early,
        budget::disruption_is_bounded,
        budget::nothing_goes_while_halted,
        budget::destroys_are_capped,
    ];
    let scene = &Scene::of(situation);
    checks.iter().flat_map(|check| check(scene, child)).collect()
}
