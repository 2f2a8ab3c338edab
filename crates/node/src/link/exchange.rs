//! One connection, and one request on it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use damm_protocol::{Refusal, Signed};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::pinned::is_wrong_key;
use super::{LinkError, Place};

/// The greatest answer that is read. A config of 100,000 clients has some 25 MB.
const ANSWER_AT_MOST: usize = 64 << 20;

/// How long one address of the controller may leave a wish to connect unanswered: it was repeated
/// after one second and after three by then. An address of the other family has its turn as well
/// before the request is given up.
const DIAL: Duration = Duration::from_secs(6);

/// A connection. Dropping it closes it.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: tokio::task::JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Connects to the first of the controller's addresses that lets it; from `source`, where one
    /// is given, which then decides the family.
    pub(super) async fn open(
        place: &Place,
        tls: &Arc<ClientConfig>,
        source: Option<IpAddr>,
    ) -> Result<Self, LinkError> {
        let tcp = reach(place, source).await?;
        // Requests are written whole; waiting for more would only delay them.
        drop(tcp.set_nodelay(true));
        let tls = TlsConnector::from(Arc::clone(tls)).connect(place.name().clone(), tcp).await;
        let stream = TokioIo::new(tls.map_err(|e| shaken(&e))?);
        let (sender, connection) =
            http1::handshake(stream).await.map_err(LinkError::unreachable)?;
        // It ends with the connection; what goes wrong is told to the request that waits.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, driver })
    }

    /// Whether it still stands, as far as this side knows.
    pub(super) fn stands(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Asks for something, or tells something with a signature.
    pub(super) async fn ask(
        &mut self,
        place: &Place,
        path: &str,
        told: Option<(Vec<u8>, String)>,
    ) -> Result<Vec<u8>, LinkError> {
        let request = request(place, path, told)?;
        let answer = self.sender.send_request(request).await;
        read(answer.map_err(LinkError::unreachable)?).await
    }
}

fn request(
    place: &Place,
    path: &str,
    told: Option<(Vec<u8>, String)>,
) -> Result<Request<Full<Bytes>>, LinkError> {
    let builder = Request::builder().uri(path).header(HOST, place.to_string());
    let built = match told {
        None => builder.body(Full::default()),
        Some((body, signature)) => builder
            .method("POST")
            .header(CONTENT_TYPE, "application/json")
            .header(Signed::HEADER, signature)
            .body(Full::new(body.into())),
    };
    built.map_err(|e| LinkError::Unreadable(e.to_string()))
}

async fn read(answer: Response<Incoming>) -> Result<Vec<u8>, LinkError> {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_AT_MOST).collect().await;
    let body = body.map_err(LinkError::unreachable)?.to_bytes().to_vec();
    match (status, serde_json::from_slice::<Refusal>(&body)) {
        (StatusCode::OK, _) => Ok(body),
        (_, Ok(refusal)) => Err(LinkError::Refused(refusal)),
        // A broken or busy controller, or a proxy before it: come again.
        (status, Err(_)) => Err(LinkError::Unreachable(format!("it says {status}"))),
    }
}

async fn reach(place: &Place, source: Option<IpAddr>) -> Result<TcpStream, LinkError> {
    let mut addresses = place.addresses().await?;
    if let Some(source) = source {
        addresses.retain(|a| a.is_ipv4() == source.is_ipv4());
        if addresses.is_empty() {
            return Err(LinkError::NoFamily(if source.is_ipv4() { "IPv4" } else { "IPv6" }));
        }
    }
    let mut last = LinkError::absent("its name has no address");
    for address in addresses {
        match tokio::time::timeout(DIAL, dial(address, source)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(e)) => last = LinkError::absent(e),
            Err(_) => last = LinkError::absent("nobody is there"),
        }
    }
    Err(last)
}

async fn dial(address: SocketAddr, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(address).await
}

fn shaken(error: &std::io::Error) -> LinkError {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match inner {
        Some(tls) if is_wrong_key(tls) => LinkError::WrongKey,
        _ => LinkError::unreachable(error),
    }
}
