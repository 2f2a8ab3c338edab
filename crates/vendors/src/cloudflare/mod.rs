//! Cloudflare DNS (API v4).
//!
//! Each address is a record of its own, and each record's comment says whose it is. New records are
//! made before old ones are taken away, so a name never stands empty in between; a call that breaks
//! off in the middle is gone on with by the next.

mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use damm_clouds::Dns;
use damm_clouds::traits::Result;
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::SetupError;
use crate::http::{Ask, Auth, Http, Method, Reply};
use crate::registry::{Account, Parts};
use crate::zone;
use wire::{Answer, Codes, DnsZone, Page, Record};

/// Records on one page of a listing.
const PAGE: usize = 100;
/// No listing has more pages.
const PAGES: usize = 10_000;
/// The times to live that are taken from everybody, in seconds.
const TTL: (u64, u64) = (60, 86_400);

/// Sets an account up; nothing is called yet.
///
/// # Errors
///
/// When the token can't be used.
pub fn open(account: Account) -> std::result::Result<Parts, SetupError> {
    let http = account.http(Auth::Bearer(account.token()?), None)?;
    let dns = Cloudflare { http, zones: Mutex::default() };
    Ok(Parts { dns: Some(Arc::new(dns)), ..Parts::default() })
}

struct Cloudflare {
    http: Http,
    /// The ids of zones that were looked up, by name.
    zones: Mutex<BTreeMap<String, String>>,
}

impl Cloudflare {
    /// One request whose answer is a success in Cloudflare's own words, too.
    async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<Answer<T>> {
        let short = Ask { body: None, ..ask.clone() };
        let reply = self.http.send(ask).await?;
        if !reply.is_success() || reply.value()["success"] == false {
            return Err(self.http.refusal(&short, &reply, &Codes));
        }
        self.http.read(&short, &reply)
    }

    fn rejected(&self, operation: &'static str, words: &str) -> damm_clouds::Error {
        let ask = Ask::get(operation, "/zones");
        self.http.failed(&ask, FailureClass::Rejected, words, None)
    }

    /// The path of a zone's records.
    async fn records_of(&self, operation: &'static str, zone: &str) -> Result<String> {
        let known = self.zones.lock().unwrap_or_else(PoisonError::into_inner).get(zone).cloned();
        let id = match known {
            Some(id) => id,
            None => self.look_up(operation, zone).await?,
        };
        Ok(format!("/zones/{id}/dns_records"))
    }

    async fn look_up(&self, operation: &'static str, zone: &str) -> Result<String> {
        let ask = Ask::get(operation, "/zones").query("name", zone);
        let found = self.ask::<Vec<DnsZone>>(ask).await?.result.into_iter();
        let id = found.filter(|z| z.name == zone && wire::is_id(&z.id)).map(|z| z.id).next();
        let words = format!("the token shows no zone `{zone}`");
        let id = id.ok_or_else(|| self.rejected(operation, &words))?;
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        zones.insert(zone.to_owned(), id.clone());
        Ok(id)
    }

    /// All records of a zone that a filter lets through, page by page.
    async fn list(
        &self,
        operation: &'static str,
        zone: &str,
        filter: (&str, &str),
    ) -> Result<Vec<Record>> {
        let path = self.records_of(operation, zone).await?;
        let mut records = Vec::new();
        for page in 1..=PAGES {
            let ask = Ask::get(operation, &path).query(filter.0, filter.1);
            let ask = ask.query("order", "name").query("per_page", PAGE).query("page", page);
            let answer = self.ask::<Vec<Record>>(ask).await;
            let Answer { result, result_info } = answer.inspect_err(|e| self.forget(zone, e))?;
            records.extend(result);
            let Page { total_pages } = result_info.unwrap_or(Page { total_pages: 1 });
            if page >= total_pages {
                break;
            }
        }
        Ok(records)
    }

    /// A zone that was made anew has another id.
    fn forget(&self, zone: &str, error: &damm_clouds::Error) {
        if error.class == FailureClass::Rejected {
            self.zones.lock().unwrap_or_else(PoisonError::into_inner).remove(zone);
        }
    }

    /// Makes a record. One that is there already was made by a call that nobody heard of.
    async fn make(&self, path: &str, record: serde_json::Value) -> Result<()> {
        let ask = Ask::post("put records", path, &record);
        let short = Ask { body: None, ..ask.clone() };
        let reply = self.http.send(ask).await?;
        match wire::is_twin(&reply) {
            true => Ok(()),
            false => self.settled(&short, &reply),
        }
    }

