//! Clients that connect from addresses of their own, with TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate for `localhost` in PEM, its key in PEM, and what trusts it.
pub fn certificate() -> (String, String, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert.der().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let chain = pem("CERTIFICATE", made.cert.der());
    let key = pem("PRIVATE KEY", &made.signing_key.serialize_der());
    (chain, key, TlsConnector::from(Arc::new(config)))
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap());
    let lines: Vec<&str> = lines.collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A connection from an address.
pub async fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    socket.connect(to).await.unwrap()
}

/// Where a request goes, and with whose certificate.
#[derive(Clone)]
pub struct Door {
    pub at: SocketAddr,
    pub tls: TlsConnector,
}

impl Door {
    async fn open(&self, from: IpAddr) -> TlsStream<TcpStream> {
        let stream = connect(from, self.at).await;
        let name = ServerName::try_from("localhost").unwrap();
        self.tls.connect(name, stream).await.unwrap()
    }

    /// Sends bytes within TLS, and waits for no answer.
    pub async fn throw(&self, from: IpAddr, bytes: &[u8]) {
        let mut stream = self.open(from).await;
        // Whoever says too much is cut off.
        drop(stream.write_all(bytes).await);
        drop(stream.shutdown().await);
    }

    /// Asks; the status and the body of the answer.
    pub async fn ask(&self, from: IpAddr, line: &str, more: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\
             content-length: {length}\r\n\r\n"
        );
        let mut stream = self.open(from).await;
        let mut answer = Vec::new();
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        // Some servers end without saying so.
        drop(stream.read_to_end(&mut answer).await);
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }
}
