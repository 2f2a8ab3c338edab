//! Keystone: `POST /v3/auth/tokens`.

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::state::State;
use super::{Outcome, PROJECT};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::moments::rfc3339;

/// How long a token holds.
const LIFE: Span = Span::from_hours(1);

fn refused(status: u16, title: &str, words: &str) -> Answer {
    let error = json!({ "code": status, "title": title, "message": words });
    Answer::json(status, &json!({ "error": error }))
}

pub fn give(
    state: &mut State,
    asked: &Asked,
    credential: &(String, String),
    now: Timestamp,
) -> Outcome {
    let body = asked.json();
    let identity = &body["auth"]["identity"];
    if asked.method != "POST" || identity["methods"] != json!(["application_credential"]) {
        return Err(refused(400, "Bad Request", "only application credentials are played here"));
    }
    let given = &identity["application_credential"];
    if given["id"] != credential.0.as_str() || given["secret"] != credential.1.as_str() {
        let words = "The request you have made requires authentication.";
        return Err(refused(401, "Unauthorized", words));
    }
    let token = format!("gAAAAAB{}", state.ids.hex(64));
    state.tokens.insert(token.clone(), now + LIFE);
    state.given.push(token.clone());
    let host = asked.header("host").unwrap_or_default();
    let body = json!({ "token": {
        "methods": ["application_credential"], "audit_ids": [state.ids.hex(22)],
        "issued_at": rfc3339(now), "expires_at": rfc3339(now + LIFE), "is_domain": false,
        "user": { "id": "1", "name": "damm", "domain": { "id": "default", "name": "Default" } },
        "project": { "id": PROJECT, "name": "p", "domain": { "id": "default", "name": "Default" } },
        "roles": [{ "id": "2", "name": "member" }],
        "catalog": catalog(&state.knobs.regions, &format!("http://{host}")),
    } });
    Ok(Answer::json(201, &body).with("x-subject-token", token))
}

/// Some services stand there with a version, and some without.
fn catalog(regions: &[String], base: &str) -> Value {
    let services = [
        ("compute", format!("{base}/compute/v2.1/{PROJECT}")),
        ("network", format!("{base}/network")),
        ("image", format!("{base}/image/")),
        ("load-balancer", format!("{base}/load-balancer")),
        ("identity", format!("{base}/identity")),
    ];
    let endpoint = |region: &String, interface: &str, url: &str| {
        json!({
            "id": interface, "interface": interface, "region": region, "region_id": region,
            "url": url,
        })
    };
    let entries = services.iter().map(|(kind, url)| {
        let inside = format!("http://inside.invalid/{kind}");
        let both = |r| [endpoint(r, "internal", &inside), endpoint(r, "public", url)];
        let endpoints: Vec<_> = regions.iter().flat_map(both).collect();
        json!({ "id": kind, "type": kind, "name": kind, "endpoints": endpoints })
    });
    entries.collect()
}
