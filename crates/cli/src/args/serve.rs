//! Arguments of what serves agents and clients.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where nodes' agents reach this process.
#[derive(Debug, Clone, Default, Args)]
pub struct AgentsAt {
    /// Where to listen for nodes' agents [default: the port of backbone.controller, on all
    /// addresses]; fleets on the embedded cloud alone need none
    #[arg(long = "agents", value_name = "ADDR:PORT", env = "DAMM_AGENTS")]
    pub agents: Option<SocketAddr>,
}

/// `damm serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// The topology file: JSON with comments, or TOML
    pub topology: PathBuf,
    /// Look at the world this often when nothing is under way
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    pub every: damm_fleet::Span,
    /// Where agents are served.
    #[command(flatten)]
    pub agents: AgentsAt,
}

/// `damm credentials`
#[derive(Debug, Subcommand)]
pub enum Credentials {
    /// Make a credential, and print once what its client keeps
    #[command(after_long_help = "Prints one JSON object with the client's secret. It is stored \
nowhere: whoever loses it needs a new one.

Examples:
  damm credentials new > client.json
  damm credentials new --state sqlite:damm.db | jq -r .secret")]
    New,
    /// List the numbers of all credentials that are let in
    List,
    /// Let a credential in no longer
    Revoke(Revoke),
}

/// `damm credentials revoke`
#[derive(Debug, Args)]
pub struct Revoke {
    /// The credential's number
    pub number: u32,
}
