//! Refusals as HTTP tells them.

use bytes::Bytes;
use damm_protocol::Refusal;
use http_body_util::Full;
use hyper::{Response, StatusCode, header};
use serde::Serialize;

use crate::error::ServerError;

/// What is sent.
pub(super) type Reply = Response<Full<Bytes>>;

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(super) enum Denied {
    /// The agent is told why.
    Refused(Refusal),
    /// It is larger than any agent's.
    TooLarge,
    /// It did not come whole, or not in time: nobody is there to be told more.
    Broken,
    /// We can't at the moment; the agent tries again.
    Unable,
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ServerError> for Denied {
    fn from(error: ServerError) -> Self {
        tracing::error!("an agent's request can't be answered: {error}");
        Self::Unable
    }
}

impl From<damm_store::Error> for Denied {
    fn from(error: damm_store::Error) -> Self {
        ServerError::from(error).into()
    }
}

impl Denied {
    pub(super) fn into_reply(self) -> Reply {
        match self {
            Self::Refused(refusal) => json(status(&refusal), &refusal),
            Self::TooLarge => {
                let why = "it is larger than any agent's".to_owned();
                json(StatusCode::PAYLOAD_TOO_LARGE, &Refusal::Malformed { why })
            }
            Self::Broken => empty(StatusCode::REQUEST_TIMEOUT),
            Self::Unable => empty(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// A refusal's status (RFC 9110, section 15.5).
pub(super) const fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Token | Refusal::Used | Refusal::Expired => StatusCode::FORBIDDEN,
        Refusal::Signature => StatusCode::UNAUTHORIZED,
        Refusal::Replayed { .. } => StatusCode::CONFLICT,
        Refusal::Unknown => StatusCode::NOT_FOUND,
        Refusal::Malformed { .. } => StatusCode::BAD_REQUEST,
    }
}

pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
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
