//! Bootstrap files: the cloud-init user data that turns a fresh machine into a node.
//!
//! [`render`] is pure. It takes what the blueprint says of a node ([`Stamp`]), a [`Template`]
//! (built in, or the operator's own from the profile's `bootstrap`), and the provider's size limit.
//!
//! # Guarantees
//!
//! - Every value is written into the template as JSON, which is YAML too: no name, however odd, can
//!   break out of its place. A template has to say `|safe` to give that up.
//! - A value that is not known is an error that names template and line, never an empty text.
//! - What comes out was parsed back, is a `#cloud-config` mapping, fits the provider's limit, and
//!   holds the node's join token exactly once.
//!
//! # Assumptions
//!
//! - The machine's image holds the agent at `/usr/local/bin/damm`. Nothing is downloaded at boot
//!   but packages of the distribution, which it signs, where the image lacks them: a node that
//!   fetches programs from a third party can be made to run another one.
//! - Whatever runs on the node may read its user data at the provider's metadata address. That is
//!   why the token in it is good for one join of one node, and why the built-in unit may not reach
//!   that address: clients' traffic leaves through it.

mod error;
mod render;
mod template;
#[cfg(test)]
mod tests;
mod token;

pub use error::BootstrapError;
pub use render::{Stamp, UserData, render};
pub use template::Template;
pub use token::{JoinKey, JoinToken, TokenDigest};
