//! Where clients are listened for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Certificate, ClientsEndpoint};
use crate::error::ServerError;
use crate::listen::{Answer, Doorway, Limits, Served};
use crate::reply::Reply;

const LIMITS: Limits = Limits {
    // Each is gone after a request or two: this many are many thousands of requests a second.
    connections: 4_096,
    head_time: Duration::from_secs(10),
    // hyper takes no less.
    head: 8 << 10,
};

impl Answer for ClientsEndpoint {
    async fn answer(&self, request: Request<Incoming>, from: IpAddr) -> Reply {
        self.route(request, from).await
    }
}

impl ClientsEndpoint {
    /// Listens at an address: with TLS under this certificate, or in plain HTTP without one, for
    /// whoever has a proxy of their own in front.
    ///
    /// # Errors
    ///
    /// [`ServerError::ListenClients`] and [`ServerError::ClientsCertificate`].
    pub async fn serve(
        self: &Arc<Self>,
        address: SocketAddr,
        certificate: Option<Certificate>,
    ) -> Result<Served, ServerError> {
        let refused = |source| ServerError::ListenClients { address, source };
        let acceptor = certificate.map(Certificate::config).transpose()?.map(TlsAcceptor::from);
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let doorway = Doorway { listener, acceptor, limits: LIMITS };
        Ok(Served::new(address, vec![tokio::spawn(doorway.open(self.clone()))]))
    }
}
