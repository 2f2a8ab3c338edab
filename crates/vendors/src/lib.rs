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
pub mod wire;
#[cfg(any(
    feature = "aws",
    feature = "digitalocean",
    feature = "hetzner",
    feature = "rfc2136",
    feature = "powerdns",
    feature = "cloudflare"
))]
pub mod zone;

/// What stores of objects and zones of names are spoken to with, for who has a use of them other
/// than an account's.
pub mod protocols {
    #[cfg(feature = "aws")]
    pub use crate::aws::service::encoded;
    #[cfg(feature = "aws")]
    pub use crate::aws::sign::{Key, Scope};
    #[cfg(feature = "aws")]
    pub use crate::aws::xml;
    #[cfg(feature = "rfc2136")]
    pub use crate::rfc2136::session::Session;
    #[cfg(feature = "rfc2136")]
    pub use crate::rfc2136::{PORT, parse, seconds, signer};
}

pub use error::SetupError;
pub use registry::{Account, connect};
