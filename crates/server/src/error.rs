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
    /// A catalog that was published can't be read.
    #[error("a catalog in the state can't be read: {0}")]
    Catalog(#[from] damm_catalog::Refusal),
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
    /// The address for clients can't be listened on.
    #[error("clients can't be served at {address}: {source}; choose another with --clients")]
    ListenClients {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// The certificate that clients are shown can't be used.
    #[error(
        "the certificate for clients can't be used: {0}; give PEM files with --clients-tls-cert \
         (with its chain) and --clients-tls-key"
    )]
    ClientsCertificate(String),
}
