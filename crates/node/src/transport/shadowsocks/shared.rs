//! The socket that clients' packets come in by.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use shadowsocks::relay::udprelay::{DatagramReceive, DatagramSend, DatagramSocket};
use socket2::{Protocol, Type};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::transport::listening::bound;

/// One socket, for every version of the settings.
#[derive(Clone)]
pub(super) struct Shared(Arc<UdpSocket>);

/// A port of all addresses.
pub(super) fn bind(port: u16) -> io::Result<Shared> {
    let socket = bound(port, Type::DGRAM, Protocol::UDP)?;
    // What the kernel gives beyond its limit is its own matter.
    drop(socket.set_recv_buffer_size(4 << 20));
    Ok(Shared(Arc::new(UdpSocket::from_std(socket.into())?)))
}

impl DatagramSocket for Shared {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl DatagramReceive for Shared {
    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.poll_recv(cx, buf)
    }

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.0.poll_recv_from(cx, buf)
    }

    fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_recv_ready(cx)
    }
}

impl DatagramSend for Shared {
    fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_send(cx, buf)
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_send_to(cx, buf, target)
    }

    fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_send_ready(cx)
    }
}
