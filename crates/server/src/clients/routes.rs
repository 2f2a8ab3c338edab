//! The routes, and what is answered when there is none.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use damm_catalog::SubscriptionPath;
use damm_fleet::Span;
use damm_protocol::Enrol;
use damm_protocol::evidence::Report;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode};

use super::ClientsEndpoint;
use crate::error::ServerError;
use crate::reply::{Reply, empty};

/// The largest enrolment takes 300 bytes.
const ENROL_LIMIT: usize = 4 << 10;

/// A body comes within this time, or never.
const BODY_TIME: Duration = Duration::from_secs(10);

/// What a request asks for.
enum Route {
    Enrol,
    Reports,
    Subscription(SubscriptionPath),
    Assignment(SubscriptionPath),
}

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(super) enum Denied {
    /// There is no such thing, or not for whoever asks: nobody is told which.
    NotFound,
    /// It is well known to whoever asks, and there is nothing to hand out at the moment.
    Nothing,
    /// Too many came; it may be tried again after this.
    Later(Span),
    /// We can't at the moment.
    Unable,
}

impl From<damm_store::Error> for Denied {
    fn from(error: damm_store::Error) -> Self {
        tracing::error!("a client's request can't be answered: {}", ServerError::from(error));
        Self::Unable
    }
}

impl Denied {
    fn into_reply(self) -> Reply {
        match self {
            Self::NotFound => empty(StatusCode::NOT_FOUND),
            Self::Nothing => later(StatusCode::SERVICE_UNAVAILABLE, Span::from_mins(1)),
            Self::Later(span) => later(StatusCode::TOO_MANY_REQUESTS, span),
            Self::Unable => later(StatusCode::SERVICE_UNAVAILABLE, Span::from_secs(10)),
        }
    }
}

fn later(status: StatusCode, after: Span) -> Reply {
    let mut reply = empty(status);
    let seconds = after.as_millis().div_ceil(1_000);
    reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    reply
}

impl Route {
    /// A path that is asked for with another method is as unknown as any.
    fn of(method: &Method, path: &str) -> Option<Self> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match path {
            Enrol::PATH => (*method == Method::POST).then_some(Self::Enrol),
            Report::PATH => (*method == Method::POST).then_some(Self::Reports),
            _ if !reads => None,
            _ => {
                let rest = path.strip_prefix("/c/")?;
                match rest.strip_suffix("/assignment") {
                    Some(client) => client.parse().ok().map(Self::Assignment),
                    None => rest.parse().ok().map(Self::Subscription),
                }
            }
        }
    }
}

impl ClientsEndpoint {
    /// Answers a request.
    pub(super) async fn route(&self, request: Request<Incoming>, from: IpAddr) -> Reply {
        let Some(route) = Route::of(request.method(), request.uri().path()) else {
            return Denied::NotFound.into_reply();
        };
        // It fails only when the semaphore is closed, and nobody closes it.
        let Ok(_turn) = self.busy.acquire().await else {
            return Denied::Unable.into_reply();
        };
        let answered = match route {
            Route::Enrol => self.take_enrolment(request).await,
            Route::Reports => self.take_report(request, from).await,
            Route::Subscription(path) => self.subscription(&path, &request).await,
            Route::Assignment(path) => self.assignment_again(&path).await,
        };
        answered.unwrap_or_else(Denied::into_reply)
    }

    async fn take_enrolment(&self, request: Request<Incoming>) -> Result<Reply, Denied> {
        let body = read(request, ENROL_LIMIT).await?;
        let asked: Enrol = serde_json::from_slice(&body).map_err(|_| Denied::NotFound)?;
        self.enrol(asked).await
    }
}

/// A request's body, when it comes whole, in time, and is no longer than this.
pub(super) async fn read(request: Request<Incoming>, limit: usize) -> Result<Bytes, Denied> {
    let body = Limited::new(request.into_body(), limit).collect();
    let body = tokio::time::timeout(BODY_TIME, body).await.map_err(|_| Denied::NotFound)?;
    Ok(body.map_err(|_| Denied::NotFound)?.to_bytes())
}
