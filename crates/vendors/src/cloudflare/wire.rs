//! What Cloudflare writes, and how it says no.

use std::net::IpAddr;

use damm_fleet::FailureClass;
use serde::Deserialize;

use crate::http::{Dialect, Reply};
use crate::zone;

/// A success.
#[derive(Deserialize)]
pub struct Answer<T> {
    /// What was asked for.
    pub result: T,
    /// Where a listing stands.
    #[serde(default)]
    pub result_info: Option<Page>,
}

/// Where a listing stands.
#[derive(Deserialize)]
pub struct Page {
    /// How many pages there are.
    pub total_pages: usize,
}

/// A zone.
#[derive(Deserialize)]
pub struct DnsZone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A record of any type.
#[derive(Deserialize)]
pub struct Record {
    /// Its id.
    pub id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    content: String,
    /// Its time to live in seconds; 1 is Cloudflare's choice.
    pub ttl: u64,
    /// Whether Cloudflare's own addresses are shown instead of it.
    #[serde(default)]
    pub proxied: bool,
    #[serde(default)]
    comment: Option<String>,
}

impl Record {
    /// Its name as the topology writes names.
    pub fn name(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// Its address; none where it holds none.
    pub fn address(&self) -> Option<IpAddr> {
        let address: IpAddr = self.content.parse().ok()?;
        (zone::record_type(address) == self.kind).then_some(address)
    }

    /// Whether a resolver comes to an address by it.
    pub fn stands_for_addresses(&self) -> bool {
        matches!(self.kind.as_str(), "A" | "AAAA" | "CNAME")
    }

    /// Whether it carries a fleet's mark.
    pub fn is_of(&self, fleet: &str) -> bool {
        self.comment.as_deref() == Some(zone::comment(fleet).as_str())
    }
}

/// Whether a text can be an id: it goes into paths.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The codes of a refusal.
fn codes(reply: &Reply) -> Vec<i64> {
    let value = reply.value();
    let errors = value["errors"].as_array().into_iter().flatten();
    errors.filter_map(|e| e["code"].as_i64()).collect()
}

/// Whether a record could not be made because it is there already.
pub fn is_twin(reply: &Reply) -> bool {
    !reply.is_success() && codes(reply).iter().any(|code| matches!(code, 81_057 | 81_058))
}

/// How Cloudflare says no: by the codes of its errors.
pub struct Codes;

impl Dialect for Codes {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        let class = |code: &i64| match code {
            // Too many calls, for the user or for this part of the API.
            971 | 10_300 | 10_429 => Some(FailureClass::Throttled),
            81_044 => Some(FailureClass::Gone),
            // The zone holds as many records as the plan allows.
            81_045 => Some(FailureClass::Exhausted),
            _ => None,
        };
        let told = codes(reply).iter().find_map(class);
        // A zone that is not there can't be written to.
        told.or((reply.status == 404).then_some(FailureClass::Rejected))
    }
}
