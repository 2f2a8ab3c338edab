//! Where agents are listened for. An agent that waits for news was measured at 18 KiB
//! (`tests/many.rs`): 180 MiB for ten thousand.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{AgentsEndpoint, tls};
use crate::error::ServerError;
use crate::listen::{Answer, Doorway, Limits, Served};
use crate::reply::Reply;

const LIMITS: Limits = Limits {
    // Twice the agents of the largest fleet, since a new connection may come before the old one is
    // known to be dead.
    connections: 20_000,
    head_time: Duration::from_secs(30),
    head: 8 << 10,
};

impl Answer for AgentsEndpoint {
    async fn answer(&self, request: Request<Incoming>, from: IpAddr) -> Reply {
        self.route(request, from).await
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
        let acceptor = Some(TlsAcceptor::from(tls::config(&self.keys)?));
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let doorway = Doorway { listener, acceptor, limits: LIMITS };
        let listening = tokio::spawn(doorway.open(self.clone()));
        let composing = tokio::spawn(self.clone().keep_composing());
        Ok(Served::new(address, vec![listening, composing]))
    }
}
