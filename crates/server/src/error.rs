//! What can go wrong with serving.

use std::net::SocketAddr;

use crate::compose::NoRoom;

/// Why the controller can't serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The state can't be read or written.
    #[error(transparent)]
    Store(#[from] damm_store::Error),
    /// The overlay can't be laid out.
    #[error(transparent)]
    Overlay(#[from] NoRoom),
    /// The address can't be listened on.
    #[error("agents can't be served at {address}: {source}; choose another with --agents")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// The certificate can't be made.
    #[error("the controller's certificate can't be made from keys/join.secret: {0}")]
    Certificate(String),
}
