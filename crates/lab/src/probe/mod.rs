//! What clients do through the network, and whether it works: downloads, long-lived streams, short
//! connections, names. Each probe runs until its standard input ends and then tells what it saw.

mod errand;
mod names;
mod shadowsocks;
mod short;
mod socks;
mod stream;
mod way;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

pub use errand::Errand;
pub use way::Way;

/// What a probe saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Connections, messages or bytes that went well, as the errand counts.
    pub done: u64,
    /// What did not, in words.
    pub failed: Vec<String>,
    /// Milliseconds of the longest wait for an answer.
    pub longest_ms: u64,
    /// Where the server saw the connections come from, with how many of them.
    pub sources: std::collections::BTreeMap<std::net::IpAddr, u64>,
    /// Addresses that a name was found to have.
    pub addresses: std::collections::BTreeSet<std::net::IpAddr>,
    /// What stands on the page that was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub page: String,
}

/// Runs an errand by a way.
pub async fn run(way: &Way, errand: &Errand) -> Told {
    match errand {
        Errand::Stream { to } => stream::run(way, to).await,
        Errand::Short { to } => short::run(way, to).await,
        Errand::Bulk { to, bytes } => short::download(way, to, *bytes).await,
        Errand::Names { name } => names::run(way, name).await,
        Errand::Page { at, path } => short::page(way, *at, path).await,
    }
}

/// Returns when nobody holds this process's standard input any more.
async fn told_to_stop() {
    let mut input = tokio::io::stdin();
    let mut bytes = [0; 64];
    while matches!(input.read(&mut bytes).await, Ok(1..)) {}
}
