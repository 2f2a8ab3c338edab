//! A Shadowsocks 2022 client.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{Error, Result};
use std::net::SocketAddr;

use shadowsocks::config::{ServerConfig, ServerType};
use shadowsocks::context::Context;
use shadowsocks::crypto::CipherKind;
use shadowsocks::relay::socks5::Address;
use shadowsocks::relay::tcprelay::proxy_stream::ProxyClientStream;
use shadowsocks::relay::udprelay::ProxySocket;
use shadowsocks::relay::udprelay::options::UdpSocketControlData;

use super::errand::Target;

/// The one that every server of a fleet speaks.
const CIPHER: CipherKind = CipherKind::AEAD2022_BLAKE3_AES_256_GCM;

/// A connection through the server.
pub type Connection = ProxyClientStream<shadowsocks::net::TcpStream>;

/// Connects through a server.
pub async fn connect(at: SocketAddr, key: &str, to: &Target) -> Result<Connection> {
    let context = Context::new_shared(ServerType::Local);
    ProxyClientStream::connect(context, &config(at, key)?, address(to)).await
}

/// Sends one datagram through a server, and gives the first that comes back.
pub async fn exchange(at: SocketAddr, key: &str, to: &Target, payload: &[u8]) -> Result<Vec<u8>> {
    let context = Context::new_shared(ServerType::Local);
    let config = config(at, key)?;
    let socket = ProxySocket::connect(context, &config).await.map_err(Error::other)?;
    // A session of its own, or the server takes this datagram for an old one sent again (SIP022,
    // section 3.2.2).
    let mut control = UdpSocketControlData::default();
    control.client_session_id = RandomState::new().build_hasher().finish();
    control.packet_id = 1;
    socket.send_with_ctrl(&address(to), &control, payload).await.map_err(Error::other)?;
    let mut answer = vec![0; 2048];
    let (count, ..) = socket.recv(&mut answer).await.map_err(Error::other)?;
    answer.truncate(count);
    Ok(answer)
}

fn config(at: SocketAddr, key: &str) -> Result<ServerConfig> {
    ServerConfig::new(at, key, CIPHER).map_err(|e| Error::other(e.to_string()))
}

fn address(to: &Target) -> Address {
    match to.address() {
        Some(address) => Address::SocketAddress(SocketAddr::new(address, to.port)),
        None => Address::DomainNameAddress(to.host.clone(), to.port),
    }
}
