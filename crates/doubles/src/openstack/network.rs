//! Neutron.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::refusal::{changed, neutron};
use super::state::{NETWORKS, Network, SOMEBODYS_PORT, State};
use super::{Outcome, PROJECT, page, shapes};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// How late a listing may be.
const LATE: Span = Span::from_secs(45);

fn bad(words: &str) -> Answer {
    neutron(400, "HTTPBadRequest", words)
}

fn unknown(kind: &str, id: &str) -> Answer {
    neutron(404, &format!("{kind}NotFound"), &format!("{kind} {id} could not be found"))
}

pub fn route(state: &mut State, asked: &Asked, rest: &[&str], now: Timestamp) -> Outcome {
    match (asked.method.as_str(), rest) {
        ("GET", ["networks"]) => {
            let name = asked.query("name");
            let chosen = NETWORKS.iter().filter(|n| name.is_none_or(|name| n.name == name));
            page(asked, "networks", chosen.map(shapes::network).collect(), bad)
        }
        ("GET", ["ports"]) => list_ports(state, asked, now),
        ("PUT", ["ports", id]) => change_port(state, asked, id, now),
        ("POST", ["floatingips"]) => allocate(state, asked, now),
        ("GET", ["floatingips"]) => list(state, asked, now),
        ("GET", ["floatingips", id]) => get(state, id, now),
        ("PUT", ["floatingips", id]) => change(state, asked, id, now),
        ("DELETE", ["floatingips", id]) => release(state, asked, id, now),
        ("GET", ["quotas", PROJECT, "details"]) => {
            let used = state.floating.there(now).count();
            let limit = state.knobs.most_addresses;
            let of = json!({ "used": used, "limit": limit, "reserved": 0 });
            Ok(Answer::json(200, &json!({ "quota": { "floatingip": of } })))
        }
        _ => Err(neutron(404, "HTTPNotFound", "The resource could not be found.")),
    }
}

impl State {
    /// The floating addresses by what they lead to.
    pub fn leading(&mut self, now: Timestamp) -> BTreeMap<IpAddr, IpAddr> {
        let all = self.floating.there(now).map(|(_, ip)| &ip.item);
        all.filter_map(|ip| Some((ip.leads.as_ref()?.1, ip.address))).collect()
    }
}

/// A request that goes ahead only at a revision.
fn matches(asked: &Asked, id: &str, revision: u64) -> Result<(), Answer> {
    match asked.header("if-match").and_then(|m| m.strip_prefix("revision_number=")) {
        Some(wanted) if wanted != revision.to_string() => Err(changed(id)),
        _ => Ok(()),
    }
}

fn list_ports(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let device = asked.query("device_id");
    let address = asked.query("fixed_ips").and_then(|f| f.strip_prefix("ip_address="));
    let mut shown = Vec::new();
    for (id, server) in state.servers.there(now) {
        let bound = server.made_at + super::compute::PORT <= now && !server.item.is_deleted;
        if !bound || device.is_some_and(|d| d != id) {
            continue;
        }
        let has = |a: &&str| {
            server.item.ports.iter().flat_map(|p| &p.fixed).any(|f| f.to_string() == **a)
        };
        if address.as_ref().is_some_and(|a| !has(a)) {
            continue;
        }
        let zone = &server.item.zone;
        shown.extend(server.item.ports.iter().map(|p| shapes::port(p, id, zone)));
    }
    page(asked, "ports", shown, bad)
}

/// An interface gets one more address for each entry that names none.
fn change_port(state: &mut State, asked: &Asked, id: &str, now: Timestamp) -> Outcome {
    let body = asked.json();
    let wanted = body["port"]["fixed_ips"].as_array().ok_or_else(|| bad("no fixed_ips"))?;
    let owner = state.servers.there(now).find_map(|(server, s)| {
        let port = s.item.ports.iter().find(|p| p.id == id)?;
        Some((server.clone(), port.clone()))
    });
    let (owner, mut port) = owner.ok_or_else(|| unknown("Port", id))?;
    matches(asked, id, port.revision)?;
    let mut fixed = Vec::new();
    for entry in wanted {
        if entry["subnet_id"] != port.network.subnet {
            return Err(bad("Invalid input for operation: Subnet is not of the network."));
        }
        match entry["ip_address"].as_str().and_then(|a| a.parse().ok()) {
            Some(address) => fixed.push(address),
            None => fixed.extend(state.draw(port.network)),
        }
    }
    (port.fixed, port.revision) = (fixed, port.revision + 1);
    let server = state.servers.get(&owner, now).ok_or_else(|| unknown("Port", id))?;
    let shown = shapes::port(&port, &owner, &server.item.zone);
    for own in server.item.ports.iter_mut().filter(|p| p.id == id) {
        own.clone_from(&port);
    }
    Ok(Answer::json(200, &json!({ "port": shown })))
}

