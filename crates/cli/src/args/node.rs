//! The words of `damm node`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `damm node`
#[derive(Debug, Subcommand)]
pub enum Node {
    /// Run the agent; bootstrap starts it on each server
    #[command(after_long_help = "It joins with what bootstrap wrote, applies what the controller \
sends, and goes on from what it holds when there is no controller. When it is stopped, all that it \
set up goes on. It needs root.

Examples:
  damm node run
  damm node run --supervisor direct --uplink eth0")]
    Run(NodeRun),
    /// Print how this server's agent is
    #[command(after_long_help = "Examples:
  damm node status
  damm node status --json | jq .report.problems")]
    Status(NodeState),
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
    /// Sign receipts for clients that came through
    #[command(after_long_help = "The agent starts it. SIGHUP makes it read its file again, which \
cuts no connection.")]
    Witness(NodeService),
}

/// Where the agent keeps its state. It takes the place of the option of the same name that names a
/// fleet's state: an agent has none.
#[derive(Debug, Args)]
pub struct NodeState {
    /// What the agent keeps
    #[arg(id = "state", long = "state", value_name = "DIR", default_value = "/var/lib/damm")]
    pub dir: String,
}

/// `damm node run`
#[derive(Debug, Args)]
pub struct NodeRun {
    /// What bootstrap wrote
    #[arg(long, value_name = "FILE", default_value = "/etc/damm/node.json")]
    pub config: PathBuf,
    /// Where the agent keeps its state.
    #[command(flatten)]
    pub state: NodeState,
    /// Who keeps transports and the resolver running
    #[arg(long, value_name = "WHO", default_value = "systemd")]
    pub supervisor: Supervisor,
    /// The interface towards the internet [default: that of the default route]
    #[arg(long, value_name = "INTERFACE")]
    pub uplink: Option<String>,
}

/// Who keeps transports and the resolver running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Supervisor {
    /// systemd
    Systemd,
    /// The agent, where there is no systemd
    Direct,
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
