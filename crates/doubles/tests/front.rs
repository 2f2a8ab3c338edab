//! The front does what its dial says, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use damm_conformance::{Aim, Trouble};
use damm_doubles::{Answer, Api, Asked, Concern, Front, Odds, Upstream};
use damm_fleet::topology::Dial;
use serde_json::{Value, json};

/// Counts what it was asked to write, and tells.
#[derive(Default)]
struct Counter {
    writes: AtomicU64,
}

#[async_trait]
impl Api for Counter {
    async fn answer(&self, asked: &Asked) -> Answer {
        match (asked.method.as_str(), &asked.segments()[..]) {
            ("POST", ["v1", "things"]) if asked.luck.out_of_stock => Answer::empty(412),
            ("POST", ["v1", "things"]) => {
                let made = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
                let echo = json!({ "made": made, "name": asked.json()["name"] });
                Answer::json(201, &echo).with("x-request-id", made)
            }
            ("GET", ["v1", "things"]) => {
                let writes = self.writes.load(Ordering::SeqCst);
                Answer::json(200, &json!({ "writes": writes, "q": asked.query("q") }))
            }
            ("DELETE", _) => Answer::empty(204),
            _ => Answer::json(404, &json!({ "host": asked.header("host") })),
        }
    }

    fn concern(&self, asked: &Asked) -> Concern {
        match asked.path.as_str() {
            "/login" => Concern::Aside,
            _ if asked.method == "GET" => Concern::Read,
            _ => Concern::Write,
        }
    }

    fn busy(&self, asked: &Asked) -> Option<Answer> {
        (asked.method == "DELETE").then(|| Answer::text(423, "locked"))
    }
}

/// What a client reads: the status, all else of the head, and the body as far as it came.
#[derive(Debug)]
struct Heard {
    status: u16,
    head: String,
    body: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn is_whole(&self) -> bool {
        let lines = self.head.lines();
        let length = lines.filter_map(|l| l.strip_prefix("content-length: ")).next();
        length.is_none_or(|l| l.parse() == Ok(self.body.len()))
    }
}

/// One request on a connection of its own; none where it is closed without an answer.
fn ask(front: &Front, line: &str, body: &str) -> Option<Heard> {
    let mut stream = TcpStream::connect(front.address()).unwrap();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: vendor.invalid\r\nauthorization: Bearer secret-token\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut text = String::new();
    // Closed in any way is closed.
    drop(stream.read_to_string(&mut text));
    drop(stream.shutdown(Shutdown::Both));
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Heard { status, head: head.to_owned(), body: body.to_owned() })
}

const POST: &str = "POST /v1/things";
const GET: &str = "GET /v1/things?q=a%20b";

