//! Nova, and Glance's images.

use std::collections::BTreeMap;

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::refusal::nova;
use super::state::{FLAVORS, NETWORKS, Port, Server, State, Volume};
use super::{Outcome, ZONE, page, shapes};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// How long a new machine takes to run, and to have its interface.
const BOOT: Span = Span::from_secs(20);
pub const PORT: Span = Span::from_secs(3);

/// How long a machine takes to go, and how long where it is slow.
const END: Span = Span::from_secs(5);
const SLOW: Span = Span::from_mins(12);

/// How late a listing may be.
const LATE: Span = Span::from_secs(45);

/// Symbols that user data may have.
const USER_DATA: usize = 65_535;

/// The image's newer issue, and its older one.
pub const IMAGES: [(&str, &str); 2] = [
    ("70a599e0-31e7-49b7-b260-868f441e862b", "2026-09-01T00:00:00Z"),
    ("8b3f0c9a-21b4-4c7e-b7a2-6f1f6c8f3a11", "2025-09-01T00:00:00Z"),
];

pub fn route(state: &mut State, asked: &Asked, rest: &[&str], now: Timestamp) -> Outcome {
    match (asked.method.as_str(), rest) {
        ("POST", ["servers"]) => create(state, asked, now),
        ("GET", ["servers", "detail"]) => list(state, asked, now),
        ("GET", ["servers", id]) => get(state, id, now),
        ("DELETE", ["servers", id]) => delete(state, asked, id, now),
        ("GET", ["flavors", "detail"]) => {
            let all = FLAVORS.iter().map(shapes::flavor).collect();
            page(asked, "flavors", all, |words| nova(400, words))
        }
        ("GET", ["limits"]) => Ok(limits(state, now)),
        ("GET", ["os-availability-zone"]) => {
            let zone = |name: &str, available: bool| {
                let state = json!({ "available": available });
                json!({ "zoneName": name, "zoneState": state, "hosts": null })
            };
            let all = json!([zone(ZONE, true), zone("closed", false)]);
            Ok(Answer::json(200, &json!({ "availabilityZoneInfo": all })))
        }
        _ => Err(nova(404, "The resource could not be found.")),
    }
}

pub fn images(_: &mut State, asked: &Asked) -> Outcome {
    let named = asked.query("name").is_none_or(|n| n == "Debian 12");
    let all = IMAGES.iter().filter(|_| named).map(|(id, at)| shapes::image(id, at)).collect();
    page(asked, "images", all, |words| Answer::html(400, words))
}

/// The minor version that a request asks for; 1 where it asks for none.
fn version(asked: &Asked) -> u32 {
    let text = asked.header("openstack-api-version").unwrap_or_default();
    let minor = text.strip_prefix("compute 2.").and_then(|n| n.parse().ok());
    minor.unwrap_or(1)
}

fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let body = asked.json();
    let order = &body["server"];
    let (server, volume) = read(state, asked, order)?;
    let there = state.servers.there(now).filter(|(_, s)| !s.item.is_deleted).count();
    if there >= state.knobs.most_machines {
        let most = state.knobs.most_machines;
        let words = format!(
            "Quota exceeded for instances: Requested 1, but already used {there} of {most} \
             instances"
        );
        return Err(nova(403, &words));
    }
    let (id, fails) = (server.id.clone(), asked.luck.stuck_create || server.no_host);
    let aged = Aged::new(server, now).ready_in(BOOT);
    let aged = if fails { aged.never_ready() } else { aged };
    let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
    state.servers.put(id.clone(), aged);
    state.volumes.extend(volume);
    let made = json!({
        "id": id, "links": [], "OS-DCF:diskConfig": "MANUAL",
        "security_groups": [{ "name": "default" }], "adminPass": "mNJx6ZoqE8Cd",
    });
    Ok(Answer::json(202, &json!({ "server": made })))
}

/// What an order asks for, if it can be.
fn read(state: &State, asked: &Asked, order: &Value) -> Result<(Server, Option<Volume>), Answer> {
    let bad = |words: &str| nova(400, words);
    let text = |field: &str| order[field].as_str();
    let name = text("name").filter(|n| !n.is_empty() && n.len() <= 255);
    let name = name.ok_or_else(|| bad("Invalid input for field/attribute name."))?;
    let flavor = FLAVORS.iter().find(|f| Some(f.id) == text("flavorRef"));
    let flavor = flavor.ok_or_else(|| bad("Invalid flavorRef provided."))?;
    if text("user_data").is_some_and(|d| d.len() > USER_DATA) {
        return Err(bad("Invalid input for field/attribute user_data: is too long"));
    }
    let zone = text("availability_zone").unwrap_or(ZONE);
    if zone != ZONE {
        return Err(bad("The requested availability zone is not available"));
    }
    let (tags, metadata) = (tags(asked, order)?, metadata(order)?);
    let id = state.ids.uuid();
    let volume = boots_from(order, flavor.disk, &id)?;
    let server = Server {
        name: name.to_owned(),
        flavor,
        zone: zone.to_owned(),
        tags,
        metadata,
        groups: list_of(&order["security_groups"], "name"),
        ports: ports(state, order)?,
        volume: volume.as_ref().map(|_| state.ids.uuid()),
        is_deleted: false,
        no_host: state.knobs.no_host,
        id,
    };
    Ok((server, volume))
}

