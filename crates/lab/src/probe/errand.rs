//! What a probe is to do.

use std::net::{IpAddr, SocketAddr};

use crate::internet;

/// What a probe is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// One connection to the echo, with a message now and then, until it is told to stop.
    Stream {
        /// A name or an address.
        to: String,
    },
    /// One connection after the other, each with a request, until it is told to stop.
    Short {
        /// A name or an address.
        to: String,
    },
    /// One download.
    Bulk {
        /// A name or an address.
        to: String,
        /// How much.
        bytes: u64,
    },
    /// The addresses of a name, as the resolver that clients are given finds them.
    Names {
        /// The name.
        name: String,
    },
    /// One page, as text.
    Page {
        /// The server's address and port.
        at: SocketAddr,
        /// The page's path.
        path: String,
    },
}

/// A name or an address, with a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name or the address, as text.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Target {
    /// The server's web pages.
    pub fn web(host: &str) -> Self {
        Self { host: host.to_owned(), port: internet::WEB }
    }

    /// The server's echo.
    pub fn echo(host: &str) -> Self {
        Self { host: host.to_owned(), port: internet::ECHO }
    }

    /// The address, when the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}
