//! One record, and what Cloudflare takes for one.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::Refusal;
use crate::asked::Asked;

/// The longest comment of a zone without a plan.
const COMMENT: usize = 100;

/// When everything was made: nothing asks for it.
pub const MADE: &str = "2025-10-09T08:53:20Z";

/// A record.
#[derive(Debug, Clone)]
pub struct Record {
    pub id: String,
    name: String,
    kind: String,
    content: String,
    ttl: u64,
    proxied: bool,
    comment: Option<String>,
}

impl Record {
    /// Reads a record that is to stand in a zone.
    pub fn read(id: String, zone: &str, body: &Value) -> Result<Self, Refusal> {
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        let missing = (400, 9_005, "Content for A record must be a valid IPv4 address.");
        let (Some(kind), Some(name), Some(content)) = (text("type"), text("name"), text("content"))
        else {
            return Err((400, 1_004, "DNS Validation Error"));
        };
        let content = match kind.as_str() {
            "A" => content.parse::<Ipv4Addr>().map_err(|_| missing)?.to_string(),
            "AAAA" => content
                .parse::<Ipv6Addr>()
                .map_err(|_| (400, 9_006, "Content for AAAA record must be a valid IPv6 address."))?
                .to_string(),
            _ => content,
        };
        let comment = text("comment").filter(|c| !c.is_empty());
        if comment.as_ref().is_some_and(|c| c.chars().count() > COMMENT) {
            return Err((400, 9_200, "The comment is too long."));
        }
        if body["tags"].as_array().is_some_and(|tags| !tags.is_empty()) {
            return Err((400, 9_300, "DNS record has more tags than the zone's plan allows (0)."));
        }
        let proxied = body["proxied"] == true;
        let ttl = if proxied { 1 } else { ttl(body)? };
        Ok(Self { id, name: name_in(zone, &name)?, kind, content, ttl, proxied, comment })
    }

    /// Whether it may stand beside these.
    pub fn fits(&self, others: &[Self]) -> Result<(), Refusal> {
        let here = || others.iter().filter(|r| r.name == self.name);
        let hosts = |kind: &str| matches!(kind, "A" | "AAAA" | "CNAME");
        let alone = |r: &&Self| r.kind == "CNAME" || self.kind == "CNAME";
        if hosts(&self.kind) && here().filter(|r| hosts(&r.kind)).any(|r| alone(&r)) {
            return Err((
                400,
                81_053,
                "An A, AAAA, or CNAME record with that host already exists.",
            ));
        }
        match here().any(|r| r.kind == self.kind && r.content == self.content) {
            true => Err((400, 81_058, "An identical record already exists.")),
            false => Ok(()),
        }
    }

    /// Whether a listing's filters let it through.
    pub fn passes(&self, asked: &Asked) -> bool {
        let is = |key: &str, text: &str| {
            asked.query(key).is_none_or(|wanted| wanted.eq_ignore_ascii_case(text))
        };
        let comment = self.comment.as_deref().unwrap_or_default();
        is("name", &self.name)
            && is("type", &self.kind)
            && is("content", &self.content)
            && is("comment", comment)
            && is("comment.exact", comment)
    }

    /// What a listing in this order sorts it by.
    pub fn sorted_by(&self, order: &str) -> String {
        match order {
            "name" => self.name.clone(),
            "content" => self.content.clone(),
            _ => self.kind.clone(),
        }
    }

    /// It as the API shows it.
    pub fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "type": self.kind, "content": self.content,
            "ttl": self.ttl, "proxied": self.proxied, "proxiable": true,
            "comment": self.comment, "tags": [], "meta": {}, "settings": {},
            "created_on": MADE, "modified_on": MADE,
        })
    }
}

/// From 60 to 86400 seconds, or 1 for Cloudflare's choice, which is what is taken when none is
/// given.
fn ttl(body: &Value) -> Result<u64, Refusal> {
    match &body["ttl"] {
        Value::Null => Ok(1),
        value => value.as_u64().filter(|ttl| *ttl == 1 || (60..=86_400).contains(ttl)).ok_or((
            400,
            9_021,
            "TTL must be between 60 and 86400 seconds, or 1 for Automatic.",
        )),
    }
}

/// The whole name: what is not in the zone is taken as a label below it, as Cloudflare does.
fn name_in(zone: &str, name: &str) -> Result<String, Refusal> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    match name.as_str() {
        "" => Err((400, 9_000, "DNS name is invalid.")),
        "@" => Ok(zone.to_owned()),
        name if name == zone || name.ends_with(&format!(".{zone}")) => Ok(name.to_owned()),
        name => Ok(format!("{name}.{zone}")),
    }
}
