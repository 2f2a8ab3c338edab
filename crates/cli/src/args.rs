//! The command line's words: commands, options, and what `--help` says of them.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

mod client;
mod export;
pub mod lab;
mod node;
mod providers;
mod serve;
mod verbs;

pub use client::{Client, ClientExport, ClientVerb, Enrol, Run, Speak, Ways};
pub use export::CatalogExport;
pub use node::{Node, NodeRun, NodeService, NodeState, NodeWireguard, Supervisor};
pub use providers::{AskProviders, Providers, ShowProvider};
pub use serve::{
    AgentsAt, ClientsAt, Credentials, Invitations, NewInvitation, Revoke, RevokeInvitation, Serve,
};
pub use verbs::{ByNode, Count, Create, VerbOptions};

const LONG_ABOUT: &str = "\
damm runs the access network of people who bring others past censorship: it decides which \
servers stand where, builds them, tells clients where to connect, notices when a censor blocks \
an address, and replaces it without cutting anyone off.

New here? `damm demo` shows a fleet's whole life on a built-in simulated cloud, in under a minute \
and with nothing to set up. Then `damm init my-fleet` writes a topology to start from.";

const AFTER: &str = "\
Exit codes:
  0  done; for `plan`: nothing to change
  1  error: the message says what to do
  2  for `plan`: there are changes
  3  refused by a rule or guard, which is named; nothing was changed
  4  stale plan: the target has moved since it was made
  5  partly applied: run the same command again";

/// The control plane of censorship-circumvention access networks.
#[derive(Debug, Parser)]
#[command(name = "damm", version, about, long_about = LONG_ABOUT, after_help = AFTER)]
#[command(propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
#[command(max_term_width = 100)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// The fleet's state: `sqlite:PATH` [default: damm.db beside the topology]
    #[arg(long, global = true, value_name = "URL", env = "DAMM_STATE")]
    pub state: Option<String>,
    /// When to colour; NO_COLOR in the environment means never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Say more: fold nothing, and log to standard error (-vv: more still)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Into pipes and files too
    Always,
    /// Nowhere
    Never,
}

/// What damm can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a starter topology, its schema and its keys
    #[command(after_long_help = "Examples:
  damm init my-fleet        write my-fleet/topology.json, its schema and its keys
  damm init --keys-for examples/topology.json
                            write keys beside a topology that has none
  damm init --schema        print the topology's JSON Schema")]
    Init(Init),
    /// Validate a topology and print its rule report
    #[command(after_long_help = "Examples:
  damm check topology.json
  damm check topology.json --json | jq .diagnostics")]
    Check(OneTopology),
    /// Show what would be made, changed, drained and retired, and why
    #[command(after_long_help = "Nothing is changed. Exit code 0: nothing to do; 2: there are \
changes; 3: refused by a rule.

Examples:
  damm plan topology.json
  damm plan topology.json -v                  list every node, fold nothing
  damm plan topology.json --out next.plan     keep exactly this plan for `damm apply next.plan`")]
    Plan(Plan),
    /// Carry a topology or a plan file out; stop it at any moment and run it again
    #[command(after_long_help = "Shows the plan, asks, carries it out, and goes on with the \
plans that follow from it until nothing is left to do at once. What has to wait for drains or \
expiries is listed at the end; `--wait` stays for it.

Ctrl-C stops cleanly. A killed process loses nothing: run the same command again.

Examples:
  damm apply topology.json
  damm apply topology.json --yes              for scripts: no question
  damm apply next.plan                        exactly the plan that was reviewed
  damm apply topology.json --yes --wait 2h    stay while drains end, two hours at most")]
    Apply(Apply),
    /// The controller: keep the fleet as the topology wants it, and serve nodes' agents
    #[command(
        after_long_help = "Holds the state, plans and carries out as `damm apply --yes` does, \
within the same guards, at intervals and whenever agents have something new to say. Ctrl-C stops \
it cleanly; a killed one loses nothing.

Agents go on without it, from their last config.

