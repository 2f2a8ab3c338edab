//! Listening: one small task for each connection.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::reply::Reply;

/// The system has no room for another connection: it is asked again after this.
const FULL: Duration = Duration::from_millis(100);

/// What is granted to whoever comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// A handshake, or a request's head, comes within this time, or never.
    pub head_time: Duration,
    /// Bytes of a request's head, and of what is read of its body at once, for each connection.
    pub head: usize,
}

/// What answers requests.
pub(crate) trait Answer: Send + Sync + 'static {
    /// Answers a request that comes from an address.
    fn answer(
        &self,
        request: Request<Incoming>,
        from: IpAddr,
    ) -> impl Future<Output = Reply> + Send;
}

/// An endpoint that listens, until this is stopped or dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Served {
    pub(crate) const fn new(address: SocketAddr, tasks: Vec<JoinHandle<()>>) -> Self {
        Self { address, tasks }
    }

    /// Where it listens: with the port that the system gave, where none was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and closes all connections. Whoever was connected comes back.
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

/// Where connections come in.
pub(crate) struct Doorway {
    pub listener: TcpListener,
    /// None for plain HTTP.
    pub acceptor: Option<TlsAcceptor>,
    pub limits: Limits,
}

impl Doorway {
    /// Takes connections until it is dropped.
    pub async fn open<A: Answer>(self, answers: Arc<A>) {
        let room = Arc::new(Semaphore::new(self.limits.connections));
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    match (accepted, room.clone().try_acquire_owned()) {
                        (Ok((stream, peer)), Ok(permit)) => {
                            let acceptor = self.acceptor.clone();
                            let come = Come { stream, peer, limits: self.limits, _permit: permit };
                            connections.spawn(come.serve(acceptor, answers.clone()));
                        }
                        // Too many are here: this one is closed, and comes again.
                        (Ok(_), Err(_)) => {}
                        (Err(_), _) => tokio::time::sleep(FULL).await,
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// A connection that has come.
struct Come {
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    _permit: OwnedSemaphorePermit,
}

impl Come {
    /// Serves it. What goes wrong on it is its peer's matter: nothing is logged.
    async fn serve<A: Answer>(self, acceptor: Option<TlsAcceptor>, answers: Arc<A>) {
        // Answers are single writes; where it can't be set they are late at worst.
        drop(self.stream.set_nodelay(true));
        let (peer, limits) = (self.peer.ip(), self.limits);
        let Some(acceptor) = acceptor else {
            return talk(self.stream, peer, limits, answers).await;
        };
        let shaking = tokio::time::timeout(limits.head_time, acceptor.accept(self.stream));
        if let Ok(Ok(stream)) = shaking.await {
            talk(stream, peer, limits, answers).await;
        }
    }
}

async fn talk<A: Answer>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: IpAddr,
    limits: Limits,
    answers: Arc<A>,
) {
    let service =
        service_fn(|request| async { Ok::<_, Infallible>(answers.answer(request, peer).await) });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head)
        .serve_connection(TokioIo::new(stream), service);
    drop(serving.await);
}
