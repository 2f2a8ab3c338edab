//! How a probe reaches the internet.

use std::io::Result;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::errand::Target;
use super::{shadowsocks, socks};

/// How a probe reaches the internet. Read from a file: it may hold a client's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "lowercase", deny_unknown_fields)]
pub enum Way {
    /// By whatever route there is: a tunnel's, for instance.
    Direct,
    /// Through a proxy that speaks SOCKS 5 (RFC 1928).
    Socks {
        /// The proxy.
        at: SocketAddr,
    },
    /// Through a Shadowsocks 2022 server (SIP022), with an identity header (SIP023).
    Shadowsocks {
        /// The server.
        at: SocketAddr,
        /// The server's key and the client's, with a colon between them.
        key: String,
    },
}

/// A connection, whatever it goes through.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Way {
    /// Connects to a place on the internet.
    pub async fn connect(&self, to: &Target) -> Result<Box<dyn Stream>> {
        match self {
            Self::Direct => Ok(Box::new(TcpStream::connect((to.host.as_str(), to.port)).await?)),
            Self::Socks { at } => Ok(Box::new(socks::connect(*at, to).await?)),
            Self::Shadowsocks { at, key } => {
                Ok(Box::new(shadowsocks::connect(*at, key, to).await?))
            }
        }
    }
}
