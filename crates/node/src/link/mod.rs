//! How the agent talks with the controller: HTTPS to one key, over one connection that is kept.
//!
//! # Guarantees
//!
//! - The controller is the one that shows the pinned key, whatever its certificate says: names,
//!   dates and issuers are not looked at, so neither a wrong clock nor a certificate authority can
//!   open or close this way.
//! - A request's signature covers its bytes as they are sent.
//!
//! # Caveats
//!
//! One request at a time. A held-open one is given up by dropping its future, which closes the
//! connection: HTTP/1.1 has no other way.

mod client;
mod error;
mod exchange;
mod pinned;
mod place;
#[cfg(test)]
mod tests;

pub use client::Link;
pub use error::LinkError;
pub use place::Place;
