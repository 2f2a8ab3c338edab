//! The server that plays the internet: web pages and downloads, an echo, names; and a record of the
//! addresses that it is reached from.

mod dns;
pub(crate) mod question;
mod web;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::error::{LabError, Result};
use crate::layout::Site;

/// Echo (RFC 862), TCP and UDP.
pub const ECHO: u16 = 7;
/// Names, TCP and UDP.
pub const DNS: u16 = 53;
/// Web pages.
pub const WEB: u16 = 80;

/// What the first root server is known by in the world outside: resolvers begin there, so they
/// resolve in the lab without being told of it. (`a.root-servers.net`, IANA's root hints.)
pub(crate) const ROOT4: Ipv4Addr = Ipv4Addr::new(198, 41, 0, 4);
/// The same of IPv6.
pub(crate) const ROOT6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30);

/// The other root servers, in both families: a resolver may begin with any of them.
const ROOTS: [&str; 24] = [
    "170.247.170.2",
    "192.33.4.12",
    "199.7.91.13",
    "192.203.230.10",
    "192.5.5.241",
    "192.112.36.4",
    "198.97.190.53",
    "192.36.148.17",
    "192.58.128.30",
    "193.0.14.129",
    "199.7.83.42",
    "202.12.27.33",
    "2801:1b8:10::b",
    "2001:500:2::c",
    "2001:500:2d::d",
    "2001:500:a8::e",
    "2001:500:2f::f",
    "2001:500:12::d0d",
    "2001:500:1::53",
    "2001:7fe::53",
    "2001:503:c27::2:30",
    "2001:7fd::1",
    "2001:500:9f::42",
    "2001:dc3::35",
];

/// All addresses of the server.
pub(crate) fn addresses() -> impl Iterator<Item = IpAddr> {
    let roots = ROOTS.iter().filter_map(|text| text.parse().ok());
    Site::internet().flat_map(Site::both).chain([ROOT4.into(), ROOT6.into()]).chain(roots)
}

/// Serves until the process ends. Whoever connects is named on standard output, one line each, as
/// in `tcp 80 198.18.0.7`.
///
/// # Errors
///
/// When a port is taken.
pub async fn serve() -> Result<()> {
    for any in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let web = listen(any, WEB).await?;
        tokio::spawn(each(web, WEB, |stream| async { drop(web::answer(stream).await) }));
        let echoes = listen(any, ECHO).await?;
        tokio::spawn(each(echoes, ECHO, |stream| async { drop(echo(stream).await) }));
        let names = listen(any, DNS).await?;
        tokio::spawn(each(names, DNS, |stream| async { drop(dns::stream(stream).await) }));
    }
    // A datagram is answered from the address that it was sent to, so each has a socket of its own.
    for address in addresses() {
        let names = bind(address, DNS).await?;
        tokio::spawn(async move { dns::datagrams(&names).await });
        let echoes = bind(address, ECHO).await?;
        tokio::spawn(async move { echo_datagrams(&echoes).await });
    }
    std::future::pending().await
}

async fn listen(address: IpAddr, port: u16) -> Result<TcpListener> {
    let socket = match address {
        IpAddr::V4(_) => tokio::net::TcpSocket::new_v4(),
        IpAddr::V6(_) => tokio::net::TcpSocket::new_v6(),
    };
    let listening = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        if address.is_ipv6() {
            rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
        }
        socket.bind(SocketAddr::new(address, port))?;
        socket.listen(1024)
    });
    listening.map_err(|source| LabError::Listen { address, source })
}

async fn bind(address: IpAddr, port: u16) -> Result<UdpSocket> {
    let bound = UdpSocket::bind(SocketAddr::new(address, port)).await;
    bound.map_err(|source| LabError::Listen { address, source })
}

async fn each<F, T>(listener: TcpListener, port: u16, answer: F)
where
    F: Fn(TcpStream) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let answer = Arc::new(answer);
    loop {
        // A connection that is gone before it is taken is nobody's loss.
        let Ok((stream, from)) = listener.accept().await else {
            continue;
        };
        seen("tcp", port, from);
        tokio::spawn(answer(stream));
    }
}

/// The record of who was here. The addresses are the lab's own: those of its egress nodes, when all
/// is well.
fn seen(protocol: &str, port: u16, from: SocketAddr) {
    println!("{protocol} {port} {}", from.ip());
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&bytes[..count]).await?;
    }
}

async fn echo_datagrams(socket: &UdpSocket) {
    let mut bytes = [0; 2048];
    loop {
        if let Ok((count, from)) = socket.recv_from(&mut bytes).await {
            seen("udp", ECHO, from);
            // An answer that can't be sent is one that was lost.
            drop(socket.send_to(&bytes[..count], from).await);
        }
    }
}
