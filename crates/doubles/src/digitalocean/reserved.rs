//! Reserved addresses, IPv4 and IPv6.

use std::net::IpAddr;

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::{PROJECT, REGION, State, error, moment, not_found, pending, region, unprocessable};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// A new address is missing from listings for this long, on a bad day.
const LATE: Span = Span::from_secs(30);

/// A reserved address.
#[derive(Debug, Clone)]
pub(super) struct Reserved {
    address: IpAddr,
    project: String,
    droplet: Option<String>,
    /// Until when an action on it is not done.
    busy_until: Timestamp,
}

impl State {
    pub(super) fn reserved(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        let v6 = rest[0] == "reserved_ipv6";
        match (asked.method.as_str(), &rest[1..]) {
            ("GET", []) => self.list_reserved(asked, v6),
            ("POST", []) => self.reserve(asked, v6),
            (method, [address, action @ ..]) => {
                let there = self.addresses.get(address, self.now);
                if there.is_none_or(|a| a.item.address.is_ipv6() != v6) {
                    return not_found();
                }
                match (method, action) {
                    ("GET", []) => Answer::json(200, &json!({ key(v6): self.shown(address) })),
                    ("POST", ["actions"]) => self.act(asked, address),
                    ("DELETE", []) => self.give_back(address),
                    _ => not_found(),
                }
            }
            _ => not_found(),
        }
    }

    fn list_reserved(&mut self, asked: &Asked, v6: bool) -> Answer {
        let listed =
            self.addresses.listed(self.now).filter(|(_, a)| a.item.address.is_ipv6() == v6);
        let names: Vec<String> = listed.map(|(name, _)| name.clone()).collect();
        let all = names.iter().map(|name| self.shown(name)).collect();
        self.page(asked, if v6 { "reserved_ipv6s" } else { "reserved_ips" }, all)
    }

    fn reserve(&mut self, asked: &Asked, v6: bool) -> Answer {
        let body = asked.json();
        if body[if v6 { "region_slug" } else { "region" }] != REGION {
            return unprocessable("Region is not valid.");
        }
        let project = body["project_id"].as_str().unwrap_or("the default one");
        if !v6 && project != PROJECT {
            return unprocessable("project_id is not valid.");
        }
        let held = self.addresses.there(self.now).filter(|(_, a)| a.item.address.is_ipv4()).count();
        if !v6 && held >= self.knobs.addresses {
            return unprocessable("You have reached the limit of reserved IPs of this account.");
        }
        let address = if v6 { self.reserved_v6.draw() } else { self.reserved_v4.draw() };
        let item =
            Reserved { address, project: project.to_owned(), droplet: None, busy_until: self.now };
        let aged = Aged::new(item, self.now);
        let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
        self.addresses.put(address.to_string(), aged);
        let shown = self.shown(&address.to_string());
        match v6 {
            true => Answer::json(201, &json!({ key(v6): shown })),
            false => Answer::json(202, &json!({ key(v6): shown, "links": {} })),
        }
    }

    /// The droplet that an address is assigned to, as long as that is there.
    fn holder(&mut self, name: &str) -> Option<String> {
        let id = self.addresses.get(name, self.now)?.item.droplet.clone()?;
        self.droplets.get(&id, self.now).map(|_| id)
    }

    /// The reserved addresses of a droplet.
    pub(super) fn held_by(&mut self, droplet: &str) -> Vec<IpAddr> {
        let all = self.addresses.there(self.now);
        let held = all.filter(|(_, a)| a.item.droplet.as_deref() == Some(droplet));
        held.map(|(_, a)| a.item.address).collect()
    }

    fn shown(&mut self, name: &str) -> Value {
        let holder = self.holder(name).and_then(|id| self.droplet(&id));
        let (now, knobs) = (self.now, self.knobs.clone());
        let Some(aged) = self.addresses.get(name, now) else {
            return Value::Null;
        };
        let ip = &aged.item;
        if ip.address.is_ipv6() {
            return json!({ "ip": ip.address, "region_slug": REGION, "droplet": holder,
                           "reserved_at": moment(aged.made_at) });
        }
        let mut shown = json!({ "ip": ip.address, "region": region(), "droplet": holder,
                                "locked": ip.busy_until > now });
        if !knobs.no_projects {
            shown["project_id"] = ip.project.clone().into();
        }
        shown
    }

