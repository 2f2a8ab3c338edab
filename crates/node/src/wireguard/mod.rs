//! WireGuard interfaces: the kernel's where it has WireGuard, else those of a process of our own.
//!
//! One process per interface, `damm node wireguard NAME`, which outlives the agent, so that neither
//! the agent's restart nor its upgrade cuts anything. It answers `wg` as every WireGuard does.

mod configure;
mod device;
mod error;
mod starter;

use std::path::PathBuf;

pub use device::serve;
pub use error::WireguardError;
pub use starter::Starter;

pub(crate) use configure::{Peer, sync_peers};

/// Where `wg` looks for interfaces of processes.
const SOCKETS: &str = "/var/run/wireguard";

/// Where `wg` reaches the process of an interface. The path is the same for all network namespaces
/// of a machine, so an interface's name must be unique among all that share the directory.
fn socket(name: &str) -> PathBuf {
    PathBuf::from(SOCKETS).join(format!("{name}.sock"))
}
