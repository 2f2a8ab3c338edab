//! Clients' packets.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use shadowsocks::ServerConfig;
use shadowsocks::config::ServerUser;
use shadowsocks::relay::socks5::Address;
use shadowsocks::relay::udprelay::options::UdpSocketControlData;
use shadowsocks::relay::udprelay::proxy_socket::UdpSocketType;
use shadowsocks::relay::udprelay::{DatagramSocket as _, ProxySocket};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::names::Names;
use super::shared::Shared;
use super::users::{Share, User};
use super::window::Window;
use super::{CIPHER, Current, Server};

/// An association that nothing came over for so long is over: what the packet filter gives to a
/// stream of packets, too.
const IDLE: Duration = Duration::from_secs(180);

/// Packets that wait for one association, while a name is looked up for instance.
const QUEUE: usize = 128;

/// The largest packet of UDP.
const LARGEST: usize = 65_536;

type Sealed = ProxySocket<Shared>;

/// A packet of a client's.
struct Packet {
    client: SocketAddr,
    number: u64,
    to: Address,
    payload: Vec<u8>,
}

type Key = (User, u64);

pub(super) async fn serve(mut server: Server, socket: Shared) {
    let mut associations = HashMap::<Key, mpsc::Sender<Packet>>::new();
    let mut buffer = vec![0; LARGEST];
    loop {
        let current = server.current.borrow_and_update().clone();
        let Some(sealed) = sealed(&server, &current, socket.clone()) else { return };
        let sealed = Arc::new(sealed);
        loop {
            let received = tokio::select! {
                received = sealed.recv_from_with_ctrl(&mut buffer) => received,
                changed = server.current.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
            };
            // Whatever does not open with a user's key is not answered.
            let Ok((length, client, to, _, Some(control))) = received else { continue };
            let number = control.packet_id;
            let packet = Packet { client, number, to, payload: buffer[..length].to_vec() };
            deliver(&server, &current, &sealed, &mut associations, &control, packet);
        }
    }
}

fn sealed(server: &Server, current: &Current, socket: Shared) -> Option<Sealed> {
    let address = socket.local_addr().ok()?;
    let key = damm_protocol::Secret32::new(current.key).expose();
    // The key has the length that the cipher wants, which is all that can be wrong with it.
    let mut config = ServerConfig::new(address, key, CIPHER).ok()?;
    config.set_user_manager((*current.users.manager()).clone());
    let context = Arc::clone(&server.context);
    Some(ProxySocket::from_socket(UdpSocketType::Server, context, &config, socket))
}

