//! What the operator writes: one file that describes the whole fleet.
//!
//! The types here are the file's format: the JSON Schema that editors use, and that the reader
//! checks against, is generated from them.

mod catalog;
mod check;
mod diagnostic;
mod edge;
mod json;
mod lab;
mod load;
mod nearest;
mod path;
mod pool;
mod provider;
mod render;
mod rotation;
mod schema;
mod starter;
mod toml;
mod tree;
mod walk;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use catalog::{CatalogPolicy, Channel, bare};
pub use check::{Finding, check};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use edge::{Backbone, Balancer, DnsEntry, DnsNames};
pub use lab::LabSettings;
pub use load::{Loaded, load, load_with_warnings};
pub use path::{Path, Step};
pub use pool::{
    EgressPool, IngressPool, PoolProvider, Population, Profile, Region, Transport, WeightedProvider,
};
pub use provider::{Credentials, Dial, Limits, Prices, Provider, ProviderKind, SimSettings};
pub use render::Style;
pub use rotation::{EgressRotation, IngressRotation, Rotation};
pub use schema::schema;
pub use starter::starter;

use crate::name::{PopulationName, ProfileName, ProviderName, RegionName};
use crate::units::Usd;

/// All that one topology file describes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The fleet's name; it stands in every tag, so two fleets may share an account.
    #[schemars(regex(pattern = crate::name::PATTERN))]
    pub fleet: String,
    /// Accounts at vendors, by name.
    #[schemars(extend("minProperties" = 1))]
    pub providers: BTreeMap<ProviderName, Provider>,
    /// What nodes run and how big they are, by name.
    #[schemars(extend("minProperties" = 1))]
    pub profiles: BTreeMap<ProfileName, Profile>,
    /// Where nodes stand, by name.
    #[schemars(extend("minProperties" = 1))]
    pub regions: BTreeMap<RegionName, Region>,
    /// Groups of clients, by name.
    #[schemars(extend("minProperties" = 1))]
    pub populations: BTreeMap<PopulationName, Population>,
    /// How addresses and servers age, drain and are replaced.
    #[serde(default)]
    pub rotation: Rotation,
    /// DNS names that follow the fleet.
    #[serde(default)]
    pub dns: Vec<DnsEntry>,
    /// Load balancers whose targets follow the fleet.
    #[serde(default)]
    pub balancers: Vec<Balancer>,
    /// The private overlay between ingress and egress.
    #[serde(default)]
    pub backbone: Backbone,
    /// What clients are told, and where it is published.
    #[serde(default)]
    pub catalog: CatalogPolicy,
    /// The most that the fleet may cost.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// A file that says which autonomous system announces an address, relative to this one: as
    /// pfx2as, as iptoasn, or lines of prefix, ASN and country. Without, an address is taken to be
    /// of the first that its provider lists.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub origins: Option<String>,
}

/// The most that the fleet may cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// US dollars a month, over all providers.
    pub usd_per_month: Usd,
}

impl Topology {
    /// The populations that a region serves, in order of name.
    pub fn served_by<'a>(
        &'a self,
        region: &'a RegionName,
    ) -> impl Iterator<Item = (&'a PopulationName, &'a Population)> {
        self.populations.iter().filter(move |(_, p)| p.regions.contains(region))
    }
}
