//! Answers over HTTP, as both endpoints send them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode, header};
use serde::Serialize;

/// What is sent.
pub(crate) type Reply = Response<Full<Bytes>>;

pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    let Ok(body) = serde_json::to_vec(value) else {
        // What is sent here has only texts as keys, so it can always be written.
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}
