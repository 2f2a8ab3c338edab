//! Octavia: one load balancer with one pool behind its port 443.

use std::net::IpAddr;

use damm_fleet::Timestamp;
use serde_json::{Value, json};

use super::refusal::{immutable, octavia};
use super::state::{Member, State};
use super::{Outcome, PROJECT, page, shapes};
use crate::answer::Answer;
use crate::asked::Asked;

const BALANCER: &str = "607226db-27ef-4d41-ae89-f2a800e9c2db";
const POOL: &str = "4c0a0a5f-cf8f-44b7-b912-957daa8ce5e5";
const OTHER_POOL: &str = "4c0a0a5f-cf8f-44b7-b912-957daa8ce5e6";
/// The port of its own address.
const VIP: &str = "023f2e34-7806-443b-bfae-16c324569a3d";

fn bad(words: &str) -> Answer {
    octavia(400, words)
}

fn unknown(kind: &str, id: &str) -> Answer {
    octavia(404, &format!("{kind} {id} not found."))
}

pub fn route(state: &mut State, asked: &Asked, rest: &[&str], now: Timestamp) -> Outcome {
    match (asked.method.as_str(), rest) {
        ("GET", ["loadbalancers"]) => {
            let named = asked.query("name").is_none_or(|n| n == "lb");
            let all = [balancer(state, now)].into_iter().filter(|_| named).collect();
            page(asked, "loadbalancers", all, bad)
        }
        ("GET", ["listeners"]) => {
            let here = asked.query("loadbalancer_id").is_none_or(|id| id == BALANCER);
            let others = state.knobs.other_port.map(|port| listener(OTHER_POOL, port));
            let all = [listener(POOL, 443)].into_iter().chain(others).filter(|_| here);
            page(asked, "listeners", all.collect(), bad)
        }
        // Nobody puts anything there: it is there to be told from the first.
        ("GET", ["pools", OTHER_POOL, "members"]) if state.knobs.other_port.is_some() => {
            page(asked, "members", Vec::new(), bad)
        }
        (_, ["pools", id, "members", ..]) if *id != POOL => Err(unknown("Pool", id)),
        ("GET", ["pools", _, "members"]) => {
            page(asked, "members", state.members.iter().map(shapes::member).collect(), bad)
        }
        ("POST" | "PUT" | "DELETE", _) if state.changing_until > now => Err(immutable(BALANCER)),
        ("POST", ["pools", _, "members"]) => add(state, asked, now),
        ("PUT", ["pools", _, "members", id]) => change(state, asked, id, now),
        ("DELETE", ["pools", _, "members", id]) => {
            let before = state.members.len();
            state.members.retain(|m| m.id != *id);
            if state.members.len() == before {
                return Err(unknown("member", id));
            }
            state.begin_change(now);
            Ok(Answer::empty(204))
        }
        _ => Err(Answer::html(404, "Not Found")),
    }
}

impl State {
    fn begin_change(&mut self, now: Timestamp) {
        self.changing_until = now + self.knobs.change_takes;
    }
}

fn add(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let body = asked.json();
    let order = &body["member"];
    let address: Option<IpAddr> = order["address"].as_str().and_then(|a| a.parse().ok());
    let port = order["protocol_port"].as_u64().and_then(|p| u16::try_from(p).ok());
    let (Some(address), Some(port)) = (address, port) else {
        return Err(bad("Invalid input for field/attribute address or protocol_port."));
    };
    if state.members.iter().any(|m| (m.address, m.port) == (address, port)) {
        let words =
            format!("Another member on this pool already exists with ip {address} and port {port}");
        return Err(octavia(409, &words));
    }
    let member = Member {
        id: state.ids.uuid(),
        name: order["name"].as_str().unwrap_or_default().to_owned(),
        address,
        port,
        weight: weight(order)?.unwrap_or(1),
        subnet: order["subnet_id"].as_str().map(str::to_owned),
    };
    let shown = shapes::member(&member);
    state.members.push(member);
    state.begin_change(now);
    Ok(Answer::json(201, &json!({ "member": shown })))
}

fn weight(order: &Value) -> Result<Option<u64>, Answer> {
    match &order["weight"] {
        Value::Null => Ok(None),
        weight => {
            let weight = weight.as_u64().filter(|w| *w <= 256);
            weight.map(Some).ok_or_else(|| bad("Invalid input for field/attribute weight."))
        }
    }
}

/// Address and port of a member never change.
fn change(state: &mut State, asked: &Asked, id: &str, now: Timestamp) -> Outcome {
    let body = asked.json();
    let order = &body["member"];
    if !order["address"].is_null() || !order["protocol_port"].is_null() {
        return Err(bad("Unknown attribute for argument member: address"));
    }
    let weight = weight(order)?;
    let member = state.members.iter_mut().find(|m| m.id == id);
    let member = member.ok_or_else(|| unknown("member", id))?;
    member.weight = weight.unwrap_or(member.weight);
    let shown = shapes::member(member);
    state.begin_change(now);
    Ok(Answer::json(200, &json!({ "member": shown })))
}

fn balancer(state: &State, now: Timestamp) -> Value {
    let status = if state.changing_until > now { "PENDING_UPDATE" } else { "ACTIVE" };
    let ids = [Some(OTHER_POOL).filter(|_| state.knobs.other_port.is_some()), Some(POOL)];
    let pools: Vec<_> = ids.into_iter().flatten().map(|id| json!({ "id": id })).collect();
    json!({
        "id": BALANCER, "name": "lb", "description": "", "admin_state_up": true,
        "provisioning_status": status, "operating_status": "ONLINE", "provider": "amphora",
        "project_id": PROJECT, "tenant_id": PROJECT, "vip_address": "203.0.113.1",
        "vip_port_id": VIP, "vip_subnet_id": VIP, "vip_network_id": VIP,
        "listeners": [], "pools": pools, "tags": [],
        "flavor_id": null, "availability_zone": null, "created_at": "2026-01-01T00:00:00",
        "updated_at": null,
    })
}

fn listener(pool: &str, port: u16) -> Value {
    json!({
        "id": format!("023f2e34-7806-443b-bfae-16c3245{port:05}"), "name": "tls",
        "protocol": "TCP", "protocol_port": port, "default_pool_id": pool,
        "loadbalancers": [{ "id": BALANCER }], "admin_state_up": true,
        "provisioning_status": "ACTIVE", "operating_status": "ONLINE", "project_id": PROJECT,
    })
}
