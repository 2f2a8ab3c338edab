//! Links, addresses, routes and rules: what there should be, what there is, and the difference.
//!
//! What is ours is told by its name (interfaces), by [`PROTOCOL`] (routes and rules), or by being
//! remembered (addresses on the uplink, which others may have put there).

mod actual;
mod desired;
mod difference;
mod peers;
#[cfg(test)]
mod tests;

pub use actual::Actual;
pub use desired::{
    Desired, Link, Peer, Route, RouteKind, Rule, egress, ingress, interface as desired_interface,
};
pub use difference::{Batches, difference};
pub use peers::{Tunnel, TunnelPeer, tunnels};

/// Marks routes and rules as ours. Numbers from 192 on are free for anyone
/// (`/etc/iproute2/rt_protos`).
pub const PROTOCOL: &str = "218";

/// The routing table of the egress with a mark is this plus the mark.
pub const TABLES: u32 = 218_000_000;

/// Beyond so many egress nodes their rules stand in groups: the kernel looks at one rule after the
/// other, at 7 ns each.
const FLAT: usize = 64;
/// Marks in a group, as a number of bits.
const GROUP_BITS: u32 = 5;
/// Where rules stand: those of egress nodes or of their groups, then the groups', then what
/// refuses the rest; all before the main table, at 32766.
const CHOOSE: u32 = 1_000;
const GROUPS: u32 = 2_000;
const REFUSE: u32 = 5_000;
/// After the main table: a way out for what has none before its egress is chosen.
const STAGE: u32 = 32_800;
