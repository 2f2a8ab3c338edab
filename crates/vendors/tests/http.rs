//! The HTTP layer against a server on the loopback that says what it is told to.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use damm_clouds::{Error, ManualClock};
use damm_conformance::{Aim, Trouble};
use damm_doubles::{Answer, Api, Asked, Front};
use damm_fleet::{FailureClass, Span, Timestamp};
use damm_vendors::credentials::Secret;
use damm_vendors::http::{Ask, Auth, ByStatus, Http, HttpParts, Pace, Reset};
use serde_json::{Value, json};

const TOKEN: &str = "hunter2-token-of-the-account";

/// Says the same to everybody, and remembers whom it was said to.
struct Parrot {
    answer: Answer,
    heard: Mutex<Vec<Option<String>>>,
}

#[async_trait]
impl Api for Parrot {
    async fn answer(&self, asked: &Asked) -> Answer {
        let authorization = asked.header("authorization").map(str::to_owned);
        self.heard.lock().unwrap().push(authorization);
        self.answer.clone()
    }
}

struct Stage {
    front: Front,
    parrot: Arc<Parrot>,
    clock: ManualClock,
    http: Http,
}

fn parts(base: String, clock: &ManualClock) -> HttpParts {
    HttpParts {
        account: "acme".parse().unwrap(),
        base,
        auth: Auth::Bearer(Secret::new(TOKEN)),
        pace: Some(Pace {
            limit: "ratelimit-limit",
            remaining: "ratelimit-remaining",
            reset: "ratelimit-reset",
            at_reset: Reset::Next,
        }),
        clock: Arc::new(clock.clone()),
        ca: None,
        patience: Duration::from_secs(10),
    }
}

fn stage(answer: Answer) -> Stage {
    let parrot = Arc::new(Parrot { answer, heard: Mutex::default() });
    let front = Front::over(parrot.clone());
    let clock = ManualClock::at(Timestamp::from_millis(1_795_000_000_000));
    let http = Http::new(parts(format!("{}/v1", front.url()), &clock)).unwrap();
    Stage { front, parrot, clock, http }
}

impl Stage {
    async fn create(&self) -> Result<Value, Error> {
        let ask = Ask::post("create a thing", "/things", &json!({ "name": "x" }));
        self.http.json(ask.private("join-secret"), &ByStatus).await
    }
}

#[track_caller]
fn class(outcome: Result<Value, Error>) -> FailureClass {
    outcome.unwrap_err().class
}

