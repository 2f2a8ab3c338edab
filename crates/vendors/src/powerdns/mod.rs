//! PowerDNS, over its HTTP API (Authoritative Server 4.3 and newer).
//!
//! A comment on each record set says whose it is; it is written in the same call. One call changes
//! all record sets of a name together. The API can't tell whether somebody else came between: two
//! controllers of one fleet that write the same name at once leave what the later one wrote.
//!
//! Writes that run beside each other fail with "database is locked" (pdns issue 14564) or leave
//! records twice (7128), so an account writes one name after another.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::Dns;
use damm_clouds::traits::Result;
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::error::SetupError;
use crate::http::{Ask, Auth, Dialect, Http, Reply};
use crate::registry::{Account, Parts};
use crate::zone;

/// The types that hold addresses.
const ADDRESSES: [&str; 2] = ["A", "AAAA"];
/// The types whose records stand for addresses; always somebody else's.
const ALIASES: [&str; 3] = ["CNAME", "ALIAS", "LUA"];

/// Sets an account up; nothing is called yet.
///
/// # Errors
///
/// When the endpoint or the key can't be used.
pub fn open(account: Account) -> std::result::Result<Parts, SetupError> {
    let http = account.http(Auth::Header("x-api-key", account.token()?), None)?;
    Ok(Parts { dns: Some(Arc::new(PowerDns { http, turn: Mutex::default() })), ..Parts::default() })
}

struct PowerDns {
    http: Http,
    /// Whose turn it is to write.
    turn: Mutex<()>,
}

/// How PowerDNS says no: in JSON, or in a line of text.
struct Words;

impl Dialect for Words {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        (reply.status == 404).then_some(FailureClass::Rejected)
    }

    fn words(&self, reply: &Reply) -> Option<String> {
        let words = "the server has no such zone, or the endpoint is not the path of its API";
        (reply.status == 404).then(|| words.to_owned())
    }
}

#[derive(Deserialize)]
struct Zone {
    rrsets: Vec<Set>,
}

/// A record set, as the API writes it.
#[derive(Deserialize)]
struct Set {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    ttl: u64,
    records: Vec<Record>,
    #[serde(default)]
    comments: Vec<Comment>,
}

#[derive(Deserialize)]
struct Record {
    content: String,
    #[serde(default)]
    disabled: bool,
}

#[derive(Deserialize)]
struct Comment {
    content: String,
}

impl Set {
    /// Its name as the topology writes names.
    fn name(&self) -> String {
        self.name.trim_end_matches('.').to_ascii_lowercase()
    }

    fn is_of(&self, fleet: &str) -> bool {
        let mark = zone::comment(fleet);
        self.comments.iter().any(|c| c.content == mark)
    }

    fn addresses(&self) -> BTreeSet<IpAddr> {
        let enabled = self.records.iter().filter(|r| !r.disabled);
        enabled.filter_map(|r| r.content.parse().ok()).collect()
    }
}

impl PowerDns {
    /// The record sets of a zone, or of one name of it. Servers before 4.6 show the whole zone all
    /// the same.
    async fn sets(
        &self,
        operation: &'static str,
        zone: &str,
        name: Option<&str>,
    ) -> Result<Vec<Set>> {
        let mut ask = Ask::get(operation, path(zone));
        if let Some(name) = name {
            ask = ask.query("rrset_name", format!("{name}."));
        }
        let mut sets = self.http.json::<Zone>(ask, &Words).await?.rrsets;
        sets.retain(|set| name.is_none_or(|name| set.name() == name));
        Ok(sets)
    }
}

fn path(zone: &str) -> String {
    format!("/zones/{zone}.")
}

/// The changes that make a name so; none where all is as it should be.
fn changes(fleet: &str, name: &str, wanted: &RecordSet, seen: &[Set]) -> Vec<Value> {
    let change = |kind: &'static str| {
        let there = seen.iter().find(|set| set.kind == kind);
        let addresses: BTreeSet<_> =
            wanted.addresses.iter().filter(|a| zone::record_type(**a) == kind).copied().collect();
        change(fleet, name, kind, &addresses, wanted.ttl, there)
    };
    ADDRESSES.into_iter().filter_map(change).collect()
}

fn change(
    fleet: &str,
    name: &str,
    kind: &str,
    wanted: &BTreeSet<IpAddr>,
    ttl: Span,
    there: Option<&Set>,
) -> Option<Value> {
    let name = format!("{name}.");
    let ttl = ttl.as_millis().div_ceil(1_000);
    let same = |set: &Set| {
        let all = set.addresses() == *wanted && set.records.len() == wanted.len();
        all && set.ttl == ttl
    };
    if wanted.is_empty() {
        return there.map(|_| json!({ "name": name, "type": kind, "changetype": "DELETE" }));
    }
    if there.is_some_and(same) {
        return None;
    }
    let record = |a: &IpAddr| json!({ "content": a.to_string(), "disabled": false });
    let records: Vec<_> = wanted.iter().map(record).collect();
    let mut change = json!({
        "name": name, "type": kind, "ttl": ttl, "changetype": "REPLACE", "records": records,
    });
    if there.is_none() {
        // Where the set is ours already, its comments stay as they are.
        change["comments"] = json!([{ "content": zone::comment(fleet), "account": "damm" }]);
    }
    Some(change)
}

#[async_trait]
impl Dns for PowerDns {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        const OPERATION: &str = "put records";
        let ask = Ask::patch(OPERATION, path(zone), &Value::Null);
        let rejected = |words: String| self.http.failed(&ask, FailureClass::Rejected, &words, None);
        if !zone::holds(zone, name) {
            return Err(rejected(zone::outside(zone, name)));
        }
        let _turn = self.turn.lock().await;
        let mut seen = self.sets(OPERATION, zone, Some(name)).await?;
        let counts = |set: &Set| {
            let kind = set.kind.as_str();
            ADDRESSES.contains(&kind) || ALIASES.contains(&kind)
        };
        seen.retain(|set| counts(set) && !set.records.is_empty());
        let ours = |set: &Set| ADDRESSES.contains(&set.kind.as_str()) && set.is_of(fleet);
        if !seen.iter().all(ours) {
            return Err(rejected(zone::foreign(fleet, name)));
        }
        let changes = changes(fleet, name, set, &seen);
        if changes.is_empty() {
            return Ok(());
        }
        let ask = ask.json(&json!({ "rrsets": changes }));
        self.http.call(ask, &Words).await.map(drop)
    }

    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        let mut listed: BTreeMap<String, RecordSet> = BTreeMap::new();
        let sets = self.sets("list records", zone, None).await?;
        let ours = |set: &&Set| ADDRESSES.contains(&set.kind.as_str()) && set.is_of(fleet);
        for set in sets.iter().filter(ours) {
            let (addresses, ttl) = (set.addresses(), Span::from_secs(set.ttl));
            if addresses.is_empty() {
                continue;
            }
            let none = || RecordSet { addresses: BTreeSet::new(), ttl };
            let named = listed.entry(set.name()).or_insert_with(none);
            named.addresses.extend(addresses);
            named.ttl = named.ttl.max(ttl);
        }
        Ok(listed)
    }
}
