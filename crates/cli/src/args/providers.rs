//! `damm providers` and what follows it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OneTopology;

/// `damm providers`
#[derive(Debug, Args)]
pub struct Providers {
    /// What to ask the accounts; without it, all kinds are listed.
    #[command(subcommand)]
    pub ask: Option<AskProviders>,
}

/// What accounts are asked.
#[derive(Debug, Subcommand)]
pub enum AskProviders {
    /// Try every account's credentials; nothing is changed
    #[command(after_long_help = "Exit code 1 when an account can't be used.

Examples:
  damm providers check topology.json")]
    Check(OneTopology),
    /// Regions, sizes and prices of one account, as its vendor tells them now
    #[command(after_long_help = "Examples:
  damm providers show topology.json helsinki")]
    Show(ShowProvider),
}

/// `damm providers show`
#[derive(Debug, Args)]
pub struct ShowProvider {
    /// The topology file: JSON with comments, or TOML
    pub topology: PathBuf,
    /// The account's name in the topology
    pub account: damm_fleet::ProviderName,
}