fn post(front: &Front) -> Option<Heard> {
    ask(front, POST, r#"{"name":"x"}"#)
}

fn status(read: Option<Heard>) -> Option<u16> {
    read.map(|r| r.status)
}

fn front() -> (Arc<Counter>, Front) {
    let counter = Arc::new(Counter::default());
    (counter.clone(), Front::over(counter))
}

#[test]
fn without_trouble_everything_passes() {
    let (_, front) = front();
    let made = post(&front).unwrap();
    assert_eq!((made.status, made.json()), (201, json!({ "made": 1, "name": "x" })));
    assert!(made.head.contains("x-request-id: 1") && made.is_whole());
    let listed = ask(&front, GET, "").unwrap();
    assert_eq!((listed.status, listed.json()), (200, json!({ "q": "a b", "writes": 1 })));
    assert_eq!(status(ask(&front, "DELETE /v1/things/1", "")), Some(204));
}

/// For each trouble what a write comes to: the status, whether the answer is whole, and whether it
/// was done.
#[test]
fn each_trouble_is_what_it_says() {
    for (trouble, expected, whole, done) in [
        (Trouble::None, Some(201), true, true),
        (Trouble::LostAnswers, None, true, true),
        (Trouble::FailedAnswers, Some(502), true, true),
        (Trouble::FailedRequests, Some(502), true, false),
        (Trouble::Throttling, Some(429), true, false),
        (Trouble::SilentThrottling, Some(429), true, false),
        (Trouble::TruncatedAnswers, Some(201), false, true),
        (Trouble::GarbledAnswers, Some(200), true, true),
        (Trouble::ExpiredCredential, Some(401), true, false),
        (Trouble::Echoes, Some(400), true, false),
        (Trouble::OutOfStock, Some(412), true, false),
        // This vendor is never busy with that.
        (Trouble::Busy, Some(201), true, true),
    ] {
        let (counter, front) = front();
        front.trouble(trouble, Aim::All);
        let answer = post(&front);
        assert!(answer.as_ref().is_none_or(|a| a.is_whole() == whole), "{trouble:?}: {answer:?}");
        let half = answer.as_ref().is_none_or(|a| whole || !a.body.is_empty());
        assert!(half, "{trouble:?}: what broke off had begun");
        assert_eq!(status(answer), expected, "{trouble:?}");
        assert_eq!(counter.writes.load(Ordering::SeqCst), u64::from(done), "{trouble:?}");
    }
}

#[test]
fn trouble_is_aimed() {
    let (_, front) = front();
    front.trouble(Trouble::ExpiredCredential, Aim::Writes);
    assert_eq!(status(ask(&front, GET, "")), Some(200));
    assert_eq!(status(post(&front)), Some(401));
    front.trouble(Trouble::ExpiredCredential, Aim::All);
    assert_eq!(status(ask(&front, GET, "")), Some(401));
    assert_eq!(status(ask(&front, "POST /login", "")), Some(404), "nobody fails to log in");
    front.trouble(Trouble::Busy, Aim::All);
    assert_eq!(status(ask(&front, GET, "")), Some(200));
    assert_eq!(status(ask(&front, "DELETE /v1/things/1", "")), Some(423));
}

#[test]
fn the_first_page_comes_and_the_later_ones_fail() {
    let (_, front) = front();
    front.trouble(Trouble::FailedPages, Aim::All);
    let pages = [(); 3].map(|()| status(ask(&front, GET, "")).unwrap());
    assert!(pages[0] == 200 && pages[1] >= 500 && pages[2] >= 500, "{pages:?}");
    assert_eq!(status(post(&front)), Some(201));
}

#[test]
fn a_time_to_come_back_is_told_or_not() {
    let (_, front) = front();
    front.trouble(Trouble::Throttling, Aim::All);
    assert!(post(&front).unwrap().head.contains("retry-after: 2"));
    front.trouble(Trouble::SilentThrottling, Aim::All);
    assert!(!post(&front).unwrap().head.contains("retry-after"));
}

#[test]
fn an_echo_quotes_the_body_and_the_credential() {
    let (_, front) = front();
    front.trouble(Trouble::Echoes, Aim::All);
    let body = ask(&front, POST, r#"{"user_data":"line\nmarker"}"#).unwrap().body;
    assert!(body.contains("secret-token") && body.contains("marker"), "{body}");
}

#[test]
fn garbled_answers_are_a_page_nothing_and_a_half() {
    let (_, front) = front();
    front.trouble(Trouble::GarbledAnswers, Aim::All);
    let bodies = [(); 3].map(|()| post(&front).unwrap()).map(|r| (r.status, r.body));
    let is = |wanted: fn(&str) -> bool| bodies.iter().any(|(s, b)| *s == 200 && wanted(b));
    assert!(is(|b| b.contains("<html>")) && is(str::is_empty) && is(|b| b.starts_with("{\"made")));
}

#[test]
fn odds_bring_every_fault_and_the_same_seed_the_same_ones() {
    let run = |seed| {
        let (_, front) = front();
        front.odds(Odds {
            dial: Dial {
                seed,
                throttled: 0.1,
                error_before: 0.1,
                error_after: 0.1,
                lost_response: 0.1,
                out_of_stock: 0.1,
                ..Dial::default()
            },
            truncated: 0.1,
            garbled: 0.1,
        });
        let mut seen = Vec::new();
        for _ in 0..100 {
            let read = post(&front);
            seen.push(read.map(|r| (r.status, r.is_whole())));
        }
        seen
    };
    let seen = run(5);
    assert_eq!(seen, run(5));
    assert_ne!(seen, run(6));
    let kinds = [None, Some((201, true)), Some((201, false)), Some((200, true)), Some((412, true))];
    for kind in kinds.into_iter().chain([Some((429, true))]) {
        assert!(seen.contains(&kind), "{kind:?} never came in {seen:?}");
    }
    assert!(seen.iter().flatten().any(|(status, _)| *status >= 500));
}

#[test]
fn the_journal_tells_what_was_asked_and_keeps_no_bodies_unless_told_to() {
    let (_, front) = front();
    front.trouble(Trouble::LostAnswers, Aim::Writes);
    post(&front);
    ask(&front, GET, "");
    let lines = front.take_journal();
    let told: Vec<_> = lines.iter().map(|l| (l.method.as_str(), l.status, l.served)).collect();
    assert_eq!(told, [("POST", None, true), ("GET", Some(200), true)]);
    assert_eq!(lines[1].path, "/v1/things?q=a%20b");
    assert!(lines.iter().all(|l| l.body.is_none()));
    front.keep_bodies();
    front.trouble(Trouble::ExpiredCredential, Aim::All);
    post(&front);
    let lines = front.journal();
    assert_eq!((lines.len(), lines[0].served), (1, false));
    assert_eq!(lines[0].body.as_deref(), Some(&br#"{"name":"x"}"#[..]));
}

#[test]
fn a_real_server_behind_a_front_has_the_same_troubles() {
    let (counter, real) = front();
    let front = Front::over(Arc::new(Upstream::at(&real.url())));
    assert_eq!(post(&front).unwrap().json(), json!({ "made": 1, "name": "x" }));
    assert_eq!(ask(&front, GET, "").unwrap().json(), json!({ "q": "a b", "writes": 1 }));
    let lost = ask(&front, "GET /elsewhere", "").unwrap();
    assert_eq!((lost.status, lost.body.as_str()), (404, r#"{"host":"vendor.invalid"}"#));
    front.trouble(Trouble::LostAnswers, Aim::Writes);
    assert!(post(&front).is_none());
    assert_eq!(counter.writes.load(Ordering::SeqCst), 2);
    front.trouble(Trouble::None, Aim::All);
    drop(real);
    assert_eq!(status(post(&front)), Some(502));
}

#[test]
fn a_dropped_front_listens_no_more() {
    let (_, front) = front();
    let mut open = TcpStream::connect(front.address()).unwrap();
    let address = front.address();
    drop(front);
    let mut left = Vec::new();
    assert!(open.read_to_end(&mut left).is_err() || left.is_empty(), "it is closed");
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn in_an_idle_front_nothing_is_done_any_more() {
    let (counter, front) = front();
    let done = || counter.writes.load(Ordering::SeqCst);
    for _ in 0..20 {
        let mut stream = TcpStream::connect(front.address()).unwrap();
        let head = format!("{POST} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // The client dies with its request under way.
        drop(stream);
        front.idle().await;
        let before = done();
        assert_eq!(status(post(&front)), Some(201));
        assert_eq!(done(), before + 1, "what was under way is done or will never be");
    }
}
