//! `/linode/instances`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use damm_fleet::{Span, Timestamp};
use serde_json::Value;

use super::state::{BOOT, Instance, LATE, SLOW, State};
use super::{Outcome, missing, nothing, page, refused, shapes, tags, takes};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// Places, and sizes.
pub const REGIONS: [&str; 2] = ["eu-central", "us-east"];
pub const SIZES: [&str; 2] = ["g6-nanode-1", "g6-standard-1"];

/// User data, before it is encoded.
const USER_DATA: usize = 16 * 1024;

fn invalid(field: &str, reason: &str) -> Answer {
    refused(400, reason, Some(field))
}

/// Labels begin with a letter, and repeat no sign.
fn is_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let repeats = ["--", "__", ".."].iter().any(|twice| label.contains(twice));
    (3..=64).contains(&label.len())
        && label.starts_with(|c: char| c.is_ascii_alphabetic())
        && label.chars().all(inner)
        && !repeats
}

/// A password of eleven symbols and more, with some variety.
fn is_strong(password: &str) -> bool {
    let kinds: [fn(char) -> bool; 3] =
        [|c| c.is_ascii_lowercase(), |c| c.is_ascii_uppercase(), |c| c.is_ascii_digit()];
    (11..=128).contains(&password.len()) && kinds.iter().all(|k| password.chars().any(k))
}

/// The fields of a body that can't be so.
fn check(body: &Value) -> Result<(), Answer> {
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    let user_data = body.pointer("/metadata/user_data").and_then(Value::as_str);
    let decoded = user_data.map(|d| BASE64_STANDARD.decode(d));
    if !SIZES.contains(&text("type")) {
        return Err(invalid("type", "A valid plan type by that ID was not found"));
    }
    if !REGIONS.contains(&text("region")) {
        return Err(invalid("region", "region is not valid"));
    }
    if text("image") != "linode/debian12" {
        return Err(invalid("image", "image is not valid"));
    }
    if !is_label(text("label")) {
        return Err(invalid("label", "Label is not valid"));
    }
    if !is_strong(text("root_pass")) {
        return Err(invalid("root_pass", "Password does not meet strength requirement"));
    }
    match decoded {
        Some(Err(_)) => Err(invalid("metadata.user_data", "Must be base64 encoded")),
        Some(Ok(data)) if data.len() > USER_DATA => {
            Err(invalid("metadata.user_data", "User data is too long"))
        }
        _ => Ok(()),
    }
}

pub fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let body = asked.json();
    check(&body)?;
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    let (label, tags) = (text("label"), tags(&body)?);
    if state.instances.there(now).any(|(_, i)| i.item.label == label) {
        return Err(invalid("label", "Label must be unique among your linodes"));
    }
    if state.instances.there(now).count() >= state.most_instances {
        let words = "Account Limit reached. Please open a support ticket.";
        return Err(refused(400, words, None));
    }
    if asked.luck.out_of_stock {
        let words = "This plan is sold out in the selected region.";
        return Err(invalid("region", words));
    }
    let private = body.get("private_ip").and_then(Value::as_bool).unwrap_or_default();
    let made = state.instance(label, text("type"), text("region"), tags, private);
    let id = made.id.to_string();
    let aged = Aged::new(made, now).ready_in(BOOT);
    let aged = if asked.luck.stuck_create { aged.never_ready() } else { aged };
    let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
    let answer = Answer::json(200, &shapes::instance(&aged, &[], now));
    state.instances.put(id, aged);
    Ok(answer)
}

pub fn list(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    state.let_go(now);
    let all: Vec<Aged<Instance>> = state.instances.listed(now).map(|(_, i)| i.clone()).collect();
    let mut shown = Vec::new();
    for instance in &all {
        if takes(asked, &instance.item.label, &instance.item.tags)? {
            let held = state.held(instance.item.id, now);
            shown.push(shapes::instance(instance, &held, now));
        }
    }
    page(asked, shown)
}

/// Gone at once, unless its end is slow: then it is busy.
pub fn delete(state: &mut State, asked: &Asked, id: &str, now: Timestamp) -> Outcome {
    let instance = state.instances.get(id, now).ok_or_else(missing)?;
    if instance.is_going() {
        return Err(refused(400, "Linode busy.", None));
    }
    let span = if asked.luck.slow_delete { SLOW } else { Span::ZERO };
    state.instances.remove_in(id, span, now);
    state.let_go(now);
    nothing()
}
