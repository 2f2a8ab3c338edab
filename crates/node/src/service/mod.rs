//! The programs beside the agent: transports and the resolver. They outlive it.

pub(crate) mod command;
mod described;
mod direct;
mod error;
pub(crate) mod files;
mod keeper;
mod keys;
mod places;
mod process;
mod program;
mod services;
mod systemd;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::ServiceError;
pub(crate) use keeper::Keeper;
pub use places::{PROXY_UID, Places, RESOLVER_UID, WITNESS_UID};
pub(crate) use program::{Program, Rights};
pub use services::Services;

/// What clients need to know of transports, by kind: public keys and the like.
pub type PublicParams = BTreeMap<String, BTreeMap<String, String>>;

/// The name of the service that answers clients' questions for names.
const RESOLVER: &str = "resolver";

/// The name of the service that signs receipts for clients.
const WITNESS: &str = "witness";

/// What nothing was prepared with.
static NOTHING: BTreeMap<String, String> = BTreeMap::new();

/// Who keeps programs running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervisor {
    /// systemd, by units that the agent writes.
    Systemd,
    /// The agent, by processes that it finds again after its own restart.
    Direct,
}

/// A service that is this program itself: `damm node VERB --config FILE`.
fn own(places: &Places, name: String, verb: &str, config: &Path, rights: Rights) -> Program {
    let (program, config) = (places.program.display(), config.display());
    let command = [program.to_string(), "node".into(), verb.into(), "--config".into()];
    let command = command.into_iter().chain([config.to_string()]).collect();
    Program { name, command, rights, shown: BTreeMap::new() }
}