fn allocate(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let body = asked.json();
    let order = &body["floatingip"];
    let id = order["floating_network_id"].as_str().unwrap_or_default();
    let network = NETWORKS.iter().find(|n| n.id == id).ok_or_else(|| unknown("Network", id))?;
    let description = order["description"].as_str().unwrap_or_default();
    if !network.external {
        return Err(bad(&format!("Bad floatingip request: Network {id} is not external.")));
    }
    if description.len() > 255 {
        return Err(bad("Invalid input for description: is too long"));
    }
    if state.floating.there(now).count() >= state.knobs.most_addresses {
        let words = "Quota exceeded for resources: ['floatingip'].";
        return Err(neutron(409, "OverQuota", words));
    }
    if state.knobs.no_address {
        let words = format!("No more IP addresses available on network {id}.");
        return Err(neutron(409, "IpAddressGenerationFailure", &words));
    }
    let ip = state.new_floating(description);
    let id = ip.id.clone();
    let aged = Aged::new(ip, now);
    let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
    let shown = shapes::floating(&aged);
    state.floating.put(id, aged);
    Ok(Answer::json(201, &json!({ "floatingip": shown })))
}

fn list(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let port = asked.query("port_id");
    let of = |ip: &Aged<super::state::Floating>| {
        port.is_none_or(|p| ip.item.leads.as_ref().is_some_and(|(own, _)| own == p))
    };
    let chosen = state.floating.listed(now).filter(|(_, ip)| of(ip));
    page(asked, "floatingips", chosen.map(|(_, ip)| shapes::floating(ip)).collect(), bad)
}

fn get(state: &mut State, id: &str, now: Timestamp) -> Outcome {
    let ip = state.floating.get(id, now).ok_or_else(|| unknown("FloatingIP", id))?;
    Ok(Answer::json(200, &json!({ "floatingip": shapes::floating(ip) })))
}

fn release(state: &mut State, asked: &Asked, id: &str, now: Timestamp) -> Outcome {
    let ip = state.floating.get(id, now).ok_or_else(|| unknown("FloatingIP", id))?;
    matches(asked, id, ip.item.revision)?;
    state.floating.remove_in(id, Span::ZERO, now);
    Ok(Answer::empty(204))
}

fn change(state: &mut State, asked: &Asked, id: &str, now: Timestamp) -> Outcome {
    let body = asked.json();
    let to = &body["floatingip"];
    let next = match &to["port_id"] {
        Value::String(port) => Some(lead(state, id, port, &to["fixed_ip_address"], now)?),
        _ => None,
    };
    if asked.luck.attached_elsewhere && next.is_some() {
        let other = (SOMEBODYS_PORT.to_owned(), IpAddr::from([10, 20, 255, 1]));
        if let Some(ip) = state.floating.get(id, now) {
            ip.item.lead(Some(other));
        }
    }
    let ip = state.floating.get(id, now).ok_or_else(|| unknown("FloatingIP", id))?;
    matches(asked, id, ip.item.revision)?;
    ip.item.lead(next);
    Ok(Answer::json(200, &json!({ "floatingip": shapes::floating(ip) })))
}

/// What an address is to lead to, if it can. Whatever it led to before is not asked.
fn lead(
    state: &mut State,
    id: &str,
    port: &str,
    inner: &Value,
    now: Timestamp,
) -> Result<(String, IpAddr), Answer> {
    let ports = state.servers.there(now).flat_map(|(_, s)| s.item.ports.clone());
    let found = ports.filter(|p| p.id == port).last().ok_or_else(|| unknown("Port", port))?;
    let inner = match inner.as_str().map(str::parse::<IpAddr>) {
        None => found.fixed[0],
        Some(Ok(inner)) if found.fixed.contains(&inner) => inner,
        Some(_) => return Err(bad(&format!("Port {port} does not have that fixed ip."))),
    };
    let Network { routed, subnet, .. } = found.network;
    if !routed {
        let words = format!(
            "External network is not reachable from subnet {subnet}. Therefore, cannot associate \
             Port {port} with a Floating IP."
        );
        return Err(neutron(404, "ExternalGatewayForFloatingIPNotFound", &words));
    }
    let there = (port.to_owned(), inner);
    let mut others = state.floating.there(now).filter(|(own, _)| *own != id);
    match others.any(|(_, ip)| ip.item.leads.as_ref() == Some(&there)) {
        true => {
            let words = format!("Fixed IP {inner} of port {port} already has a floating IP.");
            Err(neutron(409, "FloatingIPPortAlreadyAssociated", &words))
        }
        false => Ok(there),
    }
}
