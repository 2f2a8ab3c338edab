//! What clients are told, and where it is published.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Span;

/// What clients are told, and where it is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogPolicy {
    /// How long a catalog holds. An address is not given up while a catalog names it.
    pub ttl: Span,
    /// Groups that each population's clients are divided into.
    #[schemars(range(min = 1, max = 65536))]
    pub buckets: u32,
    /// Front doors that one bucket is told of, in each region.
    #[schemars(range(min = 1, max = 16))]
    pub fronts_per_bucket: u32,
    /// Where catalogs are published.
    pub channels: Vec<Channel>,
}

impl Default for CatalogPolicy {
    fn default() -> Self {
        Self { ttl: Span::from_hours(6), buckets: 64, fronts_per_bucket: 3, channels: Vec::new() }
    }
}

/// A place where catalogs are published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Channel {
    /// Files with unguessable names in a directory, relative to the topology file.
    Directory {
        /// The directory; it is made when missing.
        #[schemars(length(min = 1))]
        path: String,
    },
}
