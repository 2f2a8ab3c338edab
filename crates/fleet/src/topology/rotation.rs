//! How addresses and servers age, drain and are replaced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Span;
use crate::topology::pool::JOIN_TIMEOUT;
use crate::units::Share;

/// How addresses and servers age, drain and are replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rotation {
    /// Front doors and the nodes that carry them.
    pub ingress: IngressRotation,
    /// Egress addresses and the nodes that carry them.
    pub egress: EgressRotation,
    /// When more than this share of a pool looks blocked or down at once, rotation halts.
    pub breaker: Share,
    /// The most servers and addresses that one plan takes down.
    pub max_destroys_per_plan: u32,
    /// A node whose agent has not joined after this long has failed.
    pub join_timeout: Span,
    /// A node whose agent has been silent for this long is down.
    pub dead_after: Span,
    /// Each age limit is shortened by up to this share, so that a fleet never ages out at once.
    pub jitter: Share,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            ingress: IngressRotation::default(),
            egress: EgressRotation::default(),
            breaker: Share::Percent(40.0),
            max_destroys_per_plan: 10,
            join_timeout: JOIN_TIMEOUT,
            dead_after: Span::from_mins(10),
            jitter: Share::Percent(25.0),
        }
    }
}

/// Rotation of front doors and ingress nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngressRotation {
    /// The age at which a front door is replaced. Where a provider can't move addresses, the
    /// age at which its node is.
    pub max_age: Span,
    /// How long sessions may live on after a front door stops taking new ones.
    pub drain: Span,
    /// The same for a front door that is blocked for all of its populations.
    pub burned_drain: Span,
    /// The most of a region's doors that are draining, replaced, unhealthy or not joined at once.
    pub max_disrupted: Share,
}

impl Default for IngressRotation {
    fn default() -> Self {
        Self {
            max_age: Span::from_days(7),
            drain: Span::from_hours(24),
            burned_drain: Span::from_hours(1),
            max_disrupted: Share::Percent(20.0),
        }
    }
}

/// Rotation of egress addresses and egress nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EgressRotation {
    /// The age at which an egress address is replaced.
    pub max_age: Span,
    /// How long sessions may live on after an address stops taking new ones.
    pub drain: Span,
    /// The most of a region's addresses that are draining, replaced, unhealthy or not joined.
    pub max_disrupted: Share,
}

impl Default for EgressRotation {
    fn default() -> Self {
        Self {
            max_age: Span::from_days(60),
            drain: Span::from_hours(24),
            max_disrupted: Share::Percent(10.0),
        }
    }
}
