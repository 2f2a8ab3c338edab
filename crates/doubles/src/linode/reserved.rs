//! `/networking/reserved/ips`, and addresses of instances.

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::instances::REGIONS;
use super::state::{LATE, Reserved, State};
use super::{Outcome, missing, nothing, page, refused, shapes, tags, takes};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// Reserved addresses that an instance can hold.
const MOST: usize = 8;

const UNASSIGNED: &str = "Address must be reserved and must be currently unassigned.";

pub fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let body = asked.json();
    let region = body.get("region").and_then(Value::as_str).unwrap_or_default();
    if !REGIONS.contains(&region) {
        return Err(refused(400, "region is not valid", Some("region")));
    }
    let tags = tags(&body)?;
    if state.reserved.there(now).count() >= state.most_reserved {
        let words = "Additional Reserved IPv4 addresses require technical justification.  Please \
                     contact support describing your requirement.";
        return Err(refused(400, words, None));
    }
    let address = state.address();
    let made = Reserved { address, region: region.to_owned(), tags, linode_id: None };
    let answer = Answer::json(200, &shapes::reserved(&made));
    let aged = Aged::new(made, now);
    let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
    state.reserved.put(address.to_string(), aged);
    Ok(answer)
}

pub fn list(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    state.let_go(now);
    let mut shown = Vec::new();
    for (_, reserved) in state.reserved.listed(now) {
        if takes(asked, "", &reserved.item.tags)? {
            shown.push(shapes::reserved(&reserved.item));
        }
    }
    page(asked, shown)
}

pub fn get(state: &mut State, address: &str, now: Timestamp) -> Outcome {
    state.let_go(now);
    let reserved = state.reserved.get(address, now).ok_or_else(missing)?;
    Ok(Answer::json(200, &shapes::reserved(&reserved.item)))
}

/// Also where it is assigned: it becomes one of the instance's own then.
pub fn delete(state: &mut State, address: &str, now: Timestamp) -> Outcome {
    match state.reserved.remove_in(address, Span::ZERO, now) {
        true => nothing(),
        false => Err(missing()),
    }
}

pub fn assign(state: &mut State, asked: &Asked, id: &str, now: Timestamp) -> Outcome {
    state.let_go(now);
    let body = asked.json();
    if body["type"] != "ipv4" || body["public"] != json!(true) {
        return Err(refused(400, "Only addresses of type ipv4 are currently supported.", None));
    }
    let instance = state.instances.get(id, now).ok_or_else(missing)?.item.clone();
    let address = body.get("address").and_then(Value::as_str).unwrap_or_default().to_owned();
    let full = state.held(instance.id, now).len() >= MOST;
    let refusal = |words: &str| refused(400, words, Some("address"));
    let reserved = state.reserved.get(&address, now).ok_or_else(|| refusal(UNASSIGNED))?;
    if reserved.item.linode_id.is_some() || asked.luck.attached_elsewhere {
        return Err(refusal(UNASSIGNED));
    }
    if reserved.item.region != instance.region {
        return Err(refusal("Address must belong to same region as linode."));
    }
    if full {
        let words = "Additional IPv4 addresses require technical justification.  Please contact \
                     support describing your requirement.";
        return Err(refused(400, words, None));
    }
    reserved.item.linode_id = Some(instance.id);
    Ok(Answer::json(200, &shapes::reserved(&reserved.item)))
}

pub fn unassign(state: &mut State, id: &str, address: &str, now: Timestamp) -> Outcome {
    state.let_go(now);
    let reserved = state.reserved.get(address, now).ok_or_else(missing)?;
    if reserved.item.linode_id.map(|at| at.to_string()).as_deref() != Some(id) {
        return Err(missing());
    }
    reserved.item.linode_id = None;
    nothing()
}
