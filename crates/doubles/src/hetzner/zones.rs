//! `/zones/{zone}/rrsets`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use damm_fleet::Timestamp;
use serde_json::{Value, json};

use super::refusal::{invalid, refused, taken, unknown};
use super::selector::{Labels, labels, selects};
use super::state::State;
use super::{Outcome, page, shapes};
use crate::answer::Answer;
use crate::asked::Asked;

/// The shortest time to live, in seconds.
const LEAST_TTL: u64 = 60;

pub struct RrSet {
    pub name: String,
    pub kind: String,
    pub ttl: Option<u64>,
    pub labels: Labels,
    pub records: Vec<String>,
}

pub struct Zone {
    pub name: String,
    sets: BTreeMap<(String, String), RrSet>,
}

impl Zone {
    pub fn new(name: &str) -> Self {
        let mut zone = Self { name: name.to_owned(), sets: BTreeMap::new() };
        zone.put("@", "NS", 3_600, &["hydrogen.ns.example.net.".to_owned()]);
        zone
    }

    pub fn put(&mut self, name: &str, kind: &str, ttl: u64, values: &[String]) {
        let set = RrSet {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ttl: Some(ttl),
            labels: Labels::new(),
            records: values.to_vec(),
        };
        self.sets.insert((set.name.clone(), set.kind.clone()), set);
    }

    fn get(&mut self, name: &str, kind: &str) -> Result<&mut RrSet, Answer> {
        let set = self.sets.get_mut(&(name.to_owned(), kind.to_owned()));
        set.ok_or_else(|| unknown("rrset", &format!("{name}/{kind}")))
    }
}

pub fn list(state: &State, asked: &Asked) -> Outcome {
    let kinds: Vec<_> = asked.query.iter().filter(|(k, _)| k == "type").map(|(_, v)| v).collect();
    let (name, selector) = (asked.query("name"), asked.query("label_selector"));
    let all = state.zone.sets.values();
    let chosen = all.filter(|s| {
        name.is_none_or(|n| s.name == n)
            && (kinds.is_empty() || kinds.contains(&&s.kind))
            && selects(selector, &s.labels)
    });
    page(asked, "rrsets", chosen.map(shapes::record_set).collect(), 100)
}

pub fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let body = asked.json();
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    let (name, kind) = (text("name"), text("type"));
    let below = !name.ends_with('.') && !name.ends_with(&state.zone.name);
    if name.is_empty() || name != name.to_lowercase() || !below {
        return Err(invalid("name", "is invalid"));
    }
    let set = RrSet {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ttl: body.get("ttl").filter(|t| !t.is_null()).map(|_| ttl(&body)).transpose()?,
        labels: labels(&body)?,
        records: records(&body, kind)?,
    };
    let key = (set.name.clone(), set.kind.clone());
    if state.zone.sets.contains_key(&key) {
        return Err(taken("rrset"));
    }
    let made = json!({
        "rrset": shapes::record_set(&set),
        "action": state.action("create_rrset", &[("zone", 7)], now),
    });
    state.zone.sets.insert(key, set);
    Ok(Answer::json(201, &made))
}

pub fn delete(state: &mut State, name: &str, kind: &str, now: Timestamp) -> Outcome {
    state.zone.get(name, kind)?;
    state.zone.sets.remove(&(name.to_owned(), kind.to_owned()));
    done(state, "delete_rrset", now)
}

pub fn act(
    state: &mut State,
    asked: &Asked,
    name: &str,
    kind: &str,
    action: &str,
    now: Timestamp,
) -> Outcome {
    let body = asked.json();
    let set = state.zone.get(name, kind)?;
    match action {
        "set_records" => set.records = records(&body, kind)?,
        "change_ttl" => set.ttl = Some(ttl(&body)?),
        _ => return Err(refused(404, "not_found", "there is no such action")),
    }
    done(state, &format!("{action}_rrset"), now)
}

fn done(state: &State, command: &str, now: Timestamp) -> Outcome {
    let action = state.action(command, &[("zone", 7)], now);
    Ok(Answer::json(201, &json!({ "action": action })))
}

fn ttl(body: &Value) -> Result<u64, Answer> {
    let ttl = body.get("ttl").and_then(Value::as_u64).filter(|t| *t >= LEAST_TTL);
    ttl.ok_or_else(|| invalid("ttl", "must be between 60 and 2147483647"))
}

/// The records of a body: at least one, each once, each of its type.
fn records(body: &Value, kind: &str) -> Result<Vec<String>, Answer> {
    let wrong = || invalid("records", "are invalid");
    let given = body.get("records").and_then(Value::as_array).filter(|r| !r.is_empty());
    let mut values: Vec<String> = Vec::new();
    for record in given.ok_or_else(wrong)? {
        let value = record.get("value").and_then(Value::as_str).ok_or_else(wrong)?;
        let fits = match kind {
            "A" => value.parse::<Ipv4Addr>().is_ok(),
            "AAAA" => value.parse::<Ipv6Addr>().is_ok(),
            _ => true,
        };
        if !fits || values.iter().any(|v| v == value) {
            return Err(wrong());
        }
        values.push(value.to_owned());
    }
    Ok(values)
}