Examples:
  damm serve topology.json
  damm serve topology.json --agents 192.0.2.10:8443
  damm serve topology.json --clients 192.0.2.10:443 \
    --clients-tls-cert chain.pem --clients-tls-key key.pem"
    )]
    Serve(Serve),
    /// The fleet at a glance
    #[command(after_long_help = "Examples:
  damm status
  damm status --watch")]
    Status(Status),
    /// List nodes, front doors, addresses, catalogs, ledger rows, verdicts or blueprints
    #[command(after_long_help = "Examples:
  damm show nodes
  damm show frontdoors door-3k9d2m4v7q1x
  damm show ledger --limit 100
  damm show ledger node-3k9d2m4v7q1x --json")]
    Show(Show),
    /// Say why a node, address, population or bucket is as it is, and what would change it
    #[command(after_long_help = "Examples:
  damm explain node-3k9d2m4v7q1x
  damm explain door-3k9d2m4v7q1x
  damm explain ir                             a population of the topology
  damm explain ir/17                          a bucket of its clients: its splits, and why
  damm explain 42                             the bucket of the client with this number")]
    Explain(Explain),
    /// Who changed what, when, by which blueprint; with the chain verified
    #[command(after_long_help = "Examples:
  damm audit
  damm audit --limit 500 --json")]
    Audit(Audit),
    /// Show and verify what clients are told
    #[command(subcommand)]
    Catalog(Catalog),
    /// Bring in what is known of front doors' reachability
    #[command(subcommand)]
    Verdicts(Verdicts),
    /// Make, list and revoke what clients prove themselves with
    #[command(subcommand)]
    Credentials(Credentials),
    /// Make, list and revoke what lets clients enrol by themselves
    #[command(subcommand)]
    Invitations(Invitations),
    /// What a client does: enrol, fetch, choose, report
    Client(Client),
    /// Vendors: what each kind can do, and whether a topology's accounts can be used
    #[command(after_long_help = "Without more: all kinds, with what their APIs can do.

Examples:
  damm providers
  damm providers check topology.json          credentials, quotas, what of this fleet is there
  damm providers show topology.json helsinki  regions, sizes and prices of one account")]
    Providers(Providers),
    /// A fleet's whole life on the built-in simulated cloud, in under a minute
    #[command(after_long_help = "Builds a fleet, publishes its catalogs, lets a censor block \
front doors, replaces, drains and retires them, and rotates the egress, on a clock whose days \
pass in seconds. It needs nothing and touches nothing outside its directory.

Examples:
  damm demo
  damm demo --fast
  damm demo --dir ./demo      keep the state, then: damm status --state sqlite:demo/damm.db")]
    Demo(Demo),
    /// A small internet of network namespaces on this machine, with real agents; needs root
    #[command(after_long_help = "A topology whose providers are of the kind `lab` is built of \
namespaces: servers, the links between them, clients in several networks, and a server that plays \
the internet. All else is as it is anywhere: the same controller, the same agents, the same packets.

Examples:
  damm lab up examples/lab.json
  damm lab status
  damm lab censor as58224 198.18.0.7 on
  damm lab down")]
    Lab(lab::Lab),
    /// Make an ingress node with its front doors
    CreateIngress(Create),
    /// Make an egress node with its addresses
    CreateEgress(Create),
    /// Add front doors to an ingress node
    AllocateIngressFrontdoors(Count),
    /// Add source addresses to an egress node
    AllocateEgressIps(Count),
    /// Stop new sessions on a node; established ones live on
    DrainNode(ByNode),
    /// Take a drained node down
    RetireNode(ByNode),
    /// Publish a region's catalogs anew
    PublishEndpointCatalog(verbs::ByRegion),
    /// Stop new sessions on one front door
    DrainFrontdoor(verbs::ByFrontdoor),
    /// Give one drained front door's address back
    ReleaseFrontdoor(verbs::ByFrontdoor),
    /// Stop new sessions from one egress address
    DrainEgressIp(verbs::ByEgressIp),
    /// Give one drained egress address back
    ReleaseEgressIp(verbs::ByEgressIp),
    /// What runs on servers
    #[command(subcommand)]
    Node(Node),
    /// Print a shell's completions
    #[command(after_long_help = "Examples:
  damm completions bash > /etc/bash_completion.d/damm
  damm completions zsh  > \"${fpath[1]}/_damm\"
  damm completions fish > ~/.config/fish/completions/damm.fish")]
    Completions(Completions),
    /// Write the man pages into a directory
    #[command(after_long_help = "Examples:
  damm man /usr/local/share/man/man1")]
    Man(Man),
}

/// `damm init`
#[derive(Debug, Args)]
pub struct Init {
    /// Where to write; it is made when missing
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Write only keys, beside this topology
    #[arg(long, value_name = "TOPOLOGY", conflicts_with = "dir")]
    pub keys_for: Option<PathBuf>,
    /// Print the topology's JSON Schema and write nothing
    #[arg(long, conflicts_with_all = ["dir", "keys_for"])]
    pub schema: bool,
}

/// A command that reads one topology.
#[derive(Debug, Args)]
pub struct OneTopology {
    /// The topology file: JSON with comments, or TOML
    pub topology: PathBuf,
}

