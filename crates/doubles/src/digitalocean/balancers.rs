//! Load balancers, whose targets are droplets.

use damm_fleet::Timestamp;
use serde_json::{Value, json};

use super::{State, error, moment, not_found, region, unprocessable};
use crate::answer::Answer;
use crate::asked::Asked;

/// A load balancer.
#[derive(Debug, Clone)]
pub(super) struct LoadBalancer {
    name: String,
    port: u16,
    tag: Option<String>,
    droplets: Vec<u64>,
    made_at: Timestamp,
    /// Until when a change is not done.
    busy_until: Timestamp,
}

/// "Locked", as load balancers say it.
pub(super) fn locked() -> Answer {
    let message = "Load Balancer can't be updated while it processes previous actions";
    error(403, "forbidden", message)
}

impl State {
    pub(super) fn make_balancer(&mut self, name: &str, port: u16, tag: Option<&str>) {
        let (id, now) = (self.ids.uuid(), self.now);
        let (name, tag) = (name.to_owned(), tag.map(str::to_owned));
        let droplets = Vec::new();
        let made = LoadBalancer { name, port, tag, droplets, made_at: now, busy_until: now };
        self.balancers.insert(id, made);
    }

    pub(super) fn load_balancers(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        match (asked.method.as_str(), rest) {
            ("GET", []) => {
                let ids: Vec<String> = self.balancers.keys().cloned().collect();
                let all = ids.iter().map(|id| self.balancer(id)).collect();
                self.page(asked, "load_balancers", all)
            }
            ("GET", [id]) if self.balancers.contains_key(*id) => {
                Answer::json(200, &json!({ "load_balancer": self.balancer(id) }))
            }
            ("POST" | "DELETE", [id, "droplets"]) if self.balancers.contains_key(*id) => {
                self.change(asked, id)
            }
            _ => not_found(),
        }
    }

    /// Droplets that are gone are taken out.
    fn balancer(&mut self, id: &str) -> Value {
        let balancer = self.balancers[id].clone();
        let there = |d: &&u64| self.droplets.get(&d.to_string(), self.now).is_some();
        let droplets: Vec<u64> = balancer.droplets.iter().filter(there).copied().collect();
        json!({
            "id": id, "name": balancer.name, "ip": "192.0.2.77", "size_unit": 1,
            "size": "lb-small", "algorithm": "round_robin", "status": "active",
            "created_at": moment(balancer.made_at),
            "forwarding_rules": [{
                "entry_protocol": "tcp", "entry_port": 443, "target_protocol": "tcp",
                "target_port": balancer.port, "certificate_id": "", "tls_passthrough": false,
            }],
            "sticky_sessions": { "type": "none" }, "region": region(),
            "tag": balancer.tag.unwrap_or_default(), "droplet_ids": droplets,
            "redirect_http_to_https": false, "enable_proxy_protocol": false,
        })
    }

    fn change(&mut self, asked: &Asked, id: &str) -> Answer {
        let body = asked.json();
        let ids = body["droplet_ids"].as_array().into_iter().flatten();
        let ids: Vec<u64> = ids.filter_map(Value::as_u64).collect();
        let there = ids.iter().all(|d| self.droplets.get(&d.to_string(), self.now).is_some());
        let (now, until) = (self.now, self.now + self.knobs.action);
        let Some(balancer) = self.balancers.get_mut(id) else {
            return not_found();
        };
        if balancer.tag.is_some() {
            return unprocessable("load balancer is configured to target a tag");
        }
        if ids.is_empty() || !there {
            return unprocessable("droplet_ids are not valid");
        }
        if balancer.busy_until > now {
            return locked();
        }
        balancer.droplets.retain(|d| !ids.contains(d));
        if asked.method == "POST" {
            balancer.droplets.extend(ids);
        }
        balancer.busy_until = until;
        Answer::empty(204)
    }
}
