//! What clients are told, and where it is published.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Span;
use crate::topology::Credentials;

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
    /// Clients that may ever have learned a front door's address. A door that this many were told
    /// of is replaced as if it had reached its age limit, once it is older than `ttl`. Left out,
    /// doors are not replaced for it.
    #[schemars(range(min = 1))]
    pub exposure_budget: Option<u32>,
    /// Where catalogs are published.
    pub channels: Vec<Channel>,
}

impl Default for CatalogPolicy {
    fn default() -> Self {
        Self {
            ttl: Span::from_hours(6),
            buckets: 64,
            fronts_per_bucket: 3,
            exposure_budget: None,
            channels: Vec::new(),
        }
    }
}

/// A place where catalogs are published. What lies in a public one is sealed for its bucket's
/// clients, under a name that nobody can guess.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Channel {
    /// Files with unguessable names in a directory, relative to the topology file.
    Directory {
        /// The directory; it is made when missing.
        #[schemars(length(min = 1))]
        path: String,
        /// Whether catalogs are sealed for their bucket's clients here too; public channels always
        /// do it.
        #[serde(default)]
        encrypt: bool,
        /// Where clients fetch from, where a web server gives the directory to them.
        #[serde(default)]
        #[schemars(length(min = 1))]
        url: Option<String>,
    },
    /// Objects in a bucket of Amazon's S3, or of any store that speaks like it.
    S3 {
        /// The store's address, as in `https://s3.eu-north-1.amazonaws.com`.
        #[schemars(length(min = 1))]
        endpoint: String,
        /// The bucket.
        #[schemars(length(min = 3, max = 63))]
        bucket: String,
        /// The store's name for its place, which signatures hold.
        #[serde(default = "us_east_1")]
        #[schemars(length(min = 1))]
        region: String,
        /// What object names start with, as in `c/`.
        #[serde(default)]
        prefix: String,
        /// Where clients fetch from, where that is not the bucket's own address. The prefix comes
        /// after it.
        #[serde(default)]
        #[schemars(length(min = 1))]
        url: Option<String>,
        /// Where the key is found: `access_key_id`, `secret_access_key`, `session_token`.
        credentials: Credentials,
        /// A file with the certificates of the authorities that the store is trusted by, in PEM,
        /// where they are not the machine's own.
        #[serde(default)]
        #[schemars(length(min = 1))]
        ca: Option<String>,
    },
    /// TXT records in a zone whose server takes dynamic updates (RFC 2136).
    Dns {
        /// The zone's primary server, as in `192.0.2.1:53`.
        #[schemars(length(min = 1))]
        server: String,
        /// The zone. Nothing else should stand in it.
        #[schemars(length(min = 1, max = 180))]
        zone: String,
        /// How long resolvers may keep an answer.
        #[serde(default = "a_minute")]
        ttl: Span,
        /// Where the TSIG key is found: `name`, `key`, `algorithm`.
        credentials: Credentials,
    },
}

fn us_east_1() -> String {
    "us-east-1".to_owned()
}

const fn a_minute() -> Span {
    Span::from_mins(1)
}

impl Channel {
    /// What tells it from all other channels, and is the same for its whole life: object names go
    /// by this.
    pub fn name(&self) -> String {
        match self {
            Self::Directory { path, .. } => format!("directory:{path}"),
            Self::S3 { endpoint, bucket, prefix, .. } => {
                format!("s3:{}/{bucket}/{prefix}", endpoint.trim_end_matches('/'))
            }
            Self::Dns { zone, .. } => format!("dns:{}", bare(zone)),
        }
    }

    /// What is known of it goes by this: its name, and whether a directory is sealed. One that
    /// becomes so is filled anew.
    pub fn state(&self) -> String {
        match self {
            Self::Directory { path, encrypt: true, .. } => format!("directory:{path} (sealed)"),
            _ => self.name(),
        }
    }

    /// Whether catalogs are sealed for their bucket's clients.
    pub const fn is_sealed(&self) -> bool {
        match self {
            Self::Directory { encrypt, .. } => *encrypt,
            Self::S3 { .. } | Self::Dns { .. } => true,
        }
    }

    /// The file that a catalog is in, by the name of its object.
    pub fn file_name(&self, object: impl Display) -> String {
        match self {
            Self::Directory { encrypt: false, .. } => format!("{object}.json"),
            Self::Directory { encrypt: true, .. } => format!("{object}.age"),
            Self::S3 { .. } | Self::Dns { .. } => object.to_string(),
        }
    }

    /// The address that clients fetch files below, with its last slash; none where there is none.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Directory { url, .. } => {
                Some(format!("{}/", url.as_ref()?.trim_end_matches('/')))
            }
            Self::S3 { endpoint, bucket, prefix, url, .. } => Some(match url {
                Some(url) => format!("{}/{prefix}", url.trim_end_matches('/')),
                None => format!("{}/{bucket}/{prefix}", endpoint.trim_end_matches('/')),
            }),
            Self::Dns { .. } => None,
        }
    }
}

/// A zone without its last dot.
pub fn bare(zone: &str) -> &str {
    zone.trim_end_matches('.')
}
