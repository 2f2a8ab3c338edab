//! SOCKS 5 (RFC 1928), as much as a probe needs.

use std::io::{Error, Result};
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::errand::Target;

const CONNECT: u8 = 1;
const ASSOCIATE: u8 = 3;

/// Asks a proxy for a connection.
pub async fn connect(proxy: SocketAddr, to: &Target) -> Result<TcpStream> {
    Ok(ask(proxy, CONNECT, to).await?.0)
}

/// Sends one datagram by a proxy, and gives the first that comes back.
pub async fn exchange(proxy: SocketAddr, to: &Target, payload: &[u8]) -> Result<Vec<u8>> {
    let any = Target { host: "0.0.0.0".to_owned(), port: 0 };
    // The association lasts for as long as this connection.
    let (_control, relay) = ask(proxy, ASSOCIATE, &any).await?;
    let relay = match relay.ip().is_unspecified() {
        true => SocketAddr::new(proxy.ip(), relay.port()),
        false => relay,
    };
    let socket = UdpSocket::bind((proxy.ip(), 0)).await?;
    let mut bytes = vec![0, 0, 0];
    put(&mut bytes, to);
    bytes.extend(payload);
    socket.send_to(&bytes, relay).await?;
    let mut answer = vec![0; 2048];
    let count = socket.recv(&mut answer).await?;
    let head = match answer.get(3) {
        Some(1) => 10,
        Some(4) => 22,
        _ => return Err(Error::other("the proxy answered with a datagram of another form")),
    };
    Ok(answer.get(head..count).unwrap_or_default().to_vec())
}

async fn ask(proxy: SocketAddr, what: u8, to: &Target) -> Result<(TcpStream, SocketAddr)> {
    let mut stream = TcpStream::connect(proxy).await?;
    stream.write_all(&[5, 1, 0]).await?;
    let mut method = [0; 2];
    stream.read_exact(&mut method).await?;
    let mut request = vec![5, what, 0];
    put(&mut request, to);
    stream.write_all(&request).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    if head[1] != 0 {
        return Err(Error::other(format!("the proxy refused with code {}", head[1])));
    }
    let address: IpAddr = match head[3] {
        1 => read::<4>(&mut stream).await?.into(),
        4 => read::<16>(&mut stream).await?.into(),
        _ => return Err(Error::other("the proxy gave an address of another form")),
    };
    let port = stream.read_u16().await?;
    Ok((stream, SocketAddr::new(address, port)))
}

async fn read<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn put(bytes: &mut Vec<u8>, to: &Target) {
    match to.address() {
        Some(IpAddr::V4(v4)) => {
            bytes.push(1);
            bytes.extend(v4.octets());
        }
        Some(IpAddr::V6(v6)) => {
            bytes.push(4);
            bytes.extend(v6.octets());
        }
        None => {
            // Names are shorter than 256 bytes (RFC 1035, section 2.3.4).
            bytes.extend([3, to.host.len() as u8]);
            bytes.extend(to.host.bytes());
        }
    }
    bytes.extend(to.port.to_be_bytes());
}
