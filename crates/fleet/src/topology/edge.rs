//! DNS names, load balancers and the overlay.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{BalancerName, ProviderName, RegionName};
use crate::time::Span;
use crate::topology::schema;

/// DNS names that follow a region's live front doors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsEntry {
    /// The account that holds the zone.
    pub provider: ProviderName,
    /// The zone, without a trailing dot.
    #[schemars(
        regex(pattern = "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$"),
        extend("patternErrorMessage" = schema::NOT_A_ZONE)
    )]
    pub zone: String,
    /// The region whose front doors stand behind the names.
    pub region: RegionName,
    /// One name for the region, or one for each node.
    pub names: DnsNames,
    /// The label under the zone: the region's name itself, or the domain that nodes stand under.
    #[schemars(
        regex(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
        extend("patternErrorMessage" = schema::NOT_A_LABEL)
    )]
    pub label: String,
    /// Time to live; it is waited for after a change, before an address is given up.
    #[serde(default = "ttl")]
    pub ttl: Span,
}

const fn ttl() -> Span {
    Span::from_mins(5)
}

/// How many names a DNS entry makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DnsNames {
    /// `<label>.<zone>` with the addresses of all live front doors of the region.
    Region,
    /// `<node id>.<label>.<zone>` for each ingress node in service.
    Node,
}

/// A load balancer whose targets are a region's ingress nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Balancer {
    /// The name that the vendor knows it by; it must exist.
    pub name: BalancerName,
    /// The account that holds it.
    pub provider: ProviderName,
    /// The region whose ingress nodes are its targets.
    pub region: RegionName,
    /// The port on the targets.
    #[schemars(range(min = 1))]
    pub port: u16,
}

/// The private overlay between ingress and egress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backbone {
    /// Overlay addresses are drawn from here; it must not overlap with what providers use.
    #[schemars(schema_with = "schema::prefix")]
    pub prefix: IpNet,
    /// UDP port of the overlay.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The controller's address as nodes reach it, for their agents to join at.
    #[schemars(
        regex(pattern = "^https?://[^ /]+(/[^ ]*)?$"),
        extend("patternErrorMessage" = schema::NOT_AN_ADDRESS)
    )]
    pub controller: String,
}

impl Default for Backbone {
    fn default() -> Self {
        Self {
            // Unique local addresses (RFC 4193): no provider routes them.
            prefix: IpNet::V6(ipnet::Ipv6Net::new_assert(
                std::net::Ipv6Addr::new(0xfd5d, 0x616d, 0x6d00, 0, 0, 0, 0, 0),
                48,
            )),
            port: 51_821,
            controller: "https://controller.invalid:8443".to_owned(),
        }
    }
}
