//! Domains' records. There is no upsert, and two records may be the same.

use damm_fleet::blueprint::RecordSet;
use serde_json::{Value, json};

use super::{State, address_of, not_found, unprocessable};
use crate::answer::Answer;
use crate::asked::Asked;

/// The shortest TTL, in seconds.
const SHORTEST: u64 = 30;

/// A record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    kind: String,
    /// Below the domain; `@` for its own name.
    name: String,
    data: String,
    ttl: u64,
}

impl Record {
    fn full_name(&self, domain: &str) -> String {
        match self.name.as_str() {
            "@" => domain.to_owned(),
            name => format!("{name}.{domain}"),
        }
    }

    fn shown(&self, id: u64) -> Value {
        json!({
            "id": id, "type": self.kind, "name": self.name, "data": self.data, "ttl": self.ttl,
            "priority": null, "port": null, "weight": null, "flags": null, "tag": null,
        })
    }
}

impl State {
    pub(super) fn make_domain(&mut self, domain: &str) {
        self.domains.entry(domain.to_owned()).or_default();
        self.add(domain, "SOA", "@", "1800", 1_800);
        for n in 1..=3 {
            self.add(domain, "NS", "@", &format!("ns{n}.digitalocean.com"), 1_800);
        }
    }

    pub(super) fn put_records(&mut self, domain: &str, name: &str, set: &RecordSet) {
        let label = name.strip_suffix(domain).unwrap_or(name).trim_end_matches('.');
        let label = if label.is_empty() { "@" } else { label };
        for address in &set.addresses {
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            self.add(domain, kind, label, &address.to_string(), set.ttl.as_millis() / 1_000);
        }
    }

    fn add(&mut self, domain: &str, kind: &str, name: &str, data: &str, ttl: u64) -> u64 {
        let id = self.ids.number();
        let (kind, name, data) = (kind.to_owned(), name.to_owned(), data.to_owned());
        let records = self.domains.entry(domain.to_owned()).or_default();
        records.insert(id, Record { kind, name, data, ttl });
        id
    }

    pub(super) fn records(&mut self, asked: &Asked, domain: &str, rest: &[&str]) -> Answer {
        let Some(records) = self.domains.get_mut(domain) else {
            return not_found();
        };
        match (asked.method.as_str(), rest) {
            ("GET", []) => {
                let named = |r: &Record| {
                    asked.query("name").is_none_or(|n| r.full_name(domain) == n)
                        && asked.query("type").is_none_or(|t| r.kind == t)
                };
                let shown = records.iter().filter(|(_, r)| named(r)).map(|(id, r)| r.shown(*id));
                let shown = shown.collect();
                self.page(asked, "domain_records", shown)
            }
            ("POST", []) => self.create_record(asked, domain),
            (method, [id]) => {
                let id: u64 = id.parse().unwrap_or_default();
                match (method, records.get_mut(&id)) {
                    (_, None) => not_found(),
                    ("PATCH", Some(record)) => patch(record, id, &asked.json()),
                    ("DELETE", Some(record)) if record.kind == "SOA" => {
                        unprocessable("The SOA record can't be deleted.")
                    }
                    ("DELETE", Some(_)) => {
                        records.remove(&id);
                        Answer::empty(204)
                    }
                    _ => not_found(),
                }
            }
            _ => not_found(),
        }
    }

    fn create_record(&mut self, asked: &Asked, domain: &str) -> Answer {
        let body = asked.json();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let (kind, name, data) = (text("type"), text("name"), text("data"));
        let ttl = body["ttl"].as_u64().unwrap_or(1_800);
        let fits = match kind.as_str() {
            "A" => address_of(&body["data"]).is_some_and(|a| a.is_ipv4()),
            "AAAA" => address_of(&body["data"]).is_some_and(|a| a.is_ipv6()),
            "TXT" | "CNAME" => !data.is_empty() && data.len() <= 512,
            _ => return unprocessable("Type is not valid."),
        };
        if !fits {
            return unprocessable("Data is not valid.");
        }
        if name.is_empty() || name.ends_with(domain) && name != domain {
            return unprocessable("Name Only valid hostname characters are allowed.");
        }
        if ttl < SHORTEST {
            return unprocessable("TTL must be greater than or equal to 30.");
        }
        let mut same = self.domains[domain].values().filter(|r| r.name == name);
        if same.any(|r| (r.kind == "CNAME") != (kind == "CNAME") || r.kind == "CNAME") {
            return unprocessable("CNAME records cannot share a name with other records");
        }
        let id = self.add(domain, &kind, &name, &data, ttl);
        let shown = self.domains[domain][&id].shown(id);
        Answer::json(201, &json!({ "domain_record": shown }))
    }
}

fn patch(record: &mut Record, id: u64, body: &Value) -> Answer {
    if body["type"] != record.kind.as_str() {
        return unprocessable("Type can't be changed.");
    }
    match body["ttl"].as_u64() {
        Some(ttl) if ttl < SHORTEST => unprocessable("TTL must be greater than or equal to 30."),
        ttl => {
            record.ttl = ttl.unwrap_or(record.ttl);
            Answer::json(200, &json!({ "domain_record": record.shown(id) }))
        }
    }
}
