//! What is traced of a call. A program of its own: whoever keeps a trace here keeps all of it, so
//! that no other thread can decide that an event is one which nobody wants.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use damm_clouds::ManualClock;
use damm_doubles::{Answer, Api, Asked, Front};
use damm_fleet::Timestamp;
use damm_vendors::credentials::Secret;
use damm_vendors::http::{Ask, Auth, ByStatus, Http, HttpParts};
use serde_json::{Value, json};

const TOKEN: &str = "hunter2-token-of-the-account";

/// Refuses everybody, and repeats the token.
struct Parrot;

#[async_trait]
impl Api for Parrot {
    async fn answer(&self, _: &Asked) -> Answer {
        Answer::json(422, &json!({ "message": TOKEN })).with("x-request-id", "req-7")
    }
}

/// Everything that was traced.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_trace_tells_each_call_and_no_secret() {
    let kept = Kept::default();
    let into = kept.clone();
    tracing_subscriber::fmt()
        .with_writer(move || into.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .init();
    let front = Front::over(Arc::new(Parrot));
    let http = Http::new(HttpParts {
        account: "acme".parse().unwrap(),
        base: format!("{}/v1", front.url()),
        auth: Auth::Bearer(Secret::new(TOKEN)),
        pace: None,
        clock: Arc::new(ManualClock::at(Timestamp::EPOCH)),
        ca: None,
        patience: Duration::from_secs(10),
    });
    let ask = Ask::post("create a thing", "/things", &json!({ "name": "x" }));
    let answer = http.unwrap().json::<Value>(ask.private("join-secret"), &ByStatus).await;
    answer.unwrap_err();
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let line = text.lines().find(|l| l.contains("damm_vendors")).unwrap();
    for told in ["acme", "create a thing", "POST", "/v1/things", "422", "req-7"] {
        assert!(line.contains(told), "{told}: {line}");
    }
    for secret in [TOKEN, "join-secret"] {
        assert!(!text.contains(secret), "{text}");
    }
}
