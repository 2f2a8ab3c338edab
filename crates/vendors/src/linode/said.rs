//! What Linode's refusals mean.

use damm_fleet::FailureClass;
use serde_json::Value;

use crate::http::{Dialect, Reply};

/// Goes by the words: nearly all refusals are 400, "try again" and "no more of this" too.
pub struct Said;

/// Said where the same call will do in a moment.
const BUSY: [&str; 2] = ["linode busy", "must be currently unassigned"];

/// Said where there is no quota or no stock.
const EXHAUSTED: [&str; 7] = [
    "limit reached",
    "limit exceeded",
    "technical justification",
    "sold out",
    "capacity",
    "no open slots",
    "currently unavailable",
];

/// The reasons of a refusal, in small letters, each with the field that it is about; none where a
/// proxy answered in Linode's place.
fn reasons(reply: &Reply) -> Option<Vec<(String, String)>> {
    let value = reply.value();
    let text = |error: &Value, key: &str| {
        error.get(key).and_then(Value::as_str).unwrap_or_default().to_lowercase()
    };
    let errors = value.get("errors")?.as_array()?;
    Some(errors.iter().map(|e| (text(e, "field"), text(e, "reason"))).collect())
}

/// Whether an order was refused because its label is taken.
pub fn label_is_taken(reply: &Reply) -> bool {
    let unique = |(field, reason): &(String, String)| {
        (field == "label" || reason.contains("label")) && reason.contains("unique")
    };
    reply.status == 400 && reasons(reply).is_some_and(|all| all.iter().any(unique))
}

impl Dialect for Said {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        let Some(reasons) = reasons(reply) else {
            // A proxy's page: it proves neither that nothing was done nor that a thing is gone.
            return matches!(reply.status, 400 | 404 | 410).then_some(FailureClass::Unknown);
        };
        let any = |words: &[&str]| reasons.iter().any(|(_, r)| words.iter().any(|w| r.contains(w)));
        if !matches!(reply.status, 400 | 403 | 409 | 422) {
            return None;
        }
        if any(&BUSY) || label_is_taken(reply) {
            return Some(FailureClass::Busy);
        }
        any(&EXHAUSTED).then_some(FailureClass::Exhausted)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;

    fn class(status: u16, body: &str) -> Option<FailureClass> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Said.class(&Reply { status, headers: HeaderMap::new(), body })
    }

    fn said(status: u16, reason: &str) -> Option<FailureClass> {
        class(status, &format!(r#"{{"errors":[{{"reason":"{reason}"}}]}}"#))
    }

    #[test]
    fn refusals_are_classed_by_their_words() {
        use FailureClass::{Busy, Exhausted};
        for (status, reason, wanted) in [
            (400, "Linode busy.", Some(Busy)),
            (400, "Address must be reserved and must be currently unassigned.", Some(Busy)),
            (400, "Label must be unique among your linodes", Some(Busy)),
            (400, "Account Limit reached. Please open a support ticket.", Some(Exhausted)),
            (
                400,
                "Additional Reserved IPv4 addresses require technical justification.  Please \
                 contact support describing your requirement.",
                Some(Exhausted),
            ),
            (400, "region is not valid", None),
            (400, "Address must belong to same region as linode.", None),
            (401, "Invalid Token", None),
            (404, "Not found", None),
            (408, "Please try again", None),
            (429, "Too many requests", None),
            (503, "Linode busy.", None),
        ] {
            assert_eq!(said(status, reason), wanted, "{reason}");
        }
    }

    #[test]
    fn a_page_of_a_proxy_proves_nothing() {
        for status in [400, 404] {
            for body in ["<html><title>nginx</title></html>", "", "{}"] {
                assert_eq!(class(status, body), Some(FailureClass::Unknown), "{status} {body}");
            }
        }
    }
}
