//! Through a Trojan door: TLS, then the password's hash and where to go
//! (<https://trojan-gfw.github.io/trojan/protocol>).

use std::net::SocketAddr;

use damm_formats::Trojan;
use damm_protocol::evidence::{Ending, Phase, Receipt};
use damm_protocol::{Question, witness_addresses};
use rustls::pki_types::ServerName;
use sha2::{Digest as _, Sha224};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::ask::{answer, request};
use super::pinned;
use super::{Progress, Stopped};

/// Asks to be connected over TCP.
const CONNECT: u8 = 1;
/// To an IPv4 address.
const IPV4: u8 = 1;

pub async fn ask(
    at: SocketAddr,
    way: &Trojan,
    question: &Question,
    progress: &Progress,
) -> Result<(Option<Receipt>, u64), Stopped> {
    let stream = TcpStream::connect(at).await;
    let stream = stream.map_err(|e| Stopped::by(Phase::Connection, &e))?;
    progress.reached(Phase::Application, 0);
    let shaken = |ending| Stopped { phase: Phase::Application, ending, received: 0 };
    let name = ServerName::try_from(way.server_name.clone());
    let name = name.map_err(|_| shaken(Ending::Abandoned))?;
    let config = pinned::config(&way.certificate).map_err(|_| shaken(Ending::Abandoned))?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    let mut stream = stream.map_err(|e| match e.get_ref() {
        Some(inner) if pinned::is_imposter(inner) => shaken(Ending::Imposter),
        Some(inner) if inner.is::<rustls::Error>() => shaken(Ending::Handshake),
        _ => Stopped::by(Phase::Application, &e),
    })?;
    let first = [&head(&way.password), request(question).as_bytes()].concat();
    let sent = stream.write_all(&first).await;
    sent.map_err(|e| Stopped::by(Phase::Application, &e))?;
    answer(&mut stream, progress).await
}

/// The first words: who it is, and that it goes to the witness.
fn head(password: &str) -> Vec<u8> {
    let hash = Sha224::digest(password);
    let digits: String = hash.iter().map(|b| format!("{b:02x}")).collect();
    let [witness, _] = witness_addresses();
    let address = match witness {
        SocketAddr::V4(v4) => v4.ip().octets(),
        // The first of a witness' addresses is of IPv4.
        SocketAddr::V6(_) => [0; 4],
    };
    let port = witness.port().to_be_bytes();
    [digits.as_bytes(), b"\r\n", &[CONNECT, IPV4], &address, &port, b"\r\n"].concat()
}
