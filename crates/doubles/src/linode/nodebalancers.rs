//! `/nodebalancers`.

use std::net::SocketAddrV4;

use damm_fleet::Timestamp;
use serde_json::Value;

use super::state::{Node, State};
use super::{Outcome, missing, nothing, page, refused, shapes, takes};
use crate::answer::Answer;
use crate::asked::Asked;

pub fn list(state: &State, asked: &Asked, now: Timestamp) -> Outcome {
    let shown = match takes(asked, "front", &[])? {
        true => vec![shapes::balancer(&state.balancer, now)],
        false => Vec::new(),
    };
    page(asked, shown)
}

/// What comes after `/nodebalancers/{id}/configs`.
pub fn route(
    state: &mut State,
    asked: &Asked,
    method: &str,
    path: &[&str],
    now: Timestamp,
) -> Outcome {
    let balancer = state.balancer.clone();
    let number = |text: &str| text.parse::<u64>().map_err(|_| missing());
    match (method, path) {
        ("GET", []) => {
            let configs = state.configs.iter();
            page(asked, configs.map(|(id, port)| shapes::config(*id, *port, &balancer)).collect())
        }
        (_, [config, ..]) if !state.configs.contains_key(&number(config)?) => Err(missing()),
        ("GET", [config, "nodes"]) => {
            let config = number(config)?;
            let under = state.nodes.iter().filter(|n| n.config == config);
            page(asked, under.map(|n| shapes::node(n, &balancer)).collect())
        }
        ("POST", [config, "nodes"]) => {
            let fresh = Node {
                id: state.ids.number(),
                config: number(config)?,
                label: String::new(),
                address: String::new(),
                mode: "accept".to_owned(),
            };
            let made = changed(state, fresh, &asked.json(), now)?;
            let answer = Answer::json(200, &shapes::node(&made, &balancer));
            state.nodes.push(made);
            Ok(answer)
        }
        (_, [config, "nodes", node]) => {
            let (config, node) = (number(config)?, number(node)?);
            let at = state.nodes.iter().position(|n| n.config == config && n.id == node);
            let at = at.ok_or_else(missing)?;
            if method == "DELETE" {
                state.nodes.remove(at);
                return nothing();
            }
            let made = changed(state, state.nodes[at].clone(), &asked.json(), now)?;
            state.nodes[at] = made.clone();
            Ok(Answer::json(200, &shapes::node(&made, &balancer)))
        }
        _ => Err(missing()),
    }
}

/// A target as a body wants it: at a private address of an instance, and there once.
fn changed(state: &mut State, node: Node, body: &Value, now: Timestamp) -> Result<Node, Answer> {
    let text = |field: &str, before: &str| {
        body.get(field).and_then(Value::as_str).unwrap_or(before).to_owned()
    };
    let made = Node {
        label: text("label", &node.label),
        address: text("address", &node.address),
        mode: text("mode", &node.mode),
        ..node
    };
    let wrong = |field: &str| refused(400, &format!("{field} is not valid"), Some(field));
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !(3..=32).contains(&made.label.len()) || !made.label.chars().all(fits) {
        return Err(wrong("label"));
    }
    if !["accept", "reject", "drain", "backup"].contains(&made.mode.as_str()) {
        return Err(wrong("mode"));
    }
    let socket: SocketAddrV4 = made.address.parse().map_err(|_| wrong("address"))?;
    let known = state.instances.there(now).any(|(_, i)| i.item.private == Some(*socket.ip()));
    let same = |n: &Node| n.id != made.id && n.config == made.config && n.address == made.address;
    if !known || state.nodes.iter().any(same) {
        return Err(wrong("address"));
    }
    Ok(made)
}
