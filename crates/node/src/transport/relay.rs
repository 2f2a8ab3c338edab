//! A door in front of a proxy of others: `damm node relay --config FILE`.
//!
//! It passes each new connection on to the newest of the proxy's processes, so that a process with
//! new credentials takes over without cutting what the old one still serves. And the proxy, which
//! may write down whom it serves, sees no client's address.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::listening::listen;
use super::pump::pump;
use crate::service::ServiceError;

/// Where a relay listens, and where it passes connections on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Relay {
    /// A port of all addresses.
    pub port: u16,
    /// A port of 127.0.0.1.
    pub to: u16,
}

impl Relay {
    fn read(path: &Path) -> Result<Self, ServiceError> {
        let text = std::fs::read(path).map_err(ServiceError::file(path))?;
        serde_json::from_slice(&text)
            .map_err(|e| ServiceError::field(path, format!("line {}", e.line()), e))
    }
}

/// Passes connections on until it is told to end (SIGTERM). On SIGHUP it reads its file again.
///
/// # Errors
///
/// When the file can't be read or the port is another's.
pub async fn serve(config: &Path) -> Result<(), ServiceError> {
    let mut relay = Relay::read(config)?;
    let listener = listen(relay.port).map_err(|e| ServiceError::field(config, "port", e))?;
    let (mut again, mut end) = (caught(SignalKind::hangup())?, caught(SignalKind::terminate())?);
    loop {
        tokio::select! {
            stream = accept(&listener) => {
                tokio::spawn(pass_on(stream, relay.to));
            }
            _ = again.recv() => match Relay::read(config) {
                Ok(read) => relay = read,
                Err(error) => tracing::error!("{error}"),
            },
            _ = end.recv() => return Ok(()),
        }
    }
}

/// A signal, to be waited for.
pub(crate) fn caught(kind: SignalKind) -> Result<Signal, ServiceError> {
    let failed = |e: std::io::Error| ServiceError::Command {
        command: "sigaction".into(),
        why: e.to_string(),
    };
    signal(kind).map_err(failed)
}

/// The next connection.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of file descriptors: others may be closed by then.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn pass_on(stream: TcpStream, to: u16) {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, to));
    // While the proxy is being started again the client is told at once, and tries again.
    let Ok(inside) = TcpStream::connect(to).await else { return };
    // Connections without it are only slower.
    drop(stream.set_nodelay(true));
    drop(inside.set_nodelay(true));
    pump(stream, inside).await;
}
