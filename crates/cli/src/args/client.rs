//! What can be asked of `damm client`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use damm_fleet::{Network, RegionName, Span};
use damm_formats::Format;

/// `damm client`
#[derive(Debug, Args)]
pub struct Client {
    /// The client's own file: a secret
    #[arg(long, value_name = "FILE", global = true, env = "DAMM_CLIENT")]
    #[arg(default_value = "damm-client.json")]
    pub profile: PathBuf,
    /// What to do
    #[command(subcommand)]
    pub verb: ClientVerb,
}

/// What a client does.
#[derive(Debug, Subcommand)]
pub enum ClientVerb {
    /// Enrol with an invitation
    #[command(
        after_long_help = "Draws the client's secret, writes it into its file, and then asks \
the controller. Should the answer be lost, the same again gives the same.

Examples:
  DAMM_INVITATION=… damm client enrol https://controller.example
  damm client enrol https://controller.example --invitation - < code.txt"
    )]
    Enrol(Enrol),
    /// Fetch catalogs from wherever they lie, and verify them
    Fetch(Ways),
    /// Try doors, and say which to use
    Choose(Ways),
    /// Try all doors and report what works, when the client's own moment has come
    Report(Speak),
    /// Write the catalog for another app
    #[command(after_long_help = "Examples:
  damm client export --format sing-box > config.json
  damm client export --format wireguard --door 2 > wg0.conf")]
    Export(ClientExport),
    /// What the client knows
    Status,
    /// Fetch, try and report again and again, until it is told to stop
    Run(Run),
}

/// `damm client enrol`
#[derive(Debug, Args)]
pub struct Enrol {
    /// The controller's address
    #[arg(value_name = "URL")]
    pub controller: String,
    /// The invitation; `-` reads it from standard input
    #[arg(
        long,
        value_name = "CODE",
        env = "DAMM_INVITATION",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub invitation: String,
    /// How the controller is reached: an HTTP proxy, such as an app's own
    #[arg(long, value_name = "URL", env = "DAMM_PROXY")]
    pub proxy: Option<String>,
}

/// How a client looks around.
#[derive(Debug, Clone, Args)]
pub struct Ways {
    /// Who is asked for catalogs in DNS [default: the system's resolver]
    #[arg(long, value_name = "ADDR:PORT")]
    pub resolver: Option<SocketAddr>,
    /// The longest that trying a door takes
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub patience: Span,
    /// The client's own network, as in IR/AS58224; by default it says nothing of it
    #[arg(long, value_name = "NETWORK", env = "DAMM_NETWORK")]
    pub network: Option<Network>,
}

/// `damm client report`
#[derive(Debug, Clone, Args)]
pub struct Speak {
    /// How it looks around.
    #[command(flatten)]
    pub ways: Ways,
    /// How the controller is reached: an HTTP proxy, such as an app's own
    #[arg(long, value_name = "URL", env = "DAMM_PROXY")]
    pub proxy: Option<String>,
    /// Whether anything in the client's own country answers is asked here: ADDR:PORT
    #[arg(long, value_name = "ADDR:PORT")]
    pub nearby: Option<SocketAddr>,
}

/// `damm client export`
#[derive(Debug, Args)]
pub struct ClientExport {
    /// The app's format
    #[arg(long, value_name = "FORMAT")]
    pub format: Format,
    /// The door, for formats that hold one: 1 is the first
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub door: u16,
    /// The region [default: the first]
    #[arg(long)]
    pub region: Option<RegionName>,
}

/// `damm client run`
#[derive(Debug, Args)]
pub struct Run {
    /// How it speaks.
    #[command(flatten)]
    pub speak: Speak,
    /// Fetch catalogs this often
    #[arg(long, value_name = "DURATION", default_value = "30m")]
    pub every: Span,
}