    fn settled(&self, ask: &Ask, reply: &Reply) -> Result<()> {
        match reply.is_success() && reply.value()["success"] == true {
            true => Ok(()),
            // What can't be read may have been done.
            false if reply.is_success() && reply.value()["success"] != false => {
                let words = "the answer can't be read";
                Err(self.http.failed(ask, FailureClass::Unknown, words, Some(reply)))
            }
            false => Err(self.http.refusal(ask, reply, &Codes)),
        }
    }

    async fn change(&self, ask: Ask) -> Result<()> {
        let short = Ask { body: None, ..ask.clone() };
        let reply = self.http.send(ask).await?;
        self.settled(&short, &reply)
    }

    /// Takes a record away. One that is gone is no failure.
    async fn remove(&self, path: &str, record: &Record) -> Result<()> {
        let ask = Ask::new("put records", Method::DELETE, format!("{path}/{}", record.id));
        match self.change(ask).await {
            Err(e) if e.class == FailureClass::Gone => Ok(()),
            answer => answer,
        }
    }
}

/// What has to be done to a name's records.
struct Changes<'a> {
    new: BTreeSet<IpAddr>,
    /// Right addresses with a wrong time to live, or hidden behind Cloudflare's own.
    wrong: Vec<&'a Record>,
    old: Vec<&'a Record>,
}

fn changes<'a>(seen: &'a [Record], wanted: &RecordSet, ttl: u64) -> Changes<'a> {
    let mut changes = Changes { new: wanted.addresses.clone(), wrong: Vec::new(), old: Vec::new() };
    for record in seen {
        let wanted = record.address().is_some_and(|address| changes.new.remove(&address));
        match wanted {
            true if record.ttl == ttl && !record.proxied => {}
            true => changes.wrong.push(record),
            false => changes.old.push(record),
        }
    }
    changes
}

/// The time to live that comes next to what is asked for, in seconds, and is not shorter where
/// Cloudflare takes that.
fn ttl(asked: Span) -> u64 {
    asked.as_millis().div_ceil(1_000).clamp(TTL.0, TTL.1)
}

#[async_trait]
impl Dns for Cloudflare {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        const OPERATION: &str = "put records";
        if !zone::holds(zone, name) {
            return Err(self.rejected(OPERATION, &zone::outside(zone, name)));
        }
        let mut seen = self.list(OPERATION, zone, ("name", name)).await?;
        seen.retain(|record| record.name() == name && record.stands_for_addresses());
        if !seen.iter().all(|record| record.is_of(fleet) && record.address().is_some()) {
            return Err(self.rejected(OPERATION, &zone::foreign(fleet, name)));
        }
        let path = self.records_of(OPERATION, zone).await?;
        let ttl = ttl(set.ttl);
        let changes = changes(&seen, set, ttl);
        for address in changes.new {
            let (kind, comment) = (zone::record_type(address), zone::comment(fleet));
            let record = json!({
                "type": kind, "name": name, "content": address.to_string(), "ttl": ttl,
                "proxied": false, "comment": comment,
            });
            self.make(&path, record).await?;
        }
        for record in changes.wrong {
            let body = json!({ "ttl": ttl, "proxied": false });
            let path = format!("{path}/{}", record.id);
            self.change(Ask::patch(OPERATION, path, &body)).await?;
        }
        for record in changes.old {
            self.remove(&path, record).await?;
        }
        Ok(())
    }

    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        let mark = zone::comment(fleet);
        let records = self.list("list records", zone, ("comment", &mark)).await?;
        let mut listed: BTreeMap<String, RecordSet> = BTreeMap::new();
        for record in records.iter().filter(|r| r.is_of(fleet)) {
            let Some(address) = record.address() else {
                continue;
            };
            let ttl = Span::from_secs(record.ttl);
            let none = || RecordSet { addresses: BTreeSet::new(), ttl };
            let named = listed.entry(record.name()).or_insert_with(none);
            named.addresses.insert(address);
            named.ttl = named.ttl.max(ttl);
        }
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_rounded_up_to_what_is_taken() {
        for (asked, taken) in [(0, 60), (1, 60), (59_999, 60), (60_001, 61), (300_000, 300)] {
            assert_eq!(ttl(Span::from_millis(asked)), taken, "{asked}");
        }
        assert_eq!(ttl(Span::from_days(7)), 86_400);
    }
}
