//! Providers: one account at one vendor.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::RegionName;
use crate::net::Asn;
use crate::time::Span;
use crate::topology::lab::LabSettings;
use crate::topology::schema;
use crate::units::Usd;

/// One account at one vendor. Two accounts at one vendor are two providers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Which vendor's API this account speaks.
    pub kind: ProviderKind,
    /// Where the account's secret is found; never the secret itself.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// Where the account's API is found, where it is not the vendor's one address for all.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub endpoint: Option<String>,
    /// A file with the certificates of the authorities that the API is trusted by, in PEM, where
    /// they are not the machine's own.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub ca: Option<String>,
    /// The image that machines are made from, by the vendor's name for it.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub image: Option<String>,
    /// What else this kind of account has to say: `damm providers` lists it.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// The autonomous systems that this account's addresses come from; at least one, where it has
    /// machines.
    #[serde(default)]
    #[schemars(extend("uniqueItems" = true))]
    pub asns: Vec<Asn>,
    /// The vendor's name for the place, for each region that this account may serve.
    #[serde(default)]
    #[schemars(schema_with = "schema::places")]
    pub locations: BTreeMap<RegionName, String>,
    /// What the account may be asked to hold and to answer.
    #[serde(default)]
    pub limits: Limits,
    /// Prices of this account, where they differ from the vendor's built-in table.
    #[serde(default)]
    pub prices: Prices,
    /// How the embedded cloud behaves; only for the kind `sim`.
    #[serde(default)]
    pub sim: Option<SimSettings>,
    /// How the lab behaves; for the kind `lab`, which needs it.
    #[serde(default)]
    pub lab: Option<LabSettings>,
}

/// A vendor.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// The embedded cloud: machines, addresses, DNS and balancers in the state file.
    Sim,
    /// The lab: machines are network namespaces of this one, with real packets and real agents.
    Lab,
    /// Hetzner Cloud: machines, addresses, DNS and balancers.
    Hetzner,
    /// DigitalOcean: machines, addresses, DNS and balancers.
    DigitalOcean,
    /// Linode, of Akamai: machines, addresses and balancers.
    Linode,
    /// Vultr: machines and addresses.
    Vultr,
    /// Amazon Web Services: machines, addresses, DNS and balancers.
    Aws,
    /// OpenStack clouds: machines, addresses and balancers.
    OpenStack,
    /// DNS servers that take dynamic updates (RFC 2136).
    Rfc2136,
    /// PowerDNS servers.
    PowerDns,
    /// Cloudflare: DNS.
    Cloudflare,
    /// HAProxy: balancers.
    HaProxy,
}

impl ProviderKind {
    /// The kind as the topology writes it.
    pub const fn as_str(self) -> &'static str {
        match self.sheet() {
            Some(sheet) => sheet.name,
            None if matches!(self, Self::Lab) => "lab",
            None => "sim",
        }
    }

    /// Whether its machines run agents of their own; the embedded cloud plays its machines'.
    pub const fn has_agents(self) -> bool {
        !matches!(self, Self::Sim)
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Credentials {
    /// In this environment variable.
    Env(#[schemars(length(min = 1))] String),
    /// In this file, whose end-of-line is cut off.
    File(#[schemars(length(min = 1))] String),
}

/// What an account may be asked to hold and to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Servers that the account may hold for this fleet.
    pub nodes: Option<u32>,
    /// Calls an hour, as the vendor counts them.
    #[schemars(range(min = 1))]
    pub requests_per_hour: u32,
    /// Calls that may be under way at once.
    #[schemars(range(min = 1, max = 256))]
    pub parallel: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes: None, requests_per_hour: 3_600, parallel: 8 }
    }
}

/// Prices a month.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// US dollars a month for each machine size.
    pub machines: BTreeMap<String, Usd>,
    /// US dollars a month for one more address.
    pub address: Option<Usd>,
}

/// How the embedded cloud behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SimSettings {
    /// Prefixes that addresses are drawn from, spread evenly over the provider's ASNs in order.
    /// Empty: made up from the provider's name, two for each ASN, out of 10.0.0.0/8.
    #[schemars(schema_with = "schema::prefixes")]
    pub prefixes: Vec<IpNet>,
    /// From a machine's creation to its agent's joining.
    pub boot_time: Span,
    /// The delay of every answer.
    pub latency: Span,
    /// Machines that the vendor has to give, over all fleets; none: no end of them.
    pub stock: Option<u32>,
    /// Machines that the account may hold, as the vendor enforces it.
    pub quota: Option<u32>,
    /// Addresses that one machine can hold beside its own.
    pub max_addresses: u32,
    /// Whether addresses can be added to and taken from a running machine.
    pub movable_addresses: bool,
    /// Whether addresses carry tags; at some vendors they can't.
    pub tagged_addresses: bool,
    /// Whether a machine sees its addresses under others, behind a translation.
    pub translated_addresses: bool,
    /// From a machine's deletion to its leaving the listings.
    pub delete_time: Span,
    /// What a caller waits for an answer that is lost.
    pub timeout: Span,
    /// Sessions that an address in service comes to hold, on average.
    pub sessions_per_address: u32,
    /// The time in which half of the sessions of a draining address end.
    pub session_half_life: Span,
    /// Faults to be served.
    pub faults: Dial,
}

impl Default for SimSettings {
    fn default() -> Self {
        Self {
            prefixes: Vec::new(),
            boot_time: Span::from_secs(20),
            latency: Span::ZERO,
            stock: None,
            quota: None,
            max_addresses: 256,
            movable_addresses: true,
            tagged_addresses: true,
            translated_addresses: false,
            delete_time: Span::from_secs(5),
            timeout: Span::from_secs(10),
            sessions_per_address: 1_000,
            session_half_life: Span::from_mins(10),
            faults: Dial::default(),
        }
    }
}

/// The fault dial of the embedded cloud: for each fault, its odds per call, from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dial {
    /// Draws the faults; the same seed and the same calls give the same faults.
    pub seed: u64,
    /// 429 that says when to come back.
    #[schemars(range(min = 0, max = 1))]
    pub throttled: f64,
    /// 429 that does not say when to come back.
    #[schemars(range(min = 0, max = 1))]
    pub throttled_silent: f64,
    /// 5xx, and nothing was done.
    #[schemars(range(min = 0, max = 1))]
    pub error_before: f64,
    /// 5xx, although the thing was done.
    #[schemars(range(min = 0, max = 1))]
    pub error_after: f64,
    /// No answer, although the thing was done.
    #[schemars(range(min = 0, max = 1))]
    pub lost_response: f64,
    /// A new object that listings leave out for a while.
    #[schemars(range(min = 0, max = 1))]
    pub late_listing: f64,
    /// A machine that is accepted and never comes up.
    #[schemars(range(min = 0, max = 1))]
    pub stuck_create: f64,
    /// No machine of this size to be had now.
    #[schemars(range(min = 0, max = 1))]
    pub out_of_stock: f64,
    /// An address that somebody else attached elsewhere before we could.
    #[schemars(range(min = 0, max = 1))]
    pub attached_elsewhere: f64,
    /// A delete that is accepted and takes effect much later.
    #[schemars(range(min = 0, max = 1))]
    pub slow_delete: f64,
    /// "Busy, try again".
    #[schemars(range(min = 0, max = 1))]
    pub busy: f64,
}
