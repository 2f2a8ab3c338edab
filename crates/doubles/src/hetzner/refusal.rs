//! Errors, as Hetzner says them.

use serde_json::{Value, json};

use crate::answer::Answer;

/// A refusal with its code.
pub fn refused(status: u16, code: &str, message: &str) -> Answer {
    let error = json!({ "code": code, "message": message, "details": Value::Null });
    Answer::json(status, &json!({ "error": error }))
}

/// A field that can't be so.
pub fn invalid(field: &str, why: &str) -> Answer {
    let message = format!("invalid input in field '{field}': {why}");
    let details = json!({ "fields": [{ "name": field, "messages": [why] }] });
    let error = json!({ "code": "invalid_input", "message": message, "details": details });
    Answer::json(422, &json!({ "error": error }))
}

/// A name that is taken.
pub fn taken(kind: &str) -> Answer {
    let message = format!("{kind} name is already used");
    let details = json!({ "fields": [{ "name": "name" }] });
    let error = json!({ "code": "uniqueness_error", "message": message, "details": details });
    Answer::json(409, &json!({ "error": error }))
}

/// A thing that is not there.
pub fn unknown(kind: &str, id: &str) -> Answer {
    refused(404, "not_found", &format!("{kind} with ID '{id}' not found"))
}

/// No more of a kind.
pub fn exceeded(kind: &str) -> Answer {
    let message = format!("{kind} limit exceeded");
    let details = json!({ "limits": [{ "name": format!("{kind}_limit") }] });
    let error =
        json!({ "code": "resource_limit_exceeded", "message": message, "details": details });
    Answer::json(403, &json!({ "error": error }))
}
