//! Arguments of what runs on servers.

use clap::{Args, Subcommand};

/// `damm node`
#[derive(Debug, Subcommand)]
pub enum Node {
    /// Serve one WireGuard interface, where the kernel has no WireGuard
    #[command(
        after_long_help = "The agent starts it. `wg` configures it as it does any interface."
    )]
    Wireguard(NodeWireguard),
}

/// `damm node wireguard`
#[derive(Debug, Args)]
pub struct NodeWireguard {
    /// The interface's name
    #[arg(value_name = "IFNAME")]
    pub interface: String,
}
