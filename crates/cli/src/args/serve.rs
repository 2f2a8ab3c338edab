//! Arguments of what serves agents and clients.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use damm_fleet::PopulationName;

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
    /// Where clients are served.
    #[command(flatten)]
    pub clients: ClientsAt,
}

/// Where clients reach this process.
#[derive(Debug, Clone, Default, Args)]
pub struct ClientsAt {
    /// Serve clients here: enrolment, and catalogs for every app [default: nowhere]
    #[arg(long = "clients", value_name = "ADDR:PORT", env = "DAMM_CLIENTS")]
    pub clients: Option<SocketAddr>,
    /// The certificate that clients are shown, with its chain, in PEM
    #[arg(long = "clients-tls-cert", value_name = "FILE", env = "DAMM_CLIENTS_TLS_CERT")]
    #[arg(requires_all = ["clients", "key"])]
    pub certificate: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long = "clients-tls-key", value_name = "FILE", env = "DAMM_CLIENTS_TLS_KEY")]
    #[arg(requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Serve clients without TLS at an address that others reach, too: a proxy of yours adds it
    #[arg(long = "clients-plain", requires = "clients", conflicts_with = "certificate")]
    pub plain: bool,
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

/// `damm invitations`
#[derive(Debug, Subcommand)]
pub enum Invitations {
    /// Make an invitation, and print its code once
    #[command(after_long_help = "Prints one JSON object with the code. Whoever has it can enrol \
at the controller until it is used up, expires or is revoked. The more a client is trusted, the \
faster its invitation lets others in beside it; 0 is a stranger, 4 somebody you know.

Examples:
  damm invitations new --population ir
  damm invitations new --population ir --uses 20 --trust 1 --expires 7d | jq -r .invitation")]
    New(NewInvitation),
    /// List invitations: how many each still lets in, and until when
    List,
    /// Take an invitation back; who came with it stays
    Revoke(RevokeInvitation),
}

/// `damm invitations new`
#[derive(Debug, Args)]
pub struct NewInvitation {
    /// The population that it lets into
    #[arg(long)]
    pub population: PopulationName,
    /// How many clients it lets in
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub uses: u32,
    /// How far those who come with it are trusted at first, 0 to 4
    #[arg(long, value_name = "LEVEL", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=4))]
    pub trust: u8,
    /// How long it lets anybody in
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    pub expires: damm_fleet::Span,
}

/// `damm invitations revoke`
#[derive(Debug, Args)]
pub struct RevokeInvitation {
    /// The invitation, as `damm invitations list` names it
    pub invitation: String,
}
