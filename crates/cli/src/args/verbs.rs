//! Arguments of the contract's verbs.

use clap::Args;
use damm_fleet::{EgressIpId, FrontdoorId, NodeId, ProfileName, ProviderName, RegionName};

use crate::args::serve::AgentsAt;

/// Options of every verb.
#[derive(Debug, Clone, Args)]
pub struct VerbOptions {
    /// Show what it would do, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Where agents are served meanwhile.
    #[command(flatten)]
    pub agents: AgentsAt,
}

/// A verb that makes a node.
#[derive(Debug, Args)]
pub struct Create {
    /// Where
    #[arg(long)]
    pub region: RegionName,
    /// At which account
    #[arg(long)]
    pub provider: ProviderName,
    /// What it runs
    #[arg(long)]
    pub profile: ProfileName,
    /// Options of every verb.
    #[command(flatten)]
    pub options: VerbOptions,
}

/// A verb that adds addresses to a node.
#[derive(Debug, Args)]
pub struct Count {
    /// The node
    pub node: NodeId,
    /// How many to add
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub count: u32,
    /// Options of every verb.
    #[command(flatten)]
    pub options: VerbOptions,
}

/// A verb about a node.
#[derive(Debug, Args)]
pub struct ByNode {
    /// The node
    pub node: NodeId,
    /// Options of every verb.
    #[command(flatten)]
    pub options: VerbOptions,
}

/// A verb about a region.
#[derive(Debug, Args)]
pub struct ByRegion {
    /// The region
    pub region: RegionName,
    /// Options of every verb.
    #[command(flatten)]
    pub options: VerbOptions,
}

/// A verb about a front door.
#[derive(Debug, Args)]
pub struct ByFrontdoor {
    /// The front door
    pub frontdoor: FrontdoorId,
    /// Options of every verb.
    #[command(flatten)]
    pub options: VerbOptions,
}

/// A verb about an egress address.
#[derive(Debug, Args)]
pub struct ByEgressIp {
    /// The egress address
    pub egress_ip: EgressIpId,
    /// Options of every verb.
    #[command(flatten)]
    pub options: VerbOptions,
}
