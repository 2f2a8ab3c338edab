//! `/load_balancers`.

use damm_fleet::Timestamp;
use serde_json::{Value, json};

use super::refusal::{invalid, refused, unknown};
use super::state::State;
use super::{Outcome, page, shapes};
use crate::answer::Answer;
use crate::asked::Asked;

/// Targets that the smallest load balancer can have.
const MOST: usize = 25;

pub fn list(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    state.let_go(now);
    let name = asked.query("name");
    let chosen = state.balancers.values().filter(|b| name.is_none_or(|n| b.name == n));
    let shown = chosen.map(|b| shapes::balancer(b, now)).collect();
    page(asked, "load_balancers", shown, 50)
}

pub fn act(state: &mut State, asked: &Asked, id: &str, action: &str, now: Timestamp) -> Outcome {
    state.let_go(now);
    let body = asked.json();
    if body["type"] != "server" {
        return Err(invalid("type", "only servers are played here"));
    }
    let server = body.pointer("/server/id").and_then(Value::as_u64);
    let server = server.ok_or_else(|| invalid("server", "is missing"))?;
    let known = state.servers.get(&server.to_string(), now).is_some();
    let balancer = state.balancers.get_mut(id).ok_or_else(|| unknown("load_balancer", id))?;
    let there = balancer.targets.contains(&server);
    match action {
        "add_target" if !known => return Err(unknown("server", &server.to_string())),
        "add_target" if there => {
            return Err(refused(422, "target_already_defined", "target is already defined"));
        }
        "add_target" if balancer.targets.len() >= MOST => {
            return Err(super::refusal::exceeded("load_balancer_targets"));
        }
        "add_target" => balancer.targets.push(server),
        "remove_target" if !there => return Err(unknown("target", &server.to_string())),
        "remove_target" => balancer.targets.retain(|t| *t != server),
        _ => return Err(refused(404, "not_found", "there is no such action")),
    }
    let resources = [("load_balancer", balancer.id), ("server", server)];
    let action = state.action(action, &resources, now);
    Ok(Answer::json(201, &json!({ "action": action })))
}
