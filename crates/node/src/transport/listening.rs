//! Ports: taking them, and seeing who has them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// A state of TCP in `/proc/net/tcp` (the kernel's `include/net/tcp_states.h`).
const ESTABLISHED: &str = "01";

/// A port of all addresses, for connections.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = bound(port, Type::STREAM, Protocol::TCP)?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

/// A port of one address, for connections, whether an interface has the address yet or not.
pub(crate) fn listen_at(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = free(at.is_ipv4(), Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

/// A socket that can be bound to addresses that no interface has.
pub(crate) fn free(v4: bool, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let domain = if v4 { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if v4 {
        socket.set_freebind_v4(true)?;
    } else {
        socket.set_freebind_v6(true)?;
    }
    Ok(socket)
}

/// A socket on all addresses of both families; of IPv4 alone where the kernel has no IPv6.
pub(crate) fn bound(port: u16, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    match bound_to(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, port).into(), kind, protocol) {
        Err(e) if e.kind() != io::ErrorKind::AddrInUse => {
            bound_to(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, port).into(), kind, protocol)
        }
        other => other,
    }
}

fn bound_to(
    domain: Domain,
    address: SocketAddr,
    kind: Type,
    protocol: Protocol,
) -> io::Result<Socket> {
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(kind == Type::STREAM)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Whether somebody listens on a port for connections. It is found out by binding the port: with
/// SO_REUSEADDR that fails over a listener alone, and costs the same however many connections there
/// are, which a look into `/proc/net/tcp` does not.
pub(crate) fn has_listener(port: u16) -> bool {
    let tried = bound(port, Type::STREAM, Protocol::TCP);
    tried.is_err_and(|e| e.kind() == io::ErrorKind::AddrInUse)
}

/// Whether somebody has a port for packets.
pub(crate) fn has_packets(port: u16) -> bool {
    sockets("udp").any(|(local, _)| local == port)
}

/// How many connections to a port of this machine stand.
pub(crate) fn connections(port: u16) -> usize {
    sockets("tcp").filter(|(local, state)| *local == port && state == ESTABLISHED).count()
}

/// The sockets of this network namespace: local port and state (proc_pid_net(5)).
fn sockets(protocol: &str) -> impl Iterator<Item = (u16, String)> {
    let tables = [format!("/proc/net/{protocol}"), format!("/proc/net/{protocol}6")];
    let text = tables.map(|t| std::fs::read_to_string(t).unwrap_or_default()).concat();
    let lines = text.lines().filter_map(parsed).collect::<Vec<_>>();
    lines.into_iter()
}

/// `sl local_address rem_address st …`, addresses in hexadecimal.
fn parsed(line: &str) -> Option<(u16, String)> {
    let mut fields = line.split_whitespace().skip(1);
    let (_, port) = fields.next()?.split_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, fields.nth(1)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn listeners_and_connections_are_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(has_listener(port));
        assert_eq!(connections(port), 0);
        let client = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let server = listener.accept().await.unwrap();
        assert_eq!(connections(port), 1);
        drop((client, server, listener));
        assert!(!has_listener(port));
    }

    #[tokio::test]
    async fn a_port_of_all_addresses_takes_both_families() {
        let listener = listen(0).unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        listener.accept().await.unwrap();
        assert!(!has_packets(port) || has_listener(port));
    }
}
