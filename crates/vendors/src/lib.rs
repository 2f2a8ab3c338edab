//! Real clouds, DNS servers and load balancers behind the traits of `damm-clouds`.
//!
//! A vendor is one module here, with a feature of its name, and one row in `damm_fleet::vendor`.
//! Each keeps the contract that `damm-clouds` states: one call is one attempt, nothing is retried,
//! and every failure is classed by what it means for the world.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "cloudflare")]
pub mod cloudflare;
pub mod credentials;
#[cfg(feature = "digitalocean")]
pub mod digitalocean;
pub mod error;
#[cfg(any(feature = "digitalocean", feature = "linode", feature = "vultr"))]
mod first_seen;
#[cfg(feature = "haproxy")]
pub mod haproxy;
#[cfg(feature = "hetzner")]
pub mod hetzner;
pub mod http;
#[cfg(feature = "linode")]
pub mod linode;
pub mod look;
pub mod moments;
pub mod names;
#[cfg(feature = "openstack")]
pub mod openstack;
pub mod orders;
pub mod origins;
#[cfg(feature = "powerdns")]
pub mod powerdns;
pub mod registry;
#[cfg(feature = "rfc2136")]
pub mod rfc2136;
#[cfg(feature = "vultr")]
pub mod vultr;
#[cfg(any(feature = "rfc2136", feature = "haproxy"))]
mod wire;
#[cfg(any(
    feature = "aws",
    feature = "digitalocean",
    feature = "hetzner",
    feature = "rfc2136",
    feature = "powerdns",
    feature = "cloudflare"
))]
pub mod zone;

pub use error::SetupError;
pub use registry::{Account, connect};
