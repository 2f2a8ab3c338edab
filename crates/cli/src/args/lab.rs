//! Arguments of `damm lab`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `damm lab`
#[derive(Debug, Args)]
pub struct Lab {
    /// The lab's directory [default: `lab` beside the topology, or here]
    #[arg(long, global = true, value_name = "DIR", env = "DAMM_LAB")]
    pub dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub what: LabCommand,
}

/// What can be done with a lab.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Make the network, start its internet and the controller, and let it build the fleet
    Up(LabUp),
    /// What stands in the lab, and how it is
    Status,
    /// Take everything down that stands in the lab
    Down,
    /// Drop all packets between a clients' network and an address, or no longer
    #[command(after_long_help = "Examples:
  damm lab censor as58224 198.18.0.7 on
  damm lab censor as58224 198.18.0.7 off")]
    Censor(LabCensor),
    /// Run a program where a client, a machine, the controller or the internet stands
    #[command(after_long_help = "Examples:
  damm lab enter as58224-1 curl http://192.0.2.16/
  damm lab enter m1 nft list ruleset")]
    Enter(LabEnter),
    /// The first process of a machine
    #[command(hide = true)]
    Machine {
        /// The machine's directory
        dir: PathBuf,
    },
    /// What a client does through the network, until standard input ends
    #[command(hide = true)]
    Probe(LabProbe),
    /// The server that plays the internet
    #[command(hide = true)]
    Internet,
}

/// A network of the lab has room for fourteen clients.
fn few_clients() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=14)
}

/// `damm lab up`
#[derive(Debug, Args)]
pub struct LabUp {
    /// A topology whose providers are of the kind `lab`
    pub topology: PathBuf,
    /// Clients in each network of the populations
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = few_clients())]
    pub clients: u32,
    /// Make the network alone, and start no controller
    #[arg(long)]
    pub bare: bool,
}

/// `damm lab censor`
#[derive(Debug, Args)]
pub struct LabCensor {
    /// The clients' network, as `damm lab status` names it
    pub network: String,
    /// The address
    pub address: IpAddr,
    /// Whether it is dropped
    pub switch: Switch,
}

/// `damm lab enter`
#[derive(Debug, Args)]
pub struct LabEnter {
    /// The place, as `damm lab status` names it
    pub place: String,
    /// The program and its arguments
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND",
        default_value = "sh"
    )]
    pub command: Vec<OsString>,
}

/// `damm lab probe`
#[derive(Debug, Args)]
pub struct LabProbe {
    /// A file that says by which way: `{ "way": "direct" }`
    #[arg(long, value_name = "FILE")]
    pub by: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub errand: Errand,
}

/// What a probe does.
#[derive(Debug, Clone, Subcommand)]
pub enum Errand {
    /// One long-lived stream
    Stream {
        /// A name or an address
        to: String,
    },
    /// One short connection after the other
    Short {
        /// A name or an address
        to: String,
    },
    /// One download
    Bulk {
        /// A name or an address
        to: String,
        /// How many bytes
        bytes: u64,
    },
    /// A name's addresses
    Names {
        /// The name
        name: String,
    },
    /// One page, as text
    Page {
        /// The server's address and port
        at: std::net::SocketAddr,
        /// The page's path
        path: String,
    },
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is
    On,
    /// It is not
    Off,
}
