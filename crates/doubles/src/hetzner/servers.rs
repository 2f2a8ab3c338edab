//! `/servers`.

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::refusal::{exceeded, invalid, refused, taken, unknown};
use super::selector::{labels, selects};
use super::shapes::{self, LOCATIONS, SIZES};
use super::state::{BOOT, State};
use super::{Outcome, page};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// User data is limited to 32 KiB.
const USER_DATA: usize = 32 * 1024;

/// How late a listing may be, and how long a slow delete takes.
const LATE: Span = Span::from_secs(45);
const SLOW: Span = Span::from_mins(12);

fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, Answer> {
    let text = body.get(field).and_then(Value::as_str);
    text.ok_or_else(|| invalid(field, "is missing or no text"))
}

/// A valid host name (RFC 1123).
fn is_host(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    !name.is_empty() && name.len() <= 63 && name.chars().all(inner) && !name.starts_with('-')
}

pub fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let body = asked.json();
    let (name, size) = (text(&body, "name")?, text(&body, "server_type")?);
    let (image, place) = (text(&body, "image")?, text(&body, "location")?);
    let labels = labels(&body)?;
    if !is_host(name) {
        return Err(invalid("name", "is no valid host name"));
    }
    if !SIZES.iter().any(|(known, _)| *known == size) {
        return Err(unknown("server_type", size));
    }
    if image != "debian-12" {
        return Err(unknown("image", image));
    }
    if !LOCATIONS.iter().any(|(known, _)| *known == place) {
        return Err(invalid("location", "unsupported location for server type"));
    }
    if body.get("user_data").and_then(Value::as_str).is_some_and(|d| d.len() > USER_DATA) {
        return Err(invalid("user_data", "is too long (maximum is 32768 bytes)"));
    }
    if state.servers.there(now).any(|(_, s)| s.item.name == name) {
        return Err(taken("server"));
    }
    if state.servers.there(now).count() >= state.most_servers {
        return Err(exceeded("server"));
    }
    if asked.luck.out_of_stock {
        return Err(refused(412, "resource_unavailable", "server type is sold out here"));
    }
    let server = state.server(name, size, place, labels);
    let id = server.id;
    let aged = Aged::new(server, now).ready_in(BOOT);
    let aged = if asked.luck.stuck_create { aged.never_ready() } else { aged };
    let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
    let made = json!({
        "server": shapes::server(&aged, &[], now),
        "action": state.action("create_server", &[("server", id)], now),
        "next_actions": [state.action("start_server", &[("server", id)], now)],
        "root_password": "YItygq1v3GYjjMomLaKc",
    });
    state.servers.put(id.to_string(), aged);
    Ok(Answer::json(201, &made))
}

/// The floating IPs of a server.
fn floating(state: &mut State, server: u64, now: Timestamp) -> Vec<u64> {
    let all = state.floating_ips.there(now);
    all.filter(|(_, ip)| ip.item.server == Some(server)).map(|(_, ip)| ip.item.id).collect()
}

pub fn list(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    state.let_go(now);
    let (name, selector) = (asked.query("name"), asked.query("label_selector"));
    let fits = |s: &Aged<_>| name.is_none_or(|n| server_name(s) == n);
    let all: Vec<_> = state.servers.listed(now).map(|(_, s)| s.clone()).collect();
    let chosen = all.into_iter().filter(|s| fits(s) && selects(selector, &s.item.labels));
    let shown: Vec<_> = chosen
        .collect::<Vec<_>>()
        .iter()
        .map(|s| shapes::server(s, &floating(state, s.item.id, now), now))
        .collect();
    page(asked, "servers", shown, 50)
}

fn server_name(server: &Aged<super::state::Server>) -> &str {
    &server.item.name
}

pub fn get(state: &mut State, id: &str, now: Timestamp) -> Outcome {
    let server = state.servers.get(id, now).cloned().ok_or_else(|| unknown("server", id))?;
    let floating = floating(state, server.item.id, now);
    Ok(Answer::json(200, &json!({ "server": shapes::server(&server, &floating, now) })))
}

/// A server is removed at once, unless its end is slow: then it stands there, locked.
pub fn delete(state: &mut State, asked: &Asked, id: &str, now: Timestamp) -> Outcome {
    let server = state.servers.get(id, now).ok_or_else(|| unknown("server", id))?;
    let number = server.item.id;
    if server.is_going() {
        return Err(refused(423, "locked", "server is locked: an action is already running"));
    }
    let span = if asked.luck.slow_delete { SLOW } else { Span::ZERO };
    state.servers.remove_in(id, span, now);
    state.let_go(now);
    let action = state.action("delete_server", &[("server", number)], now);
    Ok(Answer::json(200, &json!({ "action": action })))
}
