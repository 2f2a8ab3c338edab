//! Clients' connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shadowsocks::relay::socks5::Address;
use shadowsocks::relay::tcprelay::ProxyServerStream;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::steady::Steady;
use super::users::{HEAD, User};
use super::{CIPHER, Current, Server};
use crate::transport::pump::pump;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long whoever shows no key of ours is listened to, in silence: a server that hangs up at once
/// tells a prober how many bytes it waited for (SIP022, "3.1.5").
const SILENCE: Duration = Duration::from_secs(60);

/// How many may be there who have not shown a key yet.
const STRANGERS: usize = 8192;

pub(super) async fn serve(server: Server, listener: TcpListener) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: others may be closed by then.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        if let Ok(stranger) = Arc::clone(&strangers).try_acquire_owned() {
            tokio::spawn(serve_one(server.clone(), stream, stranger));
        }
    }
}

async fn serve_one(server: Server, stream: TcpStream, stranger: tokio::sync::OwnedSemaphorePermit) {
    // A connection without it is only slower.
    drop(stream.set_nodelay(true));
    let current = server.now();
    let claimed = timeout(PATIENCE, head(&stream)).await;
    let user = claimed.ok().and_then(Result::ok).and_then(|head| current.users.claimed(&head));
    let Some(user) = user else { return stay_silent(stream).await };
    let mut inside = ProxyServerStream::from_stream_with_user_manager(
        server.context,
        stream,
        CIPHER,
        &current.key,
        Some(current.users.manager()),
    );
    let Ok(Ok(to)) = timeout(PATIENCE, inside.handshake()).await else {
        return stay_silent(inside.into_inner()).await;
    };
    drop(stranger);
    let Some(_share) = server.connections.take(user) else { return };
    // A client is told of a failure by the end of its connection: the protocol has no other word.
    if let Ok(outside) = reach(&current, user, to).await {
        pump(Steady::new(inside), outside).await;
    }
}

/// The front of a connection, left where it is: the crate that opens the request reads it again,
/// and wants all of it at once, as clients have to send it.
async fn head(stream: &TcpStream) -> io::Result<[u8; HEAD]> {
    let mut head = [0; HEAD];
    let mut before = 0;
    loop {
        let length = stream.peek(&mut head).await?;
        if length == HEAD {
            return Ok(head);
        }
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // A part of it is there, so the socket is always ready: ask again after a while, longer
        // when nothing comes.
        sleep(Duration::from_millis(if length == before { 200 } else { 10 })).await;
        before = length;
    }
}

async fn stay_silent(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    let listening = async { while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {} };
    // Either way the connection ends here.
    drop(timeout(SILENCE, listening).await);
}

async fn reach(current: &Current, user: User, to: Address) -> io::Result<TcpStream> {
    let to = match to {
        Address::SocketAddress(address) => vec![address],
        Address::DomainNameAddress(host, port) => {
            let found = current.names.look_up(user, &host).await?;
            found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
        }
    };
    current.names.outward.connect(user, &to).await
}
