//! Droplets.

use std::net::IpAddr;

use damm_fleet::Span;
use serde_json::{Value, json};

use super::{IMAGE, REGION, SIZE, State, moment, not_found, pending, region, unprocessable};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::shelf::Aged;

/// From the order to the first address.
const BOOT: Span = Span::from_secs(40);

/// From the order to the end.
const DESTROY: Span = Span::from_secs(20);

/// The same, on a bad day.
const SLOW_DESTROY: Span = Span::from_mins(40);

/// A new droplet is missing from listings for this long, on a bad day.
const LATE: Span = Span::from_secs(50);

/// The longest user data, in bytes.
const USER_DATA: usize = 64 << 10;

/// A droplet.
#[derive(Debug, Clone)]
pub(super) struct Droplet {
    name: String,
    tags: Vec<String>,
    v4: IpAddr,
    v6: IpAddr,
}

impl State {
    pub(super) fn droplets(&mut self, asked: &Asked, rest: &[&str]) -> Answer {
        match (asked.method.as_str(), rest) {
            ("GET", []) => self.list_droplets(asked),
            ("POST", []) => self.create_droplet(asked),
            ("GET", [id]) => match self.droplet(id) {
                Some(droplet) => Answer::json(200, &json!({ "droplet": droplet })),
                None => not_found(),
            },
            ("DELETE", [id]) => {
                let span = if asked.luck.slow_delete { SLOW_DESTROY } else { DESTROY };
                let there = self.droplets.remove_in(id, span, self.now);
                if there { Answer::empty(204) } else { not_found() }
            }
            // All droplets of a tag would be destroyed.
            ("DELETE", []) => panic!("droplets are deleted by tag"),
            _ => not_found(),
        }
    }

    fn list_droplets(&mut self, asked: &Asked) -> Answer {
        let (now, tag) = (self.now, asked.query("tag_name"));
        let carries =
            |t: &Aged<Droplet>| tag.is_none_or(|tag| t.item.tags.iter().any(|t| t == tag));
        let listed = self.droplets.listed(now).filter(|(_, t)| carries(t));
        let ids: Vec<String> = listed.map(|(id, _)| id.clone()).collect();
        let all = ids.iter().filter_map(|id| self.droplet(id)).collect();
        self.page(asked, "droplets", all)
    }

    fn create_droplet(&mut self, asked: &Asked) -> Answer {
        let body = asked.json();
        if let Some(wrong) = wrong(&body) {
            return unprocessable(&wrong);
        }
        if asked.luck.out_of_stock {
            return unprocessable("Size is not available in this region.");
        }
        if self.droplets.there(self.now).count() >= self.knobs.droplets {
            return unprocessable("creating this/these droplet(s) will exceed your droplet limit");
        }
        let (id, mut aged) = (self.ids.number().to_string(), self.aged(&body, asked));
        if self.knobs.no_place {
            aged.gone_at = Some(self.now);
        }
        let mut shown = json_of(&id, &aged, false, &[]);
        // Tags are put on once the creation was accepted.
        shown["tags"] = json!([]);
        self.droplets.put(&id, aged);
        let action = self.ids.number();
        let href = format!("https://api.digitalocean.com/v2/actions/{action}");
        let links = json!({ "actions": [{ "id": action, "rel": "create", "href": href }] });
        Answer::json(202, &json!({ "droplet": shown, "links": links }))
    }

    fn aged(&self, body: &Value, asked: &Asked) -> Aged<Droplet> {
        let droplet = Droplet {
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            tags: tags(body),
            v4: self.own_v4.draw(),
            v6: self.own_v6.draw(),
        };
        let aged = Aged::new(droplet, self.now).ready_in(BOOT);
        let aged = if asked.luck.stuck_create { aged.never_ready() } else { aged };
        if asked.luck.late_listing { aged.listed_in(LATE) } else { aged }
    }

    /// A droplet as it is shown; none where there is none.
    pub(super) fn droplet(&mut self, id: &str) -> Option<Value> {
        let (now, held) = (self.now, self.held_by(id));
        let aged = self.droplets.get(id, now)?;
        Some(json_of(id, aged, aged.is_ready(now), &held))
    }

    /// Why nothing can be done with a droplet now.
    pub(super) fn droplet_refuses(&mut self, id: &str) -> Option<Answer> {
        let now = self.now;
        match self.droplets.get(id, now) {
            None => Some(not_found()),
            Some(aged) if !aged.is_ready(now) => Some(pending("Droplet")),
            Some(_) => None,
        }
    }
}

fn tags(body: &Value) -> Vec<String> {
    let all = body["tags"].as_array().into_iter().flatten();
    all.filter_map(|t| t.as_str().map(str::to_owned)).collect()
}

/// Why an order can never be filled.
fn wrong(body: &Value) -> Option<String> {
    let name = body["name"].as_str().unwrap_or_default();
    let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if name.is_empty() || name.len() > 255 || !name.chars().all(host) {
        return Some("Name Only valid hostname characters are allowed.".to_owned());
    }
    for (key, known) in [("region", REGION), ("size", SIZE), ("image", IMAGE)] {
        if body[key] != known {
            return Some(format!("You specified an invalid {key} for Droplet creation."));
        }
    }
    if body["user_data"].as_str().is_some_and(|u| u.len() > USER_DATA) {
        return Some("User data is too long (maximum is 64 KiB)".to_owned());
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_');
    let bad = tags(body).into_iter().find(|t| t.len() > 255 || !t.chars().all(fits));
    bad.map(|t| {
        format!("Tags may only contain letters, numbers, colons, dashes, and underscores: {t}")
    })
}

/// A droplet with all that the description requires.
fn json_of(id: &str, aged: &Aged<Droplet>, ready: bool, reserved: &[IpAddr]) -> Value {
    let (droplet, id) = (&aged.item, id.parse::<u64>().unwrap_or_default());
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    if ready {
        v4.push(json!({ "ip_address": "10.135.0.2", "netmask": "255.255.0.0",
                        "gateway": "10.135.0.1", "type": "private" }));
        for address in std::iter::once(&droplet.v4).chain(reserved).filter(|a| a.is_ipv4()) {
            v4.push(json!({ "ip_address": address, "netmask": "255.255.240.0",
                            "gateway": "198.51.100.254", "type": "public" }));
        }
        v6.push(json!({ "ip_address": droplet.v6, "netmask": 64,
                        "gateway": "2001:db8:1::ffff", "type": "public" }));
    }
    json!({
        "id": id, "name": droplet.name, "memory": 1024, "vcpus": 1, "disk": 25, "locked": !ready,
        "status": if ready { "active" } else { "new" }, "kernel": null,
        "created_at": moment(aged.made_at), "features": ["ipv6"], "backup_ids": [],
        "next_backup_window": null, "snapshot_ids": [], "volume_ids": [],
        "image": {
            "id": 63_663_980, "name": "12 x64", "distribution": "Debian", "slug": IMAGE,
            "public": true, "regions": [REGION], "created_at": "2023-06-13T13:11:07Z",
            "type": "base", "min_disk_size": 7, "size_gigabytes": 0.45, "description": "",
            "tags": [], "status": "available", "error_message": "",
        },
        "size": {
            "slug": SIZE, "memory": 1024, "vcpus": 1, "disk": 25, "transfer": 1.0,
            "price_monthly": 6.0, "price_hourly": 0.00893, "regions": [REGION],
            "available": true, "description": "Basic",
        },
        "size_slug": SIZE, "networks": { "v4": v4, "v6": v6 }, "region": region(),
        "tags": droplet.tags,
    })
}
