//! The three routes.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use damm_protocol::{Echo, JoinRequest, Refusal, Signed, SyncRequest};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;

use super::AgentsEndpoint;
use super::refusal::Denied;
use crate::reply::{Reply, empty, json};

/// The largest join: keys, and what clients need to know of some transports.
const JOIN_LIMIT: usize = 16 << 10;

/// The largest sync: a report of an egress with 256 addresses and 4,096 peers takes about 200 KiB.
const SYNC_LIMIT: usize = 512 << 10;

/// A body comes within this time, or never.
const BODY_TIME: Duration = Duration::from_secs(10);

/// A body as it was sent, with its signature.
pub(super) struct Sent {
    pub(super) body: Bytes,
    pub(super) signature: String,
}

impl Sent {
    /// The body as what it should be.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let malformed = |e: serde_json::Error| Refusal::Malformed { why: plain(&e) };
        serde_json::from_slice(&self.body).map_err(malformed)
    }

    pub(super) fn signed<'a>(&'a self, path: &'a str) -> Signed<'a> {
        Signed { path, body: &self.body, signature: &self.signature }
    }
}

/// Where the error is, without the text that it was found in: that may hold a token.
fn plain(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a field is missing or not what it should be",
        _ => "it is no JSON",
    };
    format!("{what}, at line {}, column {}", error.line(), error.column())
}

impl AgentsEndpoint {
    /// Answers a request that comes from an address.
    pub(super) async fn route(&self, request: Request<Incoming>, from: IpAddr) -> Reply {
        let answered = match (request.method(), request.uri().path()) {
            (&Method::POST, JoinRequest::PATH) => self.take_join(request).await,
            (&Method::POST, SyncRequest::PATH) => self.take_sync(request).await,
            (&Method::GET, Echo::PATH) => {
                let echo = Echo { address: from.to_canonical() };
                Ok(json(StatusCode::OK, &echo))
            }
            (_, JoinRequest::PATH | SyncRequest::PATH | Echo::PATH) => {
                Ok(empty(StatusCode::METHOD_NOT_ALLOWED))
            }
            _ => Ok(empty(StatusCode::NOT_FOUND)),
        };
        answered.unwrap_or_else(Denied::into_reply)
    }

    async fn take_join(&self, request: Request<Incoming>) -> Result<Reply, Denied> {
        // It fails only when the semaphore is closed, and nobody closes it.
        let _turn = self.busy.acquire().await.map_err(|_| Denied::Unable)?;
        let sent = read(request, JOIN_LIMIT).await?;
        let answer = self.join(&sent).await?;
        Ok(json(StatusCode::OK, &answer))
    }

    async fn take_sync(&self, request: Request<Incoming>) -> Result<Reply, Denied> {
        let heard = {
            // As above. A request that waits for news has given its turn back.
            let _turn = self.busy.acquire().await.map_err(|_| Denied::Unable)?;
            let sent = read(request, SYNC_LIMIT).await?;
            self.hear(&sent).await?
        };
        let answer = self.wait(heard).await?;
        Ok(json(StatusCode::OK, &answer))
    }
}

async fn read(request: Request<Incoming>, limit: usize) -> Result<Sent, Denied> {
    let signature = request.headers().get(Signed::HEADER);
    let signature = signature.and_then(|s| s.to_str().ok()).ok_or(Refusal::Signature)?;
    let signature = signature.to_owned();
    let body = Limited::new(request.into_body(), limit).collect();
    let body = tokio::time::timeout(BODY_TIME, body).await.map_err(|_| Denied::Broken)?;
    let body = body.map_err(|e| match e.is::<LengthLimitError>() {
        true => Denied::TooLarge,
        false => Denied::Broken,
    })?;
    Ok(Sent { body: body.to_bytes(), signature })
}
