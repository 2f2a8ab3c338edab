//! Profiles, regions and their pools, populations.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{ProfileName, ProviderName, RegionName};
use crate::net::Asn;
use crate::node::Role;
use crate::time::Span;
use crate::topology::provider::ProviderKind;
use crate::topology::schema;
use crate::units::Share;

/// What a node runs and how big it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Which end of the path its nodes stand at.
    pub role: Role,
    /// The machine size to order, for each kind of provider.
    #[schemars(schema_with = "schema::sizes")]
    pub machine: BTreeMap<ProviderKind, String>,
    /// Ingress: front doors on each node, each with an address of its own.
    #[serde(default)]
    #[schemars(range(min = 0, max = 64))]
    pub frontdoors: u32,
    /// Egress: source addresses on each node.
    #[serde(default)]
    #[schemars(range(min = 0, max = 256))]
    pub egress_ips: u32,
    /// Ingress: what the front doors speak, dealt to a node's doors in turn.
    #[serde(default)]
    pub transports: Vec<Transport>,
    /// A cloud-init template of the operator's own, relative to the topology file.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub bootstrap: Option<String>,
}

/// What a front door speaks, and on which port.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    /// The transport's name, as node and client know it: `shadowsocks`, `wireguard`, …
    #[schemars(regex(pattern = crate::name::PATTERN))]
    pub kind: String,
    /// TCP or UDP port, 1 to 65535.
    #[schemars(range(min = 1))]
    pub port: u16,
}

/// Where nodes stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// The nodes that clients connect to.
    pub ingress: IngressPool,
    /// The nodes that clients' traffic leaves from.
    pub egress: EgressPool,
}

/// The ingress nodes of a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IngressPool {
    /// What its nodes run.
    pub profile: ProfileName,
    /// Nodes in service.
    pub live: u32,
    /// Nodes kept warm beside them, told to nobody, that step in for a lost one.
    #[serde(default)]
    pub standby: u32,
    /// The accounts that its nodes come from.
    #[schemars(length(min = 1))]
    pub providers: Vec<PoolProvider>,
}

/// The egress nodes of a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressPool {
    /// What its nodes run.
    pub profile: ProfileName,
    /// Nodes in service.
    pub nodes: u32,
    /// The accounts that its nodes come from.
    #[schemars(length(min = 1))]
    pub providers: Vec<PoolProvider>,
}

/// An account that a pool draws from: its name alone, or with a weight and a cap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PoolProvider {
    /// Weight 1, no cap.
    Plain(ProviderName),
    /// With a weight and a cap.
    Weighted(WeightedProvider),
}

/// An account that a pool draws from, with a weight and a cap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightedProvider {
    /// The account.
    pub provider: ProviderName,
    /// Nodes here in proportion to this number.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: u32,
    /// The most nodes of this pool that stand here.
    #[serde(default)]
    pub max: Option<u32>,
}

const fn one() -> u32 {
    1
}

impl PoolProvider {
    /// The account's name.
    pub const fn name(&self) -> &ProviderName {
        match self {
            Self::Plain(name) => name,
            Self::Weighted(w) => &w.provider,
        }
    }

    /// Nodes here in proportion to this number; at least 1.
    pub const fn weight(&self) -> u32 {
        match self {
            Self::Plain(_) => 1,
            Self::Weighted(w) => w.weight,
        }
    }

    /// The most nodes of the pool that stand here.
    pub fn max(&self) -> usize {
        match self {
            Self::Plain(_) => usize::MAX,
            Self::Weighted(w) => w.max.map_or(usize::MAX, |m| m as usize),
        }
    }
}

/// The clients in one affected network group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// ISO 3166-1 alpha-2, in capitals.
    #[schemars(
        regex(pattern = "^[A-Z]{2}$"),
        extend("patternErrorMessage" = schema::NOT_A_COUNTRY)
    )]
    pub country: String,
    /// The clients' own networks.
    #[schemars(length(min = 1))]
    pub asns: BTreeSet<Asn>,
    /// The regions that serve them.
    #[schemars(length(min = 1))]
    pub regions: BTreeSet<RegionName>,
    /// Live front doors that they must always have.
    #[schemars(range(min = 1))]
    pub min_fronts: u32,
    /// Providers that those doors must stand at.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub min_providers: u32,
    /// Autonomous systems that those doors must stand in.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub min_asns: u32,
    /// Prefixes (/24, /48) that those doors must stand in.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub min_prefixes: u32,
    /// Nodes held back from every catalog until many doors are blocked at once.
    #[serde(default = "none")]
    pub reserve: Share,
}

const fn two() -> u32 {
    2
}

const fn none() -> Share {
    Share::Count(0)
}

/// How long a node may take from its creation to its agent's joining before it counts as failed.
pub(super) const JOIN_TIMEOUT: Span = Span::from_mins(15);
