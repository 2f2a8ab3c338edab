//! The Shadowsocks server against the clients of the `shadowsocks` package.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use damm_node::transport::shadowsocks::serve;
use damm_protocol::Secret32;
use serde_json::json;
use shadowsocks::ServerConfig;
use shadowsocks::config::ServerType;
use shadowsocks::context::Context;
use shadowsocks::crypto::CipherKind;
use shadowsocks::relay::socks5::Address;
use shadowsocks::relay::tcprelay::ProxyClientStream;
use shadowsocks::relay::udprelay::ProxySocket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// A server on this machine, what it was told, and somebody who answers.
struct World {
    _dir: tempfile::TempDir,
    config: PathBuf,
    server: SocketAddr,
    echo: SocketAddr,
    /// How many connections reached `echo`.
    reached: Arc<AtomicUsize>,
    resolver: SocketAddr,
    allow: Vec<&'static str>,
}

impl World {
    async fn new(users: &[u8], allow: &[&'static str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (echo, reached) = echo().await;
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (config, resolver) = (dir.path().join("settings.json"), names().await);
        let allow = allow.to_vec();
        let world = Self { _dir: dir, config, server: free, echo, reached, resolver, allow };
        world.tell(users);
        let config = world.config.clone();
        tokio::spawn(async move { serve(&config).await.unwrap() });
        while TcpStream::connect(world.server).await.is_err() {
            tokio::task::yield_now().await;
        }
        world
    }

    /// Writes the settings for these users.
    fn tell(&self, users: &[u8]) {
        let users = users.iter().map(|n| (n.to_string(), json!(key(*n).expose())));
        let settings = json!({
            "port": self.server.port(),
            "server_key": key(0).expose(),
            "sessions4": null, "sessions6": null,
            "resolvers": [self.resolver],
            "allow": self.allow,
            "users": users.collect::<serde_json::Map<_, _>>(),
        });
        let next = self.config.with_extension("next");
        std::fs::write(&next, settings.to_string()).unwrap();
        std::fs::rename(next, &self.config).unwrap();
    }

    fn client(&self, user: u8) -> ServerConfig {
        self.client_at(user, self.server)
    }

    fn client_at(&self, user: u8, server: SocketAddr) -> ServerConfig {
        let password = format!("{}:{}", key(0).expose(), key(user).expose());
        ServerConfig::new(server, password, CipherKind::AEAD2022_BLAKE3_AES_256_GCM).unwrap()
    }

    async fn connect(&self, user: u8, to: Address) -> ProxyClientStream<impl Stream + use<>> {
        connect(&self.client(user), to).await
    }

    fn echo_by_name(&self) -> Address {
        Address::DomainNameAddress("echo.example".into(), self.echo.port())
    }
}

trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Stream for T {}

async fn connect(config: &ServerConfig, to: Address) -> ProxyClientStream<impl Stream + use<>> {
    let context = Context::new_shared(ServerType::Local);
    ProxyClientStream::connect(context, config, to).await.unwrap()
}

fn key(number: u8) -> Secret32 {
    Secret32::new([number; 32])
}

/// Answers connections and packets with what they bring.
async fn echo() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let packets = UdpSocket::bind(address).await.unwrap();
    let reached = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reached);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                drop(tokio::io::copy(&mut read, &mut write).await);
            });
        }
    });
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        loop {
            let (length, from) = packets.recv_from(&mut buffer).await.unwrap();
            packets.send_to(&buffer[..length], from).await.unwrap();
        }
    });
    (address, reached)
}

/// A resolver that knows one IPv4 address for all names.
async fn names() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let mut answer = buffer[..length].to_vec();
            answer[2] |= 0x80;
            if answer[length - 3] == 1 {
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0, 0, 1]);
            }
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    address
}

async fn comes_back(stream: &mut (impl Stream + ?Sized), bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(back, bytes);
}

/// What a stream gives after a few bytes are sent and it is said that no more will come.
async fn answer(stream: &mut (impl Stream + ?Sized)) -> Vec<u8> {
    let mut answer = Vec::new();
    // The server may have hung up before all was sent.
    drop(stream.write_all(b"anybody there?").await);
    drop(stream.shutdown().await);
    drop(stream.read_to_end(&mut answer).await);
    answer
}

