//! Doors that really speak Shadowsocks, on this machine, and how far a client comes at each.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use damm_client::{Dial, Met, Real};
use damm_fleet::FrontdoorId;
use damm_formats::{Door, Shadowsocks, Way};
use damm_protocol::evidence::{Ending, Epoch, Phase, WitnessKey};
use damm_protocol::{Question, Secret32, witness_addresses};
use shadowsocks::config::{ServerType, ServerUser, ServerUserManager};
use shadowsocks::context::Context;
use shadowsocks::crypto::CipherKind;
use shadowsocks::relay::socks5::Address;
use shadowsocks::relay::tcprelay::ProxyServerStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const WITNESS: [u8; 32] = [6; 32];
const SERVER: [u8; 32] = [1; 32];
const CLIENT: [u8; 32] = [2; 32];

/// What stands at a door's other end.
#[derive(Clone, Copy)]
enum End {
    /// A node's witness.
    Signs,
    /// One that freezes in the middle of its answer, as a censor does it after some bytes.
    Freezes,
    /// Nobody that ever says a word.
    Silent,
    /// One that closes at once.
    Closes,
}

/// A door with the client's own key, or another.
fn door(at: SocketAddr, key: [u8; 32]) -> Door {
    let password = [SERVER, key].map(|k| Secret32::new(k).expose().to_string()).join(":");
    let way = Way::Shadowsocks(Shadowsocks { method: "2022-blake3-aes-256-gcm", password });
    let id = FrontdoorId::from_raw(1);
    Door { id, name: "Shadowsocks 1".to_owned(), address: at.ip(), port: at.port(), way }
}

fn question() -> Question {
    let token = "0123456789abcdef0123456789abcdef".parse().unwrap();
    Question { door: FrontdoorId::from_raw(1), epoch: Epoch::new(997_222), token }
}

/// Opens a door with such an end behind it.
async fn open(end: End) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, end));
        }
    });
    at
}

async fn serve(stream: TcpStream, end: End) {
    let mut users = ServerUserManager::new();
    users.add_user(ServerUser::new("", CLIENT.to_vec()));
    let context = Context::new_shared(ServerType::Server);
    let cipher = CipherKind::AEAD2022_BLAKE3_AES_256_GCM;
    let users = Some(Arc::new(users));
    let mut inside =
        ProxyServerStream::from_stream_with_user_manager(context, stream, cipher, &SERVER, users);
    let Ok(to) = inside.handshake().await else { return };
    assert_eq!(to, Address::from(witness_addresses()[0]), "a client asks the witness only");
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        asked.push(inside.read_u8().await.unwrap());
    }
    let asked = String::from_utf8(asked).unwrap();
    let path = asked.split(' ').nth(1).unwrap();
    let receipt = Question::from_path(path).unwrap().receipt(&WitnessKey::new(WITNESS));
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 32\r\n\r\n{receipt}");
    let said = match end {
        End::Signs => answer.len(),
        End::Freezes => 16,
        End::Silent | End::Closes => 0,
    };
    inside.write_all(&answer.as_bytes()[..said]).await.unwrap();
    inside.flush().await.unwrap();
    if !matches!(end, End::Closes) {
        std::future::pending::<()>().await;
    }
}

async fn meet(at: SocketAddr, key: [u8; 32], patience: Duration) -> Met {
    Real { patience }.meet(&door(at, key), &question()).await
}

/// Far longer than anything on this machine takes.
const LONG: Duration = Duration::from_secs(60);
/// What ends in silence is waited for so long: the rest of it has long happened by then.
const SHORT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_door_that_works_brings_the_witness_receipt() {
    let met = meet(open(End::Signs).await, CLIENT, LONG).await;
    assert!(met.works(), "{met:?}");
    assert_eq!(met.receipt, Some(question().receipt(&WitnessKey::new(WITNESS))));
}

#[tokio::test]
async fn a_freeze_in_the_middle_tells_how_much_came_before_it() {
    let met = meet(open(End::Freezes).await, CLIENT, SHORT).await;
    let told = (met.phase, met.ending, met.received, met.receipt);
    assert_eq!(told, (Phase::Transfer, Ending::TimedOut, 16, None));
}

#[tokio::test]
async fn a_door_that_lets_in_and_says_nothing_is_not_one_that_cant_be_reached() {
    let met = meet(open(End::Silent).await, CLIENT, SHORT).await;
    assert_eq!((met.phase, met.ending, met.received), (Phase::Application, Ending::TimedOut, 0));
}

#[tokio::test]
async fn a_door_that_closes_at_once_or_is_not_open_never_counts_as_working() {
    let met = meet(open(End::Closes).await, CLIENT, LONG).await;
    assert!(!met.works() && met.receipt.is_none(), "{met:?}");
    assert_eq!(met.phase, Phase::Application);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let met = meet(at, CLIENT, LONG).await;
    assert_eq!((met.phase, met.ending), (Phase::Connection, Ending::Refused));
}

#[tokio::test]
async fn whoever_shows_a_key_that_the_door_does_not_know_gets_no_receipt() {
    let met = meet(open(End::Signs).await, [9; 32], LONG).await;
    assert!(!met.works() && met.receipt.is_none(), "{met:?}");
}
