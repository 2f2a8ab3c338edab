//! Packets: the overlay, the ruleset, addresses, routes, and what is counted of them.
//!
//! ```text
//!             ingress                                        egress
//! client ──> front door ── proxy ──┐                    ┌── resolver
//!     (nftables: doors, drain)     │                    │
//! client ──> wg-c ── pick an egress┴─ wg-e<mark> ──> wg-in ── pick an address ──> internet
//!              (sessions, slots)   session prefix        (sessions, slots)   source NAT
//! ```
//!
//! # Guarantees
//!
//! - A session keeps its egress and its address as long as it lives and they are there.
//! - What clients send leaves by the overlay or not at all: by the ruleset, by rules of routing and
//!   by each egress' own routing table, each of which is enough.
//! - Applying is idempotent and does only what is different; whatever dies when, the next call
//!   finishes it.

mod apply;
pub mod conntrack;
mod error;
#[cfg(test)]
mod fixture;
mod health;
mod load;
mod local;
pub mod marks;
mod memory;
pub mod network;
mod observation;
mod observe;
pub mod ruleset;
mod settings;
pub mod slots;
mod takedown;
mod tools;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use damm_fleet::NodeId;
use damm_protocol::{NodeConfig, OverlayMode, PeerHealth, Secret32};

pub use error::DataplaneError;
pub use local::{CLIENT_TUNNEL, EGRESS_OVERLAY, Local, WireguardStarter};
pub use memory::Place;
pub use observation::Observation;

use health::Watch;
use memory::{Keeper, Memory};
use ruleset::Ruleset;
use tools::Tools;

/// A server's data plane, as the agent holds it.
#[derive(Debug)]
pub struct Dataplane {
    local: Local,
    keeper: Keeper,
    memory: Memory,
    /// What was remembered was damaged, so what the kernel holds means nothing.
    damaged: bool,
    tools: Tools,
    applied: Option<(NodeConfig, Secret32)>,
    /// The ruleset that we know to stand if its digests do.
    loaded: Option<Ruleset>,
    watches: BTreeMap<NodeId, Watch>,
    tally: Option<Counted>,
    started: Instant,
}

/// Sessions as they were last counted.
#[derive(Debug, Clone)]
struct Counted {
    tally: conntrack::Tally,
    at: Instant,
    took: Duration,
}

/// How the overlay can be run here: by the kernel when it knows WireGuard. It is found out by
/// making an interface and removing it at once.
///
/// # Errors
/// When `ip` can't be run.
pub async fn overlay_mode() -> Result<OverlayMode, DataplaneError> {
    const PROBE: &str = "wg-probe";
    let tools = Tools::default();
    match tools.change("ip", &["link", "add", PROBE, "type", "wireguard"], "").await {
        Ok(()) => {
            tools.change("ip", &["link", "del", PROBE], "").await?;
            Ok(OverlayMode::Kernel)
        }
        Err(e @ DataplaneError::Start { .. }) => Err(e),
        // One that was left over by an agent that died between the two.
        Err(_) if tools.change("ip", &["link", "del", PROBE], "").await.is_ok() => {
            Ok(OverlayMode::Kernel)
        }
        Err(_) => Ok(OverlayMode::Userspace),
    }
}

impl Dataplane {
    /// The data plane of this server, with what it remembers in `home`. Nothing is changed yet.
    ///
    /// # Errors
    /// When what it remembers can't be read for another reason than being damaged.
    pub fn open(home: &Path, local: Local) -> Result<Self, DataplaneError> {
        let (keeper, memory, damaged) = Keeper::open(home)?;
        Ok(Self {
            local,
            keeper,
            memory,
            damaged,
            tools: Tools::default(),
            applied: None,
            loaded: None,
            watches: BTreeMap::new(),
            tally: None,
            started: Instant::now(),
        })
    }

    /// How often this server was changed since `open`: applying again what stands changes nothing.
    pub fn changes(&self) -> u64 {
        self.tools.changes()
    }

    fn health(&self) -> BTreeMap<NodeId, PeerHealth> {
        self.watches.iter().map(|(id, watch)| (*id, watch.health())).collect()
    }
}

/// Seconds since 1970. A clock that is wrong makes marks rest too long or too short, no more.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