fn list_of(value: &Value, field: &str) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|v| v[field].as_str().map(str::to_owned)).collect()
}

/// Tags are taken at the birth of a machine since version 2.52.
fn tags(asked: &Asked, order: &Value) -> Result<Vec<String>, Answer> {
    let Some(all) = order["tags"].as_array() else {
        return Ok(Vec::new());
    };
    if version(asked) < 52 {
        let words = "Additional properties are not allowed ('tags' was unexpected)";
        return Err(nova(400, words));
    }
    let tags: Vec<String> = all.iter().filter_map(|t| t.as_str().map(str::to_owned)).collect();
    match tags.iter().all(|t| (1..=60).contains(&t.len()) && !t.contains(['/', ','])) {
        true => Ok(tags),
        false => Err(nova(400, "Invalid input for field/attribute tags: is too long")),
    }
}

fn metadata(order: &Value) -> Result<BTreeMap<String, String>, Answer> {
    let all = order["metadata"].as_object().into_iter().flatten();
    let pairs = all.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let pairs = pairs.collect::<Option<BTreeMap<_, _>>>();
    let fits = pairs.filter(|all| all.values().all(|v| v.len() <= 255));
    fits.ok_or_else(|| nova(400, "Invalid input for field/attribute metadata."))
}

/// The volume that a machine boots from, if it does.
fn boots_from(order: &Value, disk: u64, id: &str) -> Result<Option<Volume>, Answer> {
    let known = |image: &Value| IMAGES.iter().any(|(id, _)| *image == **id);
    let device = &order["block_device_mapping_v2"][0];
    match (device.is_object(), disk) {
        (true, _) if known(&device["uuid"]) && device["destination_type"] == "volume" => {
            let goes_with_it = device["delete_on_termination"] == true;
            Ok(Some(Volume { server: id.to_owned(), goes_with_it }))
        }
        (true, _) => Err(nova(400, "Block Device Mapping is Invalid: failed to get image.")),
        (false, 0) => {
            let words = "Only volume-backed servers are allowed for flavors with zero disk.";
            Err(nova(403, words))
        }
        (false, _) if known(&order["imageRef"]) => Ok(None),
        (false, _) => Err(nova(400, "Can not find requested image")),
    }
}

fn ports(state: &State, order: &Value) -> Result<Vec<Port>, Answer> {
    let asked = list_of(&order["networks"], "uuid");
    if asked.is_empty() {
        return Err(nova(400, "Invalid input for field/attribute networks."));
    }
    let port = |id: &String| {
        let network = NETWORKS.iter().find(|n| n.id == id && !n.external);
        let network =
            network.ok_or_else(|| nova(400, &format!("Network {id} could not be found.")));
        network.map(|n| state.new_port(n))
    };
    asked.iter().map(port).collect()
}

fn list(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    // Versions before 2.26 know nothing of tags, and show everything.
    let tag = asked.query("tags").filter(|_| version(asked) >= 26);
    let floating = state.leading(now);
    let all = state.servers.listed(now);
    let chosen = all.filter(|(_, s)| tag.is_none_or(|t| s.item.tags.iter().any(|own| own == t)));
    let shown = chosen.map(|(_, s)| shapes::server(s, &floating, now)).collect();
    page(asked, "servers", shown, |words| nova(400, words))
}

fn get(state: &mut State, id: &str, now: Timestamp) -> Outcome {
    let floating = state.leading(now);
    let server = state.servers.get(id, now).ok_or_else(|| unknown(id))?;
    Ok(Answer::json(200, &json!({ "server": shapes::server(server, &floating, now) })))
}

fn unknown(id: &str) -> Answer {
    nova(404, &format!("Instance {id} could not be found."))
}

fn delete(state: &mut State, asked: &Asked, id: &str, now: Timestamp) -> Outcome {
    let shown_for = state.knobs.shows_deleted;
    let server = state.servers.get(id, now).filter(|s| !s.item.is_deleted);
    let server = server.ok_or_else(|| unknown(id))?;
    server.item.is_deleted = shown_for.is_some();
    let span = match (shown_for, asked.luck.slow_delete) {
        (Some(span), _) => span,
        (None, true) => SLOW,
        (None, false) => END,
    };
    state.servers.remove_in(id, span, now);
    Ok(Answer::empty(204))
}

fn limits(state: &mut State, now: Timestamp) -> Answer {
    let used = state.servers.there(now).count();
    let absolute = json!({
        "maxTotalInstances": state.knobs.most_machines, "totalInstancesUsed": used,
        "maxTotalCores": 20, "totalCoresUsed": used, "maxTotalRAMSize": -1, "totalRAMUsed": used,
    });
    Answer::json(200, &json!({ "limits": { "rate": [], "absolute": absolute } }))
}
