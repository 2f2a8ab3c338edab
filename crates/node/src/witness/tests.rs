//! The witness, asked over real connections.

use std::collections::BTreeSet;

use damm_fleet::{FrontdoorId, Span};
use damm_protocol::evidence::{Epoch, WitnessKey};
use http_body_util::Empty;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const KEY: [u8; 32] = [3; 32];

fn settings() -> Settings {
    let doors = BTreeSet::from([7, 8].map(FrontdoorId::from_raw));
    Settings { at: vec!["127.0.0.1:0".parse().unwrap()], key: WitnessKey::new(KEY), doors }
}

fn question(door: u64, epoch: Epoch) -> Question {
    let token = "a5".repeat(16).parse().unwrap();
    Question { door: FrontdoorId::from_raw(door), epoch, token }
}

fn at(now: Timestamp, method: Method, path: &str) -> Response<String> {
    let request = Request::builder().method(method).uri(path);
    answer(&settings(), &request.body(Empty::<&[u8]>::new()).unwrap(), now)
}

fn noon() -> Timestamp {
    Timestamp::EPOCH + Span::from_hours(12)
}

#[test]
fn it_signs_for_its_own_doors_alone() {
    let question = |door| question(door, Epoch::at(noon()));
    let given = |door| at(noon(), Method::GET, &question(door).path());
    let expected = question(7).receipt(&WitnessKey::new(KEY)).to_string();
    assert_eq!((given(7).status(), given(7).into_body()), (StatusCode::OK, expected));
    assert_ne!(given(8).into_body(), given(7).into_body());
    assert_eq!((given(9).status(), given(9).into_body()), (StatusCode::NOT_FOUND, String::new()));
}

#[test]
fn it_signs_for_the_present_alone() {
    let present = Epoch::at(noon()).number();
    let given = |epoch| at(noon(), Method::GET, &question(7, Epoch::new(epoch)).path()).status();
    assert_eq!(given(present), StatusCode::OK);
    for away in [present - 2, present + 2, 0, u32::MAX] {
        assert_eq!(given(away), StatusCode::NOT_FOUND, "{away}");
    }
}

#[test]
fn whatever_else_is_asked_is_not_there() {
    let path = question(7, Epoch::at(noon())).path();
    let other = at(noon(), Method::GET, "/");
    for (method, path) in [
        (Method::POST, path.clone()),
        (Method::HEAD, path.clone()),
        (Method::CONNECT, "192.0.2.1:80".into()),
        (Method::OPTIONS, "*".into()),
        (Method::GET, format!("{path}?")),
        (Method::GET, path.replace("a5", "zz")),
    ] {
        let given = at(noon(), method, &path);
        assert_eq!(given.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!((given.headers(), given.body()), (other.headers(), other.body()), "{path}");
    }
}

/// A witness with these settings: where it is.
fn started(connections: usize) -> SocketAddr {
    let listener = listeners(&settings().at).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let (_, current) = watch::channel(Arc::new(settings()));
    tokio::spawn(attend(listener, Arc::new(Semaphore::new(connections)), current));
    address
}

async fn asked(witness: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(witness).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut given = String::new();
    stream.read_to_string(&mut given).await.unwrap();
    given
}

#[tokio::test]
async fn a_client_gets_its_receipt_and_the_connection_ends() {
    let question = question(8, Epoch::at(now()));
    let request = format!("GET {} HTTP/1.1\r\nhost: 100.64.0.1\r\n\r\n", question.path());
    let given = asked(started(1), &request).await;
    let receipt = question.receipt(&WitnessKey::new(KEY)).to_string();
    assert!(given.starts_with("HTTP/1.1 200 OK\r\n") && given.ends_with(&receipt), "{given}");
}

#[tokio::test]
async fn who_says_more_than_a_question_is_cut_short() {
    let long = "x".repeat(4 * HEAD);
    let mut stream = TcpStream::connect(started(1)).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nlong: {long}\r\n\r\n");
    // It may hang up in the middle of it.
    drop(stream.write_all(request.as_bytes()).await);
    let mut given = Vec::new();
    drop(stream.read_to_end(&mut given).await);
    assert!(!given.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&given));
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_keeps_nobody_waiting_for_long() {
    let witness = started(1);
    let mut silent = TcpStream::connect(witness).await.unwrap();
    let path = question(7, Epoch::at(now())).path();
    let given = asked(witness, &format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
    assert!(given.starts_with("HTTP/1.1 200"), "{given}");
    // It was hung up on before the other was heard.
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_taken_port_is_said_and_a_missing_family_is_not() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = listeners(&[taken.local_addr().unwrap()]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    // No interface has them; some kernels have no IPv6 either.
    let both = ["198.51.100.1:0", "[2001:db8::1]:0"].map(|at| at.parse().unwrap());
    assert!(!listeners(&both).unwrap().is_empty());
    assert!(listeners(&[]).is_err());
}

#[test]
fn the_key_does_not_show_itself() {
    let text = format!("{:?}", settings());
    assert!(!text.contains("AwMDAw") && !text.contains("3, 3"), "{text}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.json");
    let written = serde_json::to_string(&settings()).unwrap();
    std::fs::write(&path, &written).unwrap();
    assert_eq!(files::settings::<Settings>(&path).unwrap(), settings());
    let short = &written[..written.len() - 10];
    std::fs::write(&path, short).unwrap();
    let said = files::settings::<Settings>(&path).unwrap_err().to_string();
    assert!(said.contains("line 1") && !said.contains("AwMDAw"), "{said}");
}
