//! What can go wrong with a process that serves a WireGuard interface.

/// What can go wrong with a process that serves a WireGuard interface.
#[derive(Debug, thiserror::Error)]
pub enum WireguardError {
    /// The name can't be an interface's.
    #[error("`{0}` can't be an interface's name: 1 to 15 letters, digits, hyphens or underscores")]
    Name(String),
    /// Another process serves the interface.
    #[error("another process serves `{0}`: end it first")]
    Served(String),
    /// The socket for `wg` can't be made.
    #[error("{path}: {source}")]
    Socket {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The interface can't be made, or failed.
    #[error("the interface `{name}` can't be served: {why}")]
    Device {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
}
