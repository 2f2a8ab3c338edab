//! Arguments of what runs on servers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `damm node`
#[derive(Debug, Subcommand)]
pub enum Node {
    /// Serve one WireGuard interface, where the kernel has no WireGuard
    #[command(
        after_long_help = "The agent starts it. `wg` configures it as it does any interface."
    )]
    Wireguard(NodeWireguard),
    /// Serve Shadowsocks 2022 to clients
    #[command(after_long_help = "The agent starts it. SIGHUP makes it read its file again, which \
cuts no connection.")]
    Shadowsocks(NodeService),
    /// Pass connections on to the newest of a proxy's processes
    #[command(after_long_help = "The agent starts it. SIGHUP makes it read its file again, which \
cuts no connection.")]
    Relay(NodeService),
}

/// `damm node wireguard`
#[derive(Debug, Args)]
pub struct NodeWireguard {
    /// The interface's name
    #[arg(value_name = "IFNAME")]
    pub interface: String,
}

/// A service that reads one file.
#[derive(Debug, Args)]
pub struct NodeService {
    /// What it serves: JSON, written by the agent
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}
