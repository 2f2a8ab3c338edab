//! Network namespaces with real data planes in them, for tests and measurements.
//!
//! ```text
//! client ── wg-c ─ ingress ─┐              ┌─ server
//!                           ├─ wan (router)┤
//!                  egress ──┘              └─ …
//! ```
//!
//! # Guarantees
//!
//! - All names are the process' own, and all is removed when a [`Bed`] is dropped, with the
//!   processes in it.
//! - Nothing leaves the machine: the namespaces have no way out.

mod bed;
mod driver;
mod machine;
mod traffic;
mod wireguard;
mod world;

pub use bed::{Bed, NEEDS, Namespace};
pub use driver::{Answer, Order, PROXY_UID, serve_if_asked};
pub use machine::Machine;
pub use traffic::{Asked, Job, PORT};
pub use world::{CLIENTS, CLIENTS6, SERVER, SERVER6, World};
