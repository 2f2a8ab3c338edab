//! Domains and their records. There is neither an atomic record set nor an upsert: a change is
//! several calls, of which any may be the last one that is heard of. So a name is marked as ours
//! before its first record is made and until its last one is gone, new records are made before old
//! ones are deleted, and a call goes on from wherever the one before it got to.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{Dns, Error};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span};
use serde_json::json;

use super::wire::Record;
use super::{DigitalOcean, Words};
use crate::http::Ask;
use crate::zone;

const PUT: &str = "put records";
const LIST: &str = "list records";

/// What stands at a name.
struct Standing {
    /// Its addresses.
    addresses: Vec<Record>,
    /// Our own marks: more than one, where an answer was lost.
    marks: Vec<Record>,
}

/// Where a domain's records are found.
fn path(zone: &str) -> String {
    format!("/domains/{zone}/records")
}

/// A name below its zone, as the vendor writes it.
fn below<'a>(zone: &str, name: &'a str) -> &'a str {
    let label = name.strip_suffix(zone).unwrap_or(name);
    if label.is_empty() { "@" } else { label.trim_end_matches('.') }
}

/// A domain that is not in the account won't come by calling again.
fn no_domain(e: Error) -> Error {
    let class = if e.class == FailureClass::Gone { FailureClass::Rejected } else { e.class };
    Error { class, ..e }
}

/// How a record set may stand: with several TTLs while it is changed, which is none that is wanted.
fn shown(records: &[Record]) -> RecordSet {
    let ttls: BTreeSet<u64> = records.iter().map(|r| r.ttl).collect();
    let ttl = if ttls.len() == 1 { ttls.first().copied() } else { None };
    RecordSet {
        addresses: records.iter().filter_map(Record::address).collect(),
        ttl: Span::from_secs(ttl.unwrap_or(0)),
    }
}

impl DigitalOcean {
    /// The records at one name. The vendor's filter is not relied on.
    async fn records_at(&self, zone: &str, name: &str) -> Result<Vec<Record>> {
        let ask = Ask::get(PUT, path(zone)).query("name", name);
        let all: Vec<Record> = self.all(ask, "domain_records").await.map_err(no_domain)?;
        Ok(all.into_iter().filter(|r| r.full_name(zone) == name).collect())
    }

    /// What stands at a name, if it is the fleet's or nobody's.
    async fn standing(&self, fleet: &str, zone: &str, name: &str) -> Result<Standing> {
        let rejected = |words: &str| self.failed(PUT, FailureClass::Rejected, words);
        if !zone::holds(zone, name) {
            return Err(rejected(&zone::outside(zone, name)));
        }
        let at = zone::mark_name(zone, name);
        let at = at.ok_or_else(|| rejected(&format!("`{name}` has too long a label")))?;
        let mut marks = self.records_at(zone, &at).await?;
        let mut addresses = self.records_at(zone, name).await?;
        marks.retain(|r| r.text().and_then(zone::marked).is_some());
        let ours = |r: &Record| r.text().and_then(zone::marked) == Some(fleet);
        let alias = addresses.iter().any(|r| r.kind == "CNAME");
        addresses.retain(|r| r.address().is_some());
        let unmarked = marks.is_empty() && !addresses.is_empty();
        if alias || unmarked || !marks.iter().all(ours) {
            return Err(rejected(&zone::foreign(fleet, name)));
        }
        Ok(Standing { addresses, marks })
    }

    async fn make(&self, zone: &str, name: &str, kind: &str, data: &str, ttl: u64) -> Result<()> {
        let name = below(zone, name);
        let body = json!({ "type": kind, "name": name, "data": data, "ttl": ttl });
        let ask = Ask::post(PUT, path(zone), &body);
        self.http.call(ask, &Words).await.map(drop).map_err(no_domain)
    }

    async fn change_ttl(&self, zone: &str, record: &Record, ttl: u64) -> Result<()> {
        let body = json!({ "type": record.kind, "ttl": ttl });
        let ask = Ask::patch(PUT, format!("{}/{}", path(zone), record.id), &body);
        // Somebody else took the record away: the next call makes it again.
        let busy = |e: Error| match e.class {
            FailureClass::Gone => Error { class: FailureClass::Busy, ..e },
            _ => e,
        };
        self.http.call(ask, &Words).await.map(drop).map_err(busy)
    }

    async fn delete(&self, zone: &str, records: &[Record]) -> Result<()> {
        for record in records {
            let ask = Ask::delete(PUT, format!("{}/{}", path(zone), record.id));
            match self.http.call(ask, &Words).await {
                Err(e) if e.class != FailureClass::Gone => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Dns for DigitalOcean {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        let Standing { addresses, marks } = self.standing(fleet, zone, name).await?;
        let ttl = set.ttl.as_millis() / 1_000;
        if let (false, true, Some(at)) =
            (set.addresses.is_empty(), marks.is_empty(), zone::mark_name(zone, name))
        {
            self.make(zone, &at, "TXT", &zone::mark(fleet), ttl).await?;
        }
        let mut wanted = set.addresses.clone();
        let (kept, old): (Vec<_>, Vec<_>) = addresses
            .into_iter()
            .partition(|record| record.address().is_some_and(|a| wanted.remove(&a)));
        for address in wanted {
            self.make(zone, name, zone::record_type(address), &address.to_string(), ttl).await?;
        }
        for record in kept.iter().filter(|r| r.ttl != ttl) {
            self.change_ttl(zone, record, ttl).await?;
        }
        self.delete(zone, &old).await?;
        match set.addresses.is_empty() {
            true => self.delete(zone, &marks).await,
            false => Ok(()),
        }
    }

    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        let ask = Ask::get(LIST, path(zone));
        let all: Vec<Record> = self.all(ask, "domain_records").await.map_err(no_domain)?;
        let mut owners: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (record, owner) in all.iter().filter_map(|r| Some((r, zone::marked(r.text()?)?))) {
            let at = record.full_name(zone);
            if let Some(name) = zone::marked_name(zone, &at) {
                owners.entry(name.to_owned()).or_default().insert(owner);
            }
        }
        owners.retain(|_, of| of.len() == 1 && of.contains(fleet));
        let mut names: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        let of_addresses = |r: &Record| r.address().is_some();
        let ours: BTreeSet<String> = owners.into_keys().collect();
        for record in all.into_iter().filter(of_addresses) {
            let name = record.full_name(zone);
            if ours.contains(&name) {
                names.entry(name).or_default().push(record);
            }
        }
        Ok(names.into_iter().map(|(name, records)| (name, shown(&records))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str, name: &str, data: &str, ttl: u64) -> Record {
        let (kind, name, data) = (kind.to_owned(), name.to_owned(), data.to_owned());
        Record { id: 1, kind, name, data, ttl }
    }

    #[test]
    fn names_are_written_below_their_zone_and_read_again() {
        for (name, label) in
            [("example.org", "@"), ("eu.example.org", "eu"), ("a.eu.example.org", "a.eu")]
        {
            assert_eq!(below("example.org", name), label);
            assert_eq!(record("A", label, "192.0.2.1", 60).full_name("example.org"), name);
        }
    }

    #[test]
    fn a_set_of_several_ttls_is_shown_as_one_that_nobody_wants() {
        let one = record("A", "eu", "192.0.2.1", 300);
        let two = record("AAAA", "eu", "2001:db8::1", 600);
        assert_eq!(shown(std::slice::from_ref(&one)).ttl, Span::from_mins(5));
        let both = shown(&[one, two]);
        assert_eq!(both.ttl, Span::ZERO);
        assert_eq!(both.addresses.len(), 2);
    }
}
