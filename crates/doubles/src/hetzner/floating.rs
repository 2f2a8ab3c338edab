//! `/floating_ips`.

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::refusal::{exceeded, invalid, refused, taken, unknown};
use super::selector::{labels, selects};
use super::shapes::{self, LOCATIONS};
use super::state::{FloatingIp, State};
use super::{Outcome, page};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// Floating IPs that a server can hold.
const MOST: usize = 20;

/// How late a listing may be.
const LATE: Span = Span::from_secs(45);

pub fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let body = asked.json();
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    let (kind, place, name) = (text("type"), text("home_location"), text("name"));
    let labels = labels(&body)?;
    if !matches!(kind, "ipv4" | "ipv6") {
        return Err(invalid("type", "is not included in the list"));
    }
    if !LOCATIONS.iter().any(|(known, _)| *known == place) {
        return Err(invalid("home_location", "is unknown"));
    }
    if state.floating_ips.there(now).any(|(_, ip)| ip.item.name == name) {
        return Err(taken("floating_ip"));
    }
    if state.floating_ips.there(now).count() >= state.most_floating_ips {
        return Err(exceeded("floating_ip"));
    }
    let id = state.ids.number();
    let ip = FloatingIp {
        id,
        name: name.to_owned(),
        ip: state.address(kind == "ipv6"),
        location: place.to_owned(),
        labels,
        server: None,
    };
    let aged = Aged::new(ip, now);
    let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
    let made = json!({ "floating_ip": shapes::floating_ip(&aged) });
    state.floating_ips.put(id.to_string(), aged);
    Ok(Answer::json(201, &made))
}

pub fn list(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    state.let_go(now);
    let (name, selector) = (asked.query("name"), asked.query("label_selector"));
    let all = state.floating_ips.listed(now).map(|(_, ip)| &*ip);
    let named = all.filter(|ip| name.is_none_or(|n| ip.item.name == n));
    let chosen = named.filter(|ip| selects(selector, &ip.item.labels));
    let shown = chosen.map(shapes::floating_ip).collect();
    page(asked, "floating_ips", shown, 50)
}

pub fn get(state: &mut State, id: &str, now: Timestamp) -> Outcome {
    state.let_go(now);
    let ip = state.floating_ips.get(id, now).ok_or_else(|| unknown("floating_ip", id))?;
    Ok(Answer::json(200, &json!({ "floating_ip": shapes::floating_ip(ip) })))
}

pub fn delete(state: &mut State, id: &str, now: Timestamp) -> Outcome {
    state.let_go(now);
    let ip = state.floating_ips.get(id, now).ok_or_else(|| unknown("floating_ip", id))?;
    if ip.item.server.is_some() {
        return Err(refused(422, "must_be_unassigned", "the IP must be unassigned first"));
    }
    state.floating_ips.remove_in(id, Span::ZERO, now);
    Ok(Answer::empty(204))
}

pub fn act(state: &mut State, asked: &Asked, id: &str, action: &str, now: Timestamp) -> Outcome {
    state.let_go(now);
    let ip = state.floating_ips.get(id, now).ok_or_else(|| unknown("floating_ip", id))?;
    let (number, holder) = (ip.item.id, ip.item.server);
    let next = match action {
        "assign" => Some(free_server(state, asked, holder, now)?),
        "unassign" if holder.is_none() => {
            return Err(refused(422, "service_error", "floating IP is not assigned"));
        }
        "unassign" => None,
        _ => return Err(refused(404, "not_found", "there is no such action")),
    };
    if let Some(ip) = state.floating_ips.get(id, now) {
        ip.item.server = next;
    }
    let command = format!("{action}_floating_ip");
    let action = state.action(&command, &[("floating_ip", number)], now);
    Ok(Answer::json(201, &json!({ "action": action })))
}

/// The server that an address is to be assigned to, if it can be.
fn free_server(
    state: &mut State,
    asked: &Asked,
    holder: Option<u64>,
    now: Timestamp,
) -> Result<u64, Answer> {
    let body = asked.json();
    let server = body.get("server").and_then(Value::as_u64);
    let server = server.ok_or_else(|| invalid("server", "is missing"))?;
    if state.servers.get(&server.to_string(), now).is_none() {
        return Err(unknown("server", &server.to_string()));
    }
    if holder.is_some() || asked.luck.attached_elsewhere {
        return Err(refused(422, "floating_ip_assigned", "the floating IP is already assigned"));
    }
    let held = state.floating_ips.there(now).filter(|(_, ip)| ip.item.server == Some(server));
    match held.count() {
        MOST.. => Err(exceeded("server_floating_ip")),
        _ => Ok(server),
    }
}
