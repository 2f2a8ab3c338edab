//! Listening: one small task for each connection. An agent that waits for news was measured at
//! 18 KiB (`tests/many.rs`): 180 MiB for ten thousand.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{AgentsEndpoint, tls};
use crate::error::ServerError;

/// Connections at once: twice the agents of the largest fleet, since a new one may come before the
/// old one is known to be dead.
const CONNECTIONS: usize = 20_000;

/// A handshake, or a request's head, comes within this time, or never.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// The system has no room for another connection: it is asked again after this.
const FULL: Duration = Duration::from_millis(100);

/// Bytes of a request's head, and of what is read of its body at once, for each connection.
const BUFFER: usize = 8 << 10;

/// An endpoint that listens, until this is stopped or dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Served {
    /// Where it listens: with the port that the system gave, where none was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and closes all connections. Agents go on as they are, and come back.
    pub async fn stop(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // It was told to end: how it did is no matter.
            drop(task.await);
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl AgentsEndpoint {
    /// Listens at an address, and composes what agents are told from now on.
    ///
    /// # Errors
    ///
    /// [`ServerError::Listen`] and [`ServerError::Certificate`].
    pub async fn serve(self: &Arc<Self>, address: SocketAddr) -> Result<Served, ServerError> {
        let refused = |source| ServerError::Listen { address, source };
        let acceptor = TlsAcceptor::from(tls::config(&self.keys)?);
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let listening = tokio::spawn(self.clone().listen(listener, acceptor));
        let composing = tokio::spawn(self.clone().keep_composing());
        Ok(Served { address, tasks: vec![listening, composing] })
    }

    async fn listen(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match (accepted, room.clone().try_acquire_owned()) {
                    (Ok((stream, peer)), Ok(permit)) => {
                        let endpoint = self.clone();
                        let acceptor = acceptor.clone();
                        connections.spawn(endpoint.connection(stream, peer, acceptor, permit));
                    }
                    // Too many are here: this one is closed, and comes again.
                    (Ok(_), Err(_)) => {}
                    (Err(_), _) => tokio::time::sleep(FULL).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Serves one connection. What goes wrong on it is its peer's matter: nothing is logged.
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        acceptor: TlsAcceptor,
        _permit: OwnedSemaphorePermit,
    ) {
        // Answers are single writes; where it can't be set they are late at worst.
        drop(stream.set_nodelay(true));
        let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIME, acceptor.accept(stream)).await else {
            return;
        };
        let service = service_fn(|request| async {
            Ok::<_, Infallible>(self.answer(request, peer.ip()).await)
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        drop(serving.await);
    }
}
