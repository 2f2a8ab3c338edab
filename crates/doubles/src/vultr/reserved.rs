//! Reserved addresses.

use std::net::IpAddr;

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::{REGION, State, error};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// A new address is missing from listings for this long, on a bad day.
const LATE: Span = Span::from_secs(30);

/// A reserved address, or a network of IPv6.
#[derive(Debug, Clone)]
pub(super) struct Reserved {
    subnet: IpAddr,
    label: String,
    instance: Option<String>,
    /// Until when it counts as attached although it is not.
    lingers_until: Timestamp,
}

impl State {
    pub(super) fn reserved(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        match (asked.method.as_str(), rest) {
            ("GET", []) => {
                let listed = self.addresses.listed(self.now).map(|(id, _)| id.clone());
                let ids: Vec<String> = listed.collect();
                let all = ids.into_iter().map(|id| (id.clone(), self.address(&id))).collect();
                self.page(asked, "reserved_ips", all)
            }
            ("POST", []) => self.reserve(asked),
            (_, [id, ..]) if self.addresses.get(id, self.now).is_none() => {
                error(404, "Invalid reserved-ip")
            }
            ("GET", [id]) => Answer::json(200, &json!({ "reserved_ip": self.address(id) })),
            ("DELETE", [id]) => self.give_back(id),
            ("POST", [id, "attach"]) => self.attach(asked, id),
            ("POST", [id, "detach"]) => self.detach(id),
            _ => error(404, "Invalid endpoint"),
        }
    }

    fn reserve(&mut self, asked: &Asked) -> Answer {
        let body = asked.json();
        let (v6, v4) = (body["ip_type"] == "v6", body["ip_type"] == "v4");
        if body["region"] != REGION {
            return error(400, "Invalid region.");
        }
        if v4 == v6 {
            return error(400, "Invalid ip_type.");
        }
        if self.addresses.there(self.now).count() >= self.knobs.addresses {
            return error(400, "You have reached the maximum number of reserved IPs.");
        }
        let subnet = match self.reserved_v6.draw() {
            // The network, and not an address in it.
            IpAddr::V6(ip) if v6 => IpAddr::V6((ip.to_bits() & !1).into()),
            _ => self.reserved_v4.draw(),
        };
        let label = body["label"].as_str().unwrap_or_default().to_owned();
        let item = Reserved { subnet, label, instance: None, lingers_until: self.now };
        let aged = Aged::new(item, self.now);
        let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
        let id = self.ids.uuid();
        self.addresses.put(&id, aged);
        Answer::json(201, &json!({ "reserved_ip": self.address(&id) }))
    }

    /// The instance that holds an address, as long as that is there.
    fn holder(&mut self, id: &str) -> Option<String> {
        let instance = self.addresses.get(id, self.now)?.item.instance.clone()?;
        self.instances.get(&instance, self.now).map(|_| instance)
    }

    fn address(&mut self, id: &str) -> Value {
        let holder = self.holder(id).unwrap_or_default();
        let Some(aged) = self.addresses.get(id, self.now) else {
            return Value::Null;
        };
        let (ip, v6) = (&aged.item, aged.item.subnet.is_ipv6());
        json!({
            "id": id, "region": REGION, "ip_type": if v6 { "v6" } else { "v4" },
            "subnet": ip.subnet, "subnet_size": if v6 { 64 } else { 32 }, "label": ip.label,
            "instance_id": holder,
        })
    }

    fn attach(&mut self, asked: &Asked, id: &str) -> Answer {
        let (now, body) = (self.now, asked.json());
        let instance = body["instance_id"].as_str().unwrap_or_default();
        if self.instances.get(instance, now).is_none() {
            return error(404, "Invalid instance-id");
        }
        let lingers = self.addresses.get(id, now).is_some_and(|a| a.item.lingers_until > now);
        if asked.luck.attached_elsewhere || lingers || self.holder(id).is_some() {
            return error(400, "Floating IPv4 address is already attached to another server");
        }
        let all = self.addresses.there(now);
        let held = all.filter(|(_, a)| a.item.instance.as_deref() == Some(instance)).count();
        if held >= self.knobs.of_one {
            return error(400, "You have reached the maximum number of IPs for this server.");
        }
        if let Some(aged) = self.addresses.get(id, now) {
            aged.item.instance = Some(instance.to_owned());
        }
        Answer::empty(204)
    }

    fn detach(&mut self, id: &str) -> Answer {
        let until = self.now + self.knobs.lingering;
        if self.holder(id).is_none() {
            return error(400, "Reserved IP is not attached to a server.");
        }
        if let Some(aged) = self.addresses.get(id, self.now) {
            aged.item.instance = None;
            aged.item.lingers_until = until;
        }
        Answer::empty(204)
    }

    /// An address that is attached is taken from its instance, too.
    fn give_back(&mut self, id: &str) -> Answer {
        self.addresses.remove_in(id, Span::ZERO, self.now);
        Answer::empty(204)
    }

    /// Somebody attaches an address in the panel.
    pub(super) fn steal(&mut self, id: &str, instance: &str) -> bool {
        let now = self.now;
        let there = self.instances.get(instance, now).is_some();
        let address = self.addresses.get(id, now).filter(|_| there);
        address.map(|a| a.item.instance = Some(instance.to_owned())).is_some()
    }
}
