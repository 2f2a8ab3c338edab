//! Errors, as each of the services says them.

use serde_json::json;

use crate::answer::Answer;

/// Nova's: its name is that of the status.
pub fn nova(status: u16, message: &str) -> Answer {
    let name = match status {
        400 => "badRequest",
        403 => "forbidden",
        404 => "itemNotFound",
        _ => "conflictingRequest",
    };
    Answer::json(status, &json!({ name: { "code": status, "message": message } }))
}

/// Neutron's.
pub fn neutron(status: u16, kind: &str, message: &str) -> Answer {
    let error = json!({ "type": kind, "message": message, "detail": "" });
    Answer::json(status, &json!({ "NeutronError": error }))
}

/// A condition of a request that no longer holds.
pub fn changed(id: &str) -> Answer {
    let words = format!("Constrained to a revision, but current revision of {id} differs");
    neutron(412, "RevisionNumberConstraintFailed", &words)
}

/// Octavia's.
pub fn octavia(status: u16, message: &str) -> Answer {
    let code = if status < 500 { "Client" } else { "Server" };
    let fault = json!({ "faultcode": code, "faultstring": message, "debuginfo": null });
    Answer::json(status, &fault)
}

/// A load balancer that is being changed.
pub fn immutable(id: &str) -> Answer {
    let words = format!("Load Balancer {id} is immutable and cannot be updated.");
    octavia(409, &words)
}
