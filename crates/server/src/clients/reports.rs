//! What clients report.

use std::net::IpAddr;

use damm_hearing::Sender;
use damm_protocol::evidence::{MAX_BYTES, Report};
use hyper::body::Incoming;
use hyper::header;
use hyper::{Request, StatusCode};

use super::ClientsEndpoint;
use super::routes::{Denied, read};
use super::subscription::said;
use crate::reply::{Reply, empty};

/// How a report is written that is not in CBOR.
const JSON: &str = "application/json";

impl ClientsEndpoint {
    /// Hears a report. What can be read is answered alike, whatever counts of it.
    pub(super) async fn take_report(
        &self,
        request: Request<Incoming>,
        from: IpAddr,
    ) -> Result<Reply, Denied> {
        let is_json = request.headers().get(header::CONTENT_TYPE).is_some_and(|v| v == JSON);
        let body = read(request, MAX_BYTES).await?;
        let report = match is_json {
            true => Report::from_json(&body),
            false => Report::from_cbor(&body),
        };
        let report = match report {
            Ok(report) => report,
            // It says what is wrong with the bytes, and nothing of what we know.
            Err(bad) => return Ok(said(StatusCode::BAD_REQUEST, bad.to_string())),
        };
        let sender = match self.parts.direct {
            true => self.parts.watch.sender(from),
            false => Sender::Unseen,
        };
        self.parts.watch.hear(&report, sender);
        Ok(empty(StatusCode::ACCEPTED))
    }
}