#[tokio::test]
async fn what_answers_prove_decides_their_class() {
    use FailureClass::{Busy, Gone, Rejected, Throttled, Unknown};
    let classes = [
        (Rejected, &[301, 400, 401, 403, 405, 412, 415, 422][..]),
        (Gone, &[404, 410]),
        (Busy, &[409, 423]),
        (Throttled, &[429]),
        (Unknown, &[408, 500, 501, 502, 503, 504]),
    ];
    for (expected, statuses) in classes {
        for status in statuses {
            for answer in [
                Answer::json(*status, &json!({ "message": "no" })),
                Answer::html(*status, "No"),
                Answer::text(*status, "no\nno"),
                Answer::empty(*status),
            ] {
                let stage = stage(answer);
                let error = stage.create().await.unwrap_err();
                assert_eq!(error.class, expected, "{status}: {error}");
                assert!(!error.message.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_unknown() {
    for answer in [
        Answer::html(200, "OK"),
        Answer::empty(200),
        Answer::of(201, "application/json", "{\"a\":"),
        Answer::of(201, "application/json", &b"\xff\xfe"[..]),
    ] {
        assert_eq!(class(stage(answer).create().await), FailureClass::Unknown);
    }
}

#[tokio::test]
async fn nothing_is_ever_sent_again() {
    for trouble in [
        Trouble::LostAnswers,
        Trouble::FailedRequests,
        Trouble::FailedAnswers,
        Trouble::TruncatedAnswers,
        Trouble::GarbledAnswers,
    ] {
        let stage = stage(Answer::json(201, &json!({ "id": 1 })));
        // The second request goes over a connection that has been used before.
        stage.create().await.unwrap();
        stage.front.trouble(trouble, Aim::All);
        assert_eq!(class(stage.create().await), FailureClass::Unknown, "{trouble:?}");
        assert_eq!(stage.front.journal().len(), 2, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let elsewhere = stage(Answer::json(200, &json!({})));
    let moved = Answer::empty(302).with("location", format!("{}/v1/x", elsewhere.front.url()));
    let stage = stage(moved);
    assert_eq!(class(stage.create().await), FailureClass::Rejected);
    // Nor does it follow a next page to another host, or out of the API.
    for page in [format!("{}/v1/x", elsewhere.front.url()), format!("{}/v2", stage.front.url())] {
        let ask = Ask::get("list things", page);
        assert_eq!(stage.http.send(ask).await.err().unwrap().class, FailureClass::Rejected);
    }
    assert_eq!(elsewhere.front.journal(), []);
    assert_eq!(stage.front.journal().len(), 1);
}

#[tokio::test]
async fn a_next_page_of_the_same_api_is_fetched_with_the_token() {
    let stage = stage(Answer::json(200, &json!({})));
    let page = format!("{}/v1/things?page=2", stage.front.url());
    stage.http.send(Ask::get("list things", page)).await.ok().unwrap();
    assert_eq!(stage.front.journal()[0].path, "/v1/things?page=2");
    assert_eq!(*stage.parrot.heard.lock().unwrap(), [Some(format!("Bearer {TOKEN}"))]);
}

#[tokio::test]
async fn an_account_that_wants_to_be_left_alone_is() {
    let stage = stage(Answer::empty(429).with("retry-after", 17));
    let error = stage.create().await.unwrap_err();
    assert_eq!(
        (error.class, error.retry_after),
        (FailureClass::Throttled, Some(Span::from_secs(17)))
    );
    stage.clock.advance(Span::from_secs(16));
    let unsent = stage.create().await.unwrap_err();
    assert_eq!(unsent.retry_after, Some(Span::from_secs(1)));
    assert_eq!(stage.front.journal().len(), 1, "it was called in its pause");
    stage.clock.advance(Span::from_secs(1));
    stage.create().await.unwrap_err();
    assert_eq!(stage.front.journal().len(), 2);
}

#[tokio::test]
async fn the_last_call_of_a_window_is_followed_by_none() {
    let reset = 1_795_000_000 + 40;
    let answer = Answer::json(200, &json!({}))
        .with("ratelimit-limit", 100)
        .with("ratelimit-remaining", 0)
        .with("ratelimit-reset", reset);
    let stage = stage(answer);
    stage.create().await.unwrap();
    let unsent = stage.create().await.unwrap_err();
    assert_eq!(unsent.class, FailureClass::Throttled);
    assert_eq!(unsent.retry_after, Some(Span::from_secs(40)));
    assert_eq!(stage.front.journal().len(), 1);
}

#[tokio::test]
async fn no_error_repeats_a_secret_and_each_names_the_request() {
    let words = format!(
        "bad token {TOKEN} and join-secret in bG9uZyBlbmNvZGVkIHVzZXIgZGF0YSBvZiBhbGwga2luZHM="
    );
    for answer in [
        Answer::json(400, &json!({ "message": words })),
        Answer::text(400, words.clone()),
        Answer::html(400, &words),
    ] {
        let stage = stage(answer.with("x-request-id", "req-7"));
        let error = stage.create().await.unwrap_err().to_string();
        assert!(error.starts_with("acme: create a thing: "), "{error}");
        assert!(error.ends_with("(request req-7)"), "{error}");
        for secret in [TOKEN, "join-secret", "bG9uZyBlbmNv"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let clock = ManualClock::at(Timestamp::EPOCH);
    let base = format!("http://{}", silent.local_addr().unwrap());
    let http = HttpParts { patience: Duration::from_millis(300), ..parts(base, &clock) };
    let http = Http::new(http).unwrap();
    let error = http.send(Ask::get("list things", "/")).await.err().unwrap();
    assert_eq!(error.class, FailureClass::Unknown);
    assert!(error.message.contains("no answer in time"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let clock = ManualClock::at(Timestamp::EPOCH);
    let http = Http::new(parts(format!("http://{port}"), &clock)).unwrap();
    let error = http.send(Ask::get("list things", "/")).await.err().unwrap();
    assert_eq!(error.class, FailureClass::Busy);
}

#[test]
fn an_endpoint_has_to_be_one_of_http() {
    let clock = ManualClock::at(Timestamp::EPOCH);
    for base in ["", "api.example.net", "ftp://api.example.net", "http://", "file:///etc"] {
        let error = Http::new(parts(base.to_owned(), &clock)).err().unwrap().to_string();
        assert!(error.contains("is no endpoint"), "{error}");
    }
}

mod tls {
    use std::path::{Path, PathBuf};

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD as STANDARD;
    use rcgen::{CertificateParams, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A server of TLS whose certificate nobody knows; returns its address and the certificate.
    async fn server(dir: &Path) -> (String, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = dir.join("ca.pem");
        let encoded = STANDARD.encode(certificate.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
        std::fs::write(&file, pem).unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(socket).await else {
                    continue;
                };
                let _ = stream.read(&mut [0; 4096]).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        (format!("https://localhost:{port}"), file)
    }

    #[tokio::test]
    async fn a_server_is_trusted_by_the_accounts_own_authorities_and_by_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let (base, ca) = server(dir.path()).await;
        let clock = ManualClock::at(Timestamp::EPOCH);
        let ask = || Ask::get("list things", "/");
        let stranger = Http::new(parts(base.clone(), &clock)).unwrap();
        let error = stranger.send(ask()).await.err().unwrap();
        assert_eq!(error.class, FailureClass::Busy);
        let known = Http::new(HttpParts { ca: Some(ca), ..parts(base, &clock) }).unwrap();
        assert!(known.send(ask()).await.unwrap().is_success());
    }

    #[test]
    fn a_file_without_authorities_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("empty.pem");
        std::fs::write(&file, "nothing").unwrap();
        let clock = ManualClock::at(Timestamp::EPOCH);
        let base = "https://api.example.net".to_owned();
        for ca in [file, dir.path().join("none.pem")] {
            let parts = HttpParts { ca: Some(ca.clone()), ..parts(base.clone(), &clock) };
            let error = Http::new(parts).err().unwrap().to_string();
            assert!(error.contains(ca.to_str().unwrap()), "{error}");
        }
    }
}
