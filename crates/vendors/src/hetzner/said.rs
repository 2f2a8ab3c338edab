//! What Hetzner's refusals mean.

use damm_fleet::FailureClass;
use serde_json::Value;

use crate::http::{Dialect, Reply};

/// Goes by the code of the error, which says more than the status.
pub struct Said;

/// The code of an error; none where a proxy answered in Hetzner's place.
pub fn code(reply: &Reply) -> Option<String> {
    let value = reply.value();
    value.pointer("/error/code").and_then(Value::as_str).map(str::to_owned)
}

impl Dialect for Said {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        Some(match code(reply).as_deref() {
            Some("not_found") => FailureClass::Gone,
            Some("conflict" | "locked" | "maintenance" | "uniqueness_error") => FailureClass::Busy,
            Some("must_be_unassigned" | "floating_ip_assigned") => FailureClass::Busy,
            Some("resource_limit_exceeded") => FailureClass::Exhausted,
            Some("resource_unavailable" | "placement_error") => FailureClass::Exhausted,
            Some("rate_limit_exceeded") => FailureClass::Throttled,
            // Something behind the API failed, and how far it came is not said.
            Some("service_error" | "server_error" | "timeout" | "unavailable") => {
                FailureClass::Unknown
            }
            Some("protected" | "deprecated_api_endpoint") => FailureClass::Rejected,
            // A page of somebody else's is no proof that a thing of ours is gone.
            None if matches!(reply.status, 404 | 410) => FailureClass::Unknown,
            _ => return None,
        })
    }
}