/// To its association, which begins with its first packet. One that comes too fast is lost, as
/// packets are.
fn deliver(
    server: &Server,
    current: &Current,
    sealed: &Arc<Sealed>,
    associations: &mut HashMap<Key, mpsc::Sender<Packet>>,
    control: &UdpSocketControlData,
    packet: Packet,
) {
    let Some(client) = &control.user else { return };
    let Ok(hash) = client.identity_hash().try_into() else { return };
    let (user, session) = (User(hash), control.client_session_id);
    let packet = match associations.get(&(user, session)) {
        None => packet,
        Some(queue) => match queue.try_send(packet) {
            Err(mpsc::error::TrySendError::Closed(packet)) => packet,
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => return,
        },
    };
    associations.retain(|_, queue| !queue.is_closed());
    let Some(share) = server.associations.take(user) else { return };
    let (queue, packets) = mpsc::channel(QUEUE);
    // A queue that was just made has room.
    drop(queue.try_send(packet));
    associations.insert((user, session), queue);
    let association = Association {
        user,
        client: Arc::clone(client),
        session,
        own_session: random(),
        sent: 0,
        window: Window::new(),
        names: Arc::clone(&current.names),
        known: HashMap::new(),
        sealed: Arc::clone(sealed),
        last: None,
        _share: share,
    };
    tokio::spawn(association.run(packets));
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without random bytes the process would not have started.
    let _ = getrandom::fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

/// What a client's program sends from one socket of its own.
struct Association {
    user: User,
    client: Arc<ServerUser>,
    session: u64,
    own_session: u64,
    sent: u64,
    window: Window,
    names: Arc<Names>,
    known: HashMap<String, IpAddr>,
    sealed: Arc<Sealed>,
    /// Where the client was last heard from: it moves when it changes its network.
    last: Option<SocketAddr>,
    _share: Share,
}

impl Association {
    async fn run(mut self, mut packets: mpsc::Receiver<Packet>) {
        let outward = &self.names.outward;
        let sockets = (outward.packets(self.user, true), outward.packets(self.user, false));
        // A machine without IPv6 has no socket for it.
        let (v4, v6) = (sockets.0.ok(), sockets.1.ok());
        let (mut buffer4, mut buffer6) = (vec![0; LARGEST], vec![0; LARGEST]);
        loop {
            let came = tokio::select! {
                packet = packets.recv() => match packet {
                    Some(packet) => self.send(packet, v4.as_ref(), v6.as_ref()).await,
                    None => return,
                },
                Some(Ok((length, from))) = receive(v4.as_ref(), &mut buffer4) =>
                    self.answer(from, &buffer4[..length]).await,
                Some(Ok((length, from))) = receive(v6.as_ref(), &mut buffer6) =>
                    self.answer(from, &buffer6[..length]).await,
                () = tokio::time::sleep(IDLE) => return,
            };
            // A packet that can't be sent is lost, and the next may not be.
            drop(came);
        }
    }

    async fn send(
        &mut self,
        packet: Packet,
        v4: Option<&UdpSocket>,
        v6: Option<&UdpSocket>,
    ) -> io::Result<()> {
        if !self.window.admits(packet.number) {
            return Ok(());
        }
        self.last = Some(packet.client);
        let to = self.destination(packet.to).await?;
        let [to] = self.names.outward.allowed(&[to])[..] else { return Ok(()) };
        let socket = if to.is_ipv4() { v4 } else { v6 };
        let socket = socket.ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.send_to(&packet.payload, to).await.map(drop)
    }

    /// A name stands for one address as long as the association lasts.
    async fn destination(&mut self, to: Address) -> io::Result<SocketAddr> {
        let (host, port) = match to {
            Address::SocketAddress(address) => return Ok(address),
            Address::DomainNameAddress(host, port) => (host, port),
        };
        if let Some(ip) = self.known.get(&host) {
            return Ok(SocketAddr::new(*ip, port));
        }
        let found = self.names.look_up(self.user, &host).await?;
        // IPv4 first: nothing here finds out that IPv6 leads nowhere.
        let best = found.iter().find(|ip| ip.is_ipv4()).or(found.first());
        let ip = *best.ok_or(io::ErrorKind::NotFound)?;
        self.known.insert(host, ip);
        Ok(SocketAddr::new(ip, port))
    }

    async fn answer(&mut self, from: SocketAddr, payload: &[u8]) -> io::Result<()> {
        let Some(client) = self.last else { return Ok(()) };
        let mut control = UdpSocketControlData::default();
        control.client_session_id = self.session;
        control.server_session_id = self.own_session;
        control.packet_id = self.sent;
        control.user = Some(Arc::clone(&self.client));
        self.sent += 1;
        let from = Address::SocketAddress(from);
        let sent = self.sealed.send_to_with_ctrl(client, &from, &control, payload).await;
        sent.map(drop).map_err(io::Error::other)
    }
}

/// `None` never comes: without a socket nothing does.
async fn receive(
    socket: Option<&UdpSocket>,
    buffer: &mut [u8],
) -> Option<io::Result<(usize, SocketAddr)>> {
    match socket {
        Some(socket) => Some(socket.recv_from(buffer).await),
        None => std::future::pending().await,
    }
}