/// `damm plan`
#[derive(Debug, Args)]
pub struct Plan {
    /// The topology file: JSON with comments, or TOML
    pub topology: PathBuf,
    /// Write the plan to this file, for `damm apply FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `damm apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// A topology, or a plan file that `damm plan --out` wrote
    #[arg(value_name = "TOPOLOGY|PLANFILE")]
    pub what: PathBuf,
    /// Don't ask
    #[arg(long, short)]
    pub yes: bool,
    /// Stay until nothing is left to do, however long drains take
    #[arg(long, conflicts_with = "wait")]
    pub until_done: bool,
    /// Stay for what waits, for as long as this: `90s`, `15m`, `24h`
    #[arg(long, value_name = "DURATION")]
    pub wait: Option<damm_fleet::Span>,
    /// Where agents are served meanwhile.
    #[command(flatten)]
    pub agents: AgentsAt,
}

/// `damm status`
#[derive(Debug, Args)]
pub struct Status {
    /// Stay and redraw every two seconds
    #[arg(long)]
    pub watch: bool,
}

/// What `damm show` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Servers
    Nodes,
    /// Addresses that clients may be told of
    Frontdoors,
    /// Source addresses of the egress nodes
    EgressIps,
    /// What was published
    Catalogs,
    /// Every step that was taken
    Ledger,
    /// What is known of reachability
    Verdicts,
    /// Every desired state, newest first
    Blueprints,
}

/// `damm show`
#[derive(Debug, Args)]
pub struct Show {
    /// What to list
    pub what: What,
    /// Only this one: an id, or a region's name for catalogs
    pub id: Option<String>,
    /// At most this many rows, for ledger and blueprints
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
}

/// `damm explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// A node, front door or egress address, a population's name, a bucket, or a client's number
    pub id: String,
}

/// `damm audit`
#[derive(Debug, Args)]
pub struct Audit {
    /// At most this many entries, newest first; the whole chain is verified all the same
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
}

/// `damm catalog`
#[derive(Debug, Subcommand)]
pub enum Catalog {
    /// Print what a catalog file says
    #[command(after_long_help = "Examples:
  damm catalog show published/3f9a…")]
    Show(CatalogShow),
    /// Check a catalog file against the offline root
    #[command(after_long_help = "Refused (exit code 3): a signature that does not fit, a \
catalog that has expired, and with --seen one that is older than, or another audience's than, \
what was seen before.

Examples:
  damm catalog verify published/3f9a… --root keys/root.json
  damm catalog verify published/3f9a… --root keys/root.json --seen 17")]
    Verify(CatalogVerify),
    /// Write a catalog for another app, with a client's credential
    #[command(after_long_help = export::AFTER)]
    Export(CatalogExport),
}

/// `damm catalog show`
#[derive(Debug, Args)]
pub struct CatalogShow {
    /// The catalog file
    pub file: PathBuf,
}

/// `damm catalog verify`
#[derive(Debug, Args)]
pub struct CatalogVerify {
    /// The catalog file
    pub file: PathBuf,
    /// The root that clients know
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// What a client keeps of the last catalog: read when it is there, then written anew
    #[arg(long, value_name = "FILE")]
    pub seen: Option<PathBuf>,
    /// The moment to check at [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<damm_fleet::Timestamp>,
}

/// `damm verdicts`
#[derive(Debug, Subcommand)]
pub enum Verdicts {
    /// Replace all verdicts by those of a file
    #[command(after_long_help = "The file is a JSON list:

  [
    { \"door\": \"door-3k9d2m4v7q1x\", \"network\": \"IR/AS58224\", \"state\": \"blocked\",
      \"since\": \"2026-01-31T12:00:00Z\", \"evidence\": \"9 of 9 probes timed out\" },
    { \"address\": \"198.51.100.7\", \"network\": \"IR/AS44244\", \"state\": \"reachable\" }
  ]

`door` names one front door, `address` all that stand at an address. States: unknown, reachable, \
degraded, blocked, down. `since` is now unless told.

Examples:
  damm verdicts import verdicts.json
  damm verdicts import verdicts.json --merge")]
    Import(VerdictsImport),
}

/// `damm verdicts import`
#[derive(Debug, Args)]
pub struct VerdictsImport {
    /// The file
    pub file: PathBuf,
    /// Keep what is known and lay the file's verdicts over it
    #[arg(long)]
    pub merge: bool,
}

/// `damm demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Work here and keep it [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Don't pause between lines
    #[arg(long, conflicts_with = "pace")]
    pub fast: bool,
    /// The pause between lines [default: 500ms on a terminal, else none]
    #[arg(long, value_name = "DURATION")]
    pub pace: Option<damm_fleet::Span>,
    /// Another number, other ids and sessions
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// `damm completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `damm man`
#[derive(Debug, Args)]
pub struct Man {
    /// Where to write; it is made when missing
    pub dir: PathBuf,
}
