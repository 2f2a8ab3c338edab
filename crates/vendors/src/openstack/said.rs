//! What the services' refusals mean. Each has a shape of its own.

use damm_fleet::FailureClass;
use serde_json::Value;

use crate::http::{Dialect, Reply};

/// What Nova, Neutron, Glance and Octavia say.
pub struct Said;

/// What Keystone says to who logs in.
pub struct Login;

/// What a refusal says it is: Neutron's type, or Nova's name for it; none where it says neither.
fn kind(reply: &Reply) -> Option<String> {
    let value = reply.value();
    if let Some(kind) = value.pointer("/NeutronError/type").and_then(Value::as_str) {
        return Some(kind.to_owned());
    }
    let named = value.as_object().filter(|o| o.len() == 1)?.iter().next()?;
    named.1.get("message").map(|_| named.0.clone())
}

/// Whether one of the services itself says that something is not there.
fn is_own(reply: &Reply) -> bool {
    let value = reply.value();
    ["itemNotFound", "NeutronError", "faultstring"].iter().any(|key| value.get(key).is_some())
}

/// What can't be given because no more of it may be had, or is there.
const FULL: [&str; 3] = ["OverQuota", "IpAddressGenerationFailure", "ExternalIpAddressExhausted"];

impl Dialect for Said {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        let kind = kind(reply);
        let text = String::from_utf8_lossy(&reply.body).to_lowercase();
        Some(match reply.status {
            // A page of somebody else's is no proof that a thing of ours is gone.
            404 | 410 if !is_own(reply) => FailureClass::Unknown,
            // Nova's and Octavia's quotas; a policy that forbids something is final.
            403 if text.contains("quota") => FailureClass::Exhausted,
            // Neutron's.
            409 if kind.as_deref().is_some_and(|k| FULL.contains(&k)) => FailureClass::Exhausted,
            409 if text.contains("already exists") => FailureClass::Rejected,
            // What is not there is a way from the network outside to the machine's.
            404 if kind.as_deref() == Some("ExternalGatewayForFloatingIPNotFound") => {
                FailureClass::Rejected
            }
            // Somebody else changed it since we looked.
            412 => FailureClass::Busy,
            // Nova's rate limit; of a proxy's it would be a body that is too large.
            413 if kind.as_deref() == Some("overLimit") => FailureClass::Throttled,
            _ => return None,
        })
    }
}

impl Dialect for Login {
    /// What is not there is the identity service: no thing of ours is gone.
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        matches!(reply.status, 404 | 410).then_some(FailureClass::Rejected)
    }

    fn words(&self, reply: &Reply) -> Option<String> {
        let words = "there is no identity service: let `endpoint` be its address, as in \
                     https://auth.cloud.example/v3";
        matches!(reply.status, 404 | 410).then(|| words.to_owned())
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

    #[test]
    fn refusals_are_judged_by_what_each_service_says() {
        use FailureClass as C;
        for (status, body, wanted) in [
            (403, r#"{"forbidden":{"code":403,"message":"Quota exceeded"}}"#, Some(C::Exhausted)),
            (403, r#"{"forbidden":{"code":403,"message":"Policy"}}"#, None),
            (
                403,
                r#"{"faultstring":"Quota has been met for resources: member"}"#,
                Some(C::Exhausted),
            ),
            (404, r#"{"itemNotFound":{"code":404,"message":"none"}}"#, None),
            (404, r#"{"NeutronError":{"type":"PortNotFound","message":"m"}}"#, None),
            (404, r#"{"faultcode":"Client","faultstring":"none"}"#, None),
            (404, "<html><title>404</title></html>", Some(C::Unknown)),
            (404, r#"{"error":{"code":404,"message":"none"}}"#, Some(C::Unknown)),
            (404, r#"{"message":"no Route matched with those values"}"#, Some(C::Unknown)),
            (409, r#"{"conflictingRequest":{"code":409,"message":"busy"}}"#, None),
            (409, r#"{"NeutronError":{"type":"OverQuota","message":"m"}}"#, Some(C::Exhausted)),
            (409, r#"{"faultstring":"Load Balancer 1 is immutable"}"#, None),
            (409, r#"{"faultstring":"Another member already exists"}"#, Some(C::Rejected)),
            (412, r#"{"NeutronError":{"type":"R","message":"m"}}"#, Some(C::Busy)),
            (413, r#"{"overLimit":{"code":413,"message":"m"}}"#, Some(C::Throttled)),
            (413, "<html>too large</html>", None),
        ] {
            assert_eq!(class(status, body), wanted, "{status} {body}");
        }
    }
}