    fn act(&mut self, asked: &Asked, name: &str) -> Answer {
        let (body, holder) = (asked.json(), self.holder(name));
        if let Some(busy) = self.address_refuses(name) {
            return busy;
        }
        let to = match body["type"].as_str() {
            Some("unassign") if holder.is_none() => {
                return unprocessable("The reserved IP is not assigned to a Droplet.");
            }
            Some("unassign") => None,
            Some("assign") => {
                let id = body["droplet_id"].as_u64().unwrap_or_default().to_string();
                if asked.luck.attached_elsewhere {
                    return pending("reserved ip");
                }
                if let Some(refusal) = self.cannot_hold(&id, name) {
                    return refusal;
                }
                Some(id)
            }
            _ => return unprocessable("type is not valid."),
        };
        let id = self.ids.number();
        let (now, until) = (self.now, self.now + self.knobs.action);
        if let Some(aged) = self.addresses.get(name, now) {
            aged.item.droplet = to;
            aged.item.busy_until = until;
        }
        let status = if until > now { "in-progress" } else { "completed" };
        let kind = format!("{}_ip", body["type"].as_str().unwrap_or_default());
        let action = json!({
            "id": id, "status": status, "type": kind, "started_at": moment(now),
            "completed_at": null, "resource_id": 758_604_968, "resource_type": "reserved_ip",
            "region": region(), "region_slug": REGION,
        });
        Answer::json(201, &json!({ "action": action }))
    }

    fn address_refuses(&mut self, name: &str) -> Option<Answer> {
        let now = self.now;
        let busy = self.addresses.get(name, now).is_some_and(|a| a.item.busy_until > now);
        busy.then(|| pending("reserved ip"))
    }

    /// Why a droplet can't hold an address: one of each protocol is the most.
    fn cannot_hold(&mut self, droplet: &str, name: &str) -> Option<Answer> {
        let refusal = self.droplet_refuses(droplet);
        if refusal.is_some() {
            return refusal;
        }
        let v6 = name.contains(':');
        let held = self.held_by(droplet);
        let other = held.iter().any(|a| a.is_ipv6() == v6 && a.to_string() != name);
        other.then(|| unprocessable("Droplet already has a reserved IP assigned."))
    }

    /// An IPv4 address that is assigned is unassigned and not deleted; an IPv6 one is refused.
    fn give_back(&mut self, name: &str) -> Answer {
        if let Some(busy) = self.address_refuses(name) {
            return busy;
        }
        let (now, held) = (self.now, self.holder(name).is_some());
        match (held, name.contains(':')) {
            (true, true) => {
                let message = "flipv6 released failed: assigned FLIP cannot be released";
                error(400, "bad_request", message)
            }
            (true, false) => {
                if let Some(aged) = self.addresses.get(name, now) {
                    aged.item.droplet = None;
                }
                Answer::empty(204)
            }
            (false, _) => {
                self.addresses.remove_in(name, Span::ZERO, now);
                Answer::empty(204)
            }
        }
    }

    /// Somebody reserves an address in another project.
    pub(super) fn reserve_elsewhere(&mut self) -> String {
        let address = self.reserved_v4.draw();
        let project = "00000000-0000-4000-8000-000000000000".to_owned();
        let item = Reserved { address, project, droplet: None, busy_until: self.now };
        self.addresses.put(address.to_string(), Aged::new(item, self.now));
        address.to_string()
    }

    /// Somebody assigns an address in the panel.
    pub(super) fn steal(&mut self, name: &str, droplet: &str) -> bool {
        let now = self.now;
        let there = self.droplets.get(droplet, now).is_some();
        let address = self.addresses.get(name, now).filter(|_| there);
        address.map(|a| a.item.droplet = Some(droplet.to_owned())).is_some()
    }
}

const fn key(v6: bool) -> &'static str {
    if v6 { "reserved_ipv6" } else { "reserved_ip" }
}
