//! Instances.

use std::net::IpAddr;

use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use super::{PLAN, REGION, State, error};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// From the order to a machine that runs.
const BOOT: Span = Span::from_secs(90);

/// From the order to the address.
const ADDRESS: Span = Span::from_secs(15);

/// From the order to the end.
const DESTROY: Span = Span::from_secs(10);

/// The same, on a bad day.
const SLOW_DESTROY: Span = Span::from_mins(40);

/// A new instance is missing from listings for this long, on a bad day.
const LATE: Span = Span::from_secs(45);

/// The longest user data, in bytes once decoded.
const USER_DATA: usize = 32 << 10;

/// An instance.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    label: String,
    hostname: String,
    tags: Value,
    address: IpAddr,
    v6: IpAddr,
    os: Value,
}

/// "Locked", as the vendor says it.
pub(super) fn locked() -> Answer {
    error(500, "Unable to destroy server: Unable to remove VM: Server is currently locked")
}

impl State {
    pub(super) fn instances(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        let now = self.now;
        match (asked.method.as_str(), rest) {
            ("GET", []) => {
                let label = asked.query("label");
                let listed = self.instances.listed(now);
                let named = listed.filter(|(_, i)| label.is_none_or(|l| l == i.item.label));
                let shown = named.map(|(id, i)| (id.clone(), shown(id, i, now))).collect();
                self.page(asked, "instances", shown)
            }
            ("POST", []) => self.create(asked),
            (method, [id]) => match (method, self.instances.get(id, now)) {
                (_, None) => error(404, "Invalid instance-id"),
                ("GET", Some(i)) => Answer::json(200, &json!({ "instance": shown(id, i, now) })),
                ("DELETE", Some(_)) => self.destroy(asked, id),
                _ => error(404, "Invalid endpoint"),
            },
            _ => error(404, "Invalid endpoint"),
        }
    }

    fn create(&mut self, asked: &Asked) -> Answer {
        let body = asked.json();
        if let Some(words) = wrong(&body) {
            return error(400, words);
        }
        if asked.luck.out_of_stock {
            return error(400, "Server add failed: Plan is not available in the selected region.");
        }
        if self.instances.there(self.now).count() >= self.knobs.instances {
            return error(
                400,
                "Server add failed: You have reached the maximum number of active virtual \
                 machines for this account. For security reasons, please contact our support \
                 team to have the limit raised",
            );
        }
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let instance = Instance {
            label: text("label"),
            hostname: text("hostname"),
            tags: body["tags"].clone(),
            address: self.own.draw(),
            v6: self.own_v6.draw(),
            os: body["os_id"].clone(),
        };
        let aged = Aged::new(instance, self.now).ready_in(BOOT);
        let aged = if asked.luck.stuck_create { aged.never_ready() } else { aged };
        let aged = if asked.luck.late_listing { aged.listed_in(LATE) } else { aged };
        let id = self.ids.uuid();
        let made = shown(&id, &aged, self.now);
        self.instances.put(&id, aged);
        Answer::json(202, &json!({ "instance": made }))
    }

    fn destroy(&mut self, asked: &Asked, id: &str) -> Answer {
        let (now, locks) = (self.now, self.knobs.locked);
        if self.instances.get(id, now).is_some_and(|i| now < i.made_at + locks) {
            return locked();
        }
        let span = if asked.luck.slow_delete { SLOW_DESTROY } else { DESTROY };
        self.instances.remove_in(id, span, now);
        Answer::empty(204)
    }
}

/// Why an order can never be filled.
fn wrong(body: &Value) -> Option<&'static str> {
    // Base64 writes three bytes as four symbols.
    let user_data = body["user_data"].as_str().unwrap_or_default();
    let padding = user_data.bytes().rev().take_while(|b| *b == b'=').count();
    let length = user_data.len() / 4 * 3 - padding.min(2);
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let label = body["label"].as_str().unwrap_or_default();
    let os = body["os_id"].as_u64().unwrap_or_default();
    let faults = [
        (body["region"] != REGION, "Invalid region."),
        (body["plan"] != PLAN, "Invalid plan chosen."),
        (!(1_000..3_000).contains(&os), "Invalid OS ID."),
        (label.len() > 255, "Label is too long."),
        (
            !user_data.len().is_multiple_of(4) || !user_data.chars().all(base64),
            "Invalid user_data.",
        ),
        (length > USER_DATA, "user_data is too long."),
    ];
    faults.into_iter().find(|(wrong, _)| *wrong).map(|(_, words)| words)
}

fn shown(id: &str, aged: &Aged<Instance>, now: Timestamp) -> Value {
    let (instance, ready) = (&aged.item, aged.is_ready(now));
    let addressed = ready || now >= aged.made_at + ADDRESS;
    let address = if addressed { instance.address.to_string() } else { "0.0.0.0".to_owned() };
    let v6 = if ready { instance.v6.to_string() } else { String::new() };
    json!({
        "id": id, "os": "Debian 12 x64 (bookworm)", "ram": 1024, "disk": 25, "vcpu_count": 1,
        "main_ip": address, "region": REGION, "plan": PLAN, "default_password": "only-shown-once",
        "date_created": moment(aged.made_at),
        // It is said to be active long before it is installed.
        "status": if addressed { "active" } else { "pending" },
        "power_status": "running",
        "server_status": match (ready, addressed) {
            (true, _) => "ok",
            (_, true) => "installingbooting",
            _ => "none",
        },
        "allowed_bandwidth": 1024, "netmask_v4": "255.255.254.0", "gateway_v4": "198.51.100.254",
        "v6_networks": [], "v6_network": "", "v6_main_ip": v6, "v6_network_size": 0,
        "hostname": instance.hostname, "label": instance.label, "tag": "", "internal_ip": "",
        "kvm": "https://my.vultr.com/subs/vps/novnc/api.php?data=00000", "os_id": instance.os,
        "app_id": 0, "image_id": "", "firewall_group_id": "", "features": ["ipv6"],
        "tags": instance.tags,
    })
}

/// A moment as the vendor writes it: whole seconds, with a zone.
fn moment(at: Timestamp) -> String {
    let text = Timestamp::from_millis(at.as_millis() / 1_000 * 1_000).to_string();
    text.replace('Z', "+00:00")
}
