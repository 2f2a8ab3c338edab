//! Refusals as HTTP tells them.

use damm_protocol::Refusal;
use hyper::StatusCode;

use crate::error::ServerError;
use crate::reply::{Reply, empty, json};

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
