//! From what is wanted of nodes and known of their agents to what each agent is told. Pure.
//!
//! # Guarantees
//!
//! - The same facts give the same configs, and a config's generation moves only with its content.
//! - No two nodes of a region have overlapping session prefixes.
//! - A node is told of the peers that it needs and of no others: an ingress of the egress nodes
//!   that it may use, an egress of the ingress nodes that may use it. An ingress is never told of
//!   an address that traffic leaves from.
//! - A change of egress changes nothing of what an ingress is told of its front doors, transports
//!   and clients.
//! - An ingress that was given an egress keeps it as long as that stands: its sessions go through
//!   it.

mod content;
mod place;
mod scene;
#[cfg(test)]
mod tests;
mod working_set;

pub(crate) use place::free;
pub use place::{NoRoom, Overlay, Place};
pub use scene::{Facts, Member, Scene};
pub use working_set::WORKING_SET;