#[tokio::test]
async fn streams_go_there_and_back_by_address_and_by_name() {
    let world = World::new(&[1, 2], &["127.0.0.0/8"]).await;
    let long = (0..300_000_u32).map(|n| n as u8).collect::<Vec<_>>();
    for (user, to) in [(1, world.echo.into()), (2, world.echo_by_name())] {
        let mut stream = world.connect(user, to).await;
        comes_back(&mut stream, b"a few").await;
        let (mut read, mut write) = tokio::io::split(stream);
        let mut back = vec![0; long.len()];
        let (sent, read) = tokio::join!(write.write_all(&long), read.read_exact(&mut back));
        sent.unwrap();
        read.unwrap();
        assert!(back == long, "the bytes came back changed");
    }
}

#[tokio::test]
async fn packets_go_there_and_back_by_address_and_by_name() {
    let world = World::new(&[1], &["127.0.0.0/8"]).await;
    let context = Context::new_shared(ServerType::Local);
    let socket = ProxySocket::connect(context, &world.client(1)).await.unwrap();
    let mut control = shadowsocks::relay::udprelay::options::UdpSocketControlData::default();
    control.client_session_id = 77;
    for (number, to) in [(1, world.echo.into()), (2, world.echo_by_name())] {
        control.packet_id = number;
        let payload = format!("packet {number}");
        socket.send_with_ctrl(&to, &control, payload.as_bytes()).await.unwrap();
        let mut buffer = vec![0; 65_536];
        let (length, from, _) = socket.recv(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], payload.as_bytes());
        assert_eq!(from, world.echo.into());
        // The same packet again is dropped: the next answer is the next packet's.
        socket.send_with_ctrl(&to, &control, b"again").await.unwrap();
    }
}

#[tokio::test]
async fn a_key_of_nobodys_reaches_nothing_and_gets_no_byte() {
    let world = World::new(&[1], &["127.0.0.0/8"]).await;
    let mut stream = world.connect(9, world.echo.into()).await;
    assert_eq!(answer(&mut stream).await, b"");
    let mut stranger = TcpStream::connect(world.server).await.unwrap();
    stranger.write_all(&[7; 4096]).await.unwrap();
    assert_eq!(answer(&mut stranger).await, b"");
    assert_eq!(world.reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_private_destination_is_not_reached() {
    let world = World::new(&[1], &[]).await;
    let mut stream = world.connect(1, world.echo.into()).await;
    assert_eq!(answer(&mut stream).await, b"");
    assert_eq!(world.reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn new_users_come_in_and_old_ones_stay_out_and_no_stream_is_cut() {
    let world = World::new(&[1], &["127.0.0.0/8"]).await;
    let mut standing = world.connect(1, world.echo.into()).await;
    comes_back(&mut standing, b"before").await;
    world.tell(&[2]);
    let pid = rustix::process::getpid();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    loop {
        let mut stream = world.connect(2, world.echo.into()).await;
        if answer(&mut stream).await == b"anybody there?" {
            break;
        }
    }
    let mut refused = world.connect(1, world.echo.into()).await;
    assert_eq!(answer(&mut refused).await, b"");
    comes_back(&mut standing, b"after").await;
}

#[tokio::test]
async fn a_request_that_is_sent_again_by_somebody_else_gets_no_byte() {
    let world = World::new(&[1], &["127.0.0.0/8"]).await;
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = world.client_at(1, between.local_addr().unwrap());
    let to = world.echo;
    let sending = tokio::spawn(async move {
        let mut stream = connect(&client, to.into()).await;
        drop(stream.write_all(b"once").await);
        stream
    });
    let (mut stream, _) = between.accept().await.unwrap();
    let mut request = vec![0; 4096];
    let length = stream.read(&mut request).await.unwrap();
    for expected in [&b"once"[..], b""] {
        let mut stranger = TcpStream::connect(world.server).await.unwrap();
        stranger.write_all(&request[..length]).await.unwrap();
        stranger.shutdown().await.unwrap();
        let mut answer = Vec::new();
        drop(stranger.read_to_end(&mut answer).await);
        assert_eq!(answer.is_empty(), expected.is_empty());
    }
    drop(sending.await.unwrap());
}
