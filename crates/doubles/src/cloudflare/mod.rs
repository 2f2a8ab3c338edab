//! Cloudflare's DNS, as its API v4 describes it: zones and their records, each with a comment.
//!
//! Followed are the paths, the envelope of answers, codes of errors, the limits of fields, filters
//! and pages. Zones are made by the test.

mod record;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use damm_fleet::Span;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::description::{Described, KnownFault};
use crate::front::Api;
use crate::ids::Ids;
use crate::pages::numbered;
use record::{MADE, Record};

/// The path before all others.
pub const BASE: &str = "/client/v4";

/// Cloudflare with one account.
pub struct Cloudflare {
    token: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ids: Ids,
    zones: Vec<Zone>,
    /// Records that a zone may hold, as the plan says.
    quota: Option<usize>,
}

struct Zone {
    id: String,
    name: String,
    records: Vec<Record>,
}

/// A refusal: the status, the code and the words.
type Refusal = (u16, i64, &'static str);

impl Cloudflare {
    /// An account that this token opens, with these zones.
    pub fn new(token: &str, zones: &[&str]) -> Self {
        let double = Self { token: token.to_owned(), state: Mutex::default() };
        zones.iter().for_each(|zone| double.add_zone(zone));
        double
    }

    /// Adds a zone. One of the same name is taken away first, with all its records.
    pub fn add_zone(&self, name: &str) {
        let mut state = self.lock();
        let id = state.ids.hex(32);
        state.zones.retain(|zone| zone.name != name);
        state.zones.push(Zone { id, name: name.to_owned(), records: Vec::new() });
    }

    /// Somebody else's record, as its JSON says.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub fn add_record(&self, zone: &str, record: &Value) {
        let mut state = self.lock();
        let at = state.zones.iter().find(|z| z.name == zone).map(|z| z.id.clone());
        let made = at.map(|id| state.make(&id, record));
        assert!(matches!(made, Some(Ok(_))), "{record} is refused: {made:?}");
    }

    /// All records of a zone, as the API shows them.
    pub fn records(&self, zone: &str) -> Vec<Value> {
        let state = self.lock();
        let records = state.zones.iter().filter(|z| z.name == zone).flat_map(|z| &z.records);
        records.map(Record::shown).collect()
    }

    /// Lets each zone hold so many records.
    pub fn limit(&self, records: usize) {
        self.lock().quota = Some(records);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn route(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let mut state = self.lock();
        let path = asked.path.strip_prefix(BASE).unwrap_or_default();
        let segments: Vec<_> = path.split('/').filter(|s| !s.is_empty()).collect();
        match (asked.method.as_str(), segments.as_slice()) {
            ("GET", ["zones"]) => state.list_zones(asked),
            ("GET", ["zones", zone, "dns_records"]) => state.list(zone, asked),
            ("POST", ["zones", zone, "dns_records"]) => {
                state.make(zone, &body(asked)?).map(|record| success(&record))
            }
            ("PATCH", ["zones", zone, "dns_records", id]) => {
                state.patch(zone, id, &body(asked)?).map(|record| success(&record))
            }
            ("DELETE", ["zones", zone, "dns_records", id]) => state.delete(zone, id),
            _ => Err((400, 7_000, "No route for that URI")),
        }
    }
}

fn body(asked: &Asked) -> Result<Value, Refusal> {
    let value = asked.json();
    match value.is_object() {
        true => Ok(value),
        false => Err((400, 9_207, "Request body is invalid.")),
    }
}

impl State {
    fn zone(&mut self, id: &str) -> Result<&mut Zone, Refusal> {
        const NONE: Refusal =
            (404, 7_003, "Could not route to the zone, perhaps your object identifier is invalid?");
        self.zones.iter_mut().find(|zone| zone.id == id).ok_or(NONE)
    }

    fn list_zones(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let name = asked.query("name");
        let zones = self.zones.iter().filter(|z| name.is_none_or(|name| z.name == name));
        let shown = zones.map(|z| {
            json!({
                "id": z.id, "name": z.name, "status": "active", "development_mode": 0,
                "name_servers": ["a.ns.example"], "account": {}, "owner": {}, "meta": {},
                "created_on": MADE, "modified_on": MADE, "activated_on": MADE,
                "original_name_servers": [], "original_registrar": null,
                "original_dnshost": null,
            })
        });
        page(shown.collect(), asked, 20, 50)
    }

    fn list(&mut self, zone: &str, asked: &Asked) -> Result<Answer, Refusal> {
        let records = &self.zone(zone)?.records;
        let mut shown: Vec<_> = records.iter().filter(|r| r.passes(asked)).collect();
        shown.sort_by_key(|r| r.sorted_by(asked.query("order").unwrap_or("type")));
        page(shown.into_iter().map(Record::shown).collect(), asked, 100, 5_000_000)
    }

    fn make(&mut self, zone: &str, body: &Value) -> Result<Value, Refusal> {
        let (id, quota) = (self.ids.hex(32), self.quota);
        let zone = self.zone(zone)?;
        let record = Record::read(id, &zone.name, body)?;
        if quota.is_some_and(|quota| zone.records.len() >= quota) {
            return Err((400, 81_045, "The record quota has been exceeded."));
        }
        record.fits(&zone.records)?;
        let shown = record.shown();
        zone.records.push(record);
        Ok(shown)
    }

    fn patch(&mut self, zone: &str, id: &str, body: &Value) -> Result<Value, Refusal> {
        let zone = self.zone(zone)?;
        let at = zone.records.iter().position(|r| r.id == id).ok_or(NO_RECORD)?;
        let mut whole = zone.records[at].shown();
        for (key, value) in body.as_object().into_iter().flatten() {
            whole[key.as_str()] = value.clone();
        }
        let record = Record::read(id.to_owned(), &zone.name, &whole)?;
        let others: Vec<_> = zone.records.iter().filter(|r| r.id != id).cloned().collect();
        record.fits(&others)?;
        zone.records[at] = record;
        Ok(zone.records[at].shown())
    }

    fn delete(&mut self, zone: &str, id: &str) -> Result<Answer, Refusal> {
        let zone = self.zone(zone)?;
        let at = zone.records.iter().position(|r| r.id == id).ok_or(NO_RECORD)?;
        zone.records.remove(at);
        Ok(success(&json!({ "id": id })))
    }
}

const NO_RECORD: Refusal = (404, 81_044, "Record does not exist.");

fn success(result: &Value) -> Answer {
    let body = json!({ "success": true, "errors": [], "messages": [], "result": result });
    Answer::json(200, &body)
}

fn failure((status, code, words): (u16, i64, &str)) -> Answer {
    let errors = json!([{ "code": code, "message": words }]);
    let body = json!({ "success": false, "errors": errors, "messages": [], "result": null });
    Answer::json(status, &body)
}

/// One page of a listing; so many on it unless the request says otherwise, and so many at most.
fn page(all: Vec<Value>, asked: &Asked, usual: usize, most: usize) -> Result<Answer, Refusal> {
    let number = |key: &str, usual: usize| match asked.query(key) {
        Some(text) => text.parse().ok().filter(|n| *n >= 1),
        None => Some(usual),
    };
    let (Some(size), Some(at)) = (number("per_page", usual), number("page", 1)) else {
        return Err((400, 9_000, "Invalid page or per_page."));
    };
    if size > most {
        return Err((400, 9_000, "per_page is too large."));
    }
    let page = numbered(all, at, size);
    let info = json!({
        "page": page.number, "per_page": size, "count": page.items.len(),
        "total_count": page.total, "total_pages": page.last,
    });
    let body = json!({
        "success": true, "errors": [], "messages": [], "result": page.items, "result_info": info,
    });
    Ok(Answer::json(200, &body))
}

/// The description of 2024 asks clients for what only answers have, and knows no failures.
const FAULTS: &[KnownFault] = &[
    KnownFault {
        operation: "*",
        complaint: "is a required property at ``",
        why: "fields that the API fills in itself are asked for in requests",
    },
    KnownFault {
        operation: "DELETE /zones/{zone_id}/dns_records/{dns_record_id}",
        complaint: "the body is missing",
        why: "the API's page on it sends none",
    },
    KnownFault {
        operation: "GET /zones/{zone_id}/dns_records",
        complaint: "is not valid under any of the schemas listed in the 'oneOf' keyword",
        why: "a record without a comment has `null` for it",
    },
    KnownFault {
        operation: "*",
        complaint: "an answer 4",
        why: "a failure is described as a success that has errors as well",
    },
];

#[async_trait]
impl Api for Cloudflare {
    fn described(&self) -> &'static [Described] {
        &[Described { file: "cloudflare.json", base: "/client/v4", prefix: "", faults: FAULTS }]
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        match asked.bearer() {
            None => failure((400, 9_106, "Missing X-Auth-Key, X-Auth-Email or Authorization")),
            Some(token) if token != self.token => failure((403, 9_109, "Invalid access token")),
            Some(_) => self.route(asked).unwrap_or_else(failure),
        }
    }

    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        let words = "Please wait and consider throttling your request speed";
        let answer = failure((429, 971, words));
        match retry_after {
            Some(span) => answer.with("retry-after", span.as_millis().div_ceil(1_000)),
            None => answer,
        }
    }

    fn unauthorized(&self) -> Answer {
        failure((403, 10_000, "Authentication error"))
    }

    fn refused(&self, words: &str) -> Answer {
        failure((400, 9_207, words))
    }
}
