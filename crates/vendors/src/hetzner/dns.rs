//! Zones. A record set carries its fleet in a label, written with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use async_trait::async_trait;
use damm_clouds::Dns;
use damm_clouds::traits::Result;
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span};
use serde_json::{Value, json};

use super::wire::RrSet;
use super::{FLEET, Hetzner, rather};
use crate::http::Ask;
use crate::zone;

/// What addresses stand in, and the order of writes: a listing takes the TTL of A, which is written
/// last, so that a change that broke off is seen as one.
const TYPES: [&str; 2] = ["AAAA", "A"];

/// The name of a zone's own records.
const APEX: &str = "@";

/// One record set that has to become so.
struct Wanted<'a> {
    fleet: &'a str,
    zone: &'a str,
    /// Its name below the zone.
    label: &'a str,
    kind: &'static str,
    addresses: BTreeSet<IpAddr>,
    ttl: u64,
}

impl Wanted<'_> {
    fn records(&self) -> Value {
        self.addresses.iter().map(|a| json!({ "value": a })).collect()
    }

    fn path(&self, action: &str) -> String {
        format!("/zones/{}/rrsets/{}/{}{action}", self.zone, self.label, self.kind)
    }
}

const PUT: &str = "put records";

impl Hetzner {
    /// The record sets of addresses that stand at a name, or all of a zone.
    async fn record_sets(&self, ask: Ask) -> Result<Vec<RrSet>> {
        let ask = TYPES.iter().fold(ask, |ask, kind| ask.query("type", kind));
        let found: Result<Vec<RrSet>> = self.all(ask.query("per_page", 100)).await;
        // The zone itself is not there: nothing that would do better by itself.
        found.map_err(|e| rather(e, FailureClass::Gone, FailureClass::Rejected))
    }

    /// At most two writes, for a set's records and its TTL are changed apart; the first one's
    /// failure ends it, and the next call goes on from what stands then.
    async fn make_so(&self, wanted: &Wanted<'_>, stands: Option<&RrSet>) -> Result<()> {
        let Some(stands) = stands else {
            return match wanted.addresses.is_empty() {
                true => Ok(()),
                false => self.create(wanted).await,
            };
        };
        if wanted.addresses.is_empty() {
            let removed = self.act(Ask::delete(PUT, wanted.path(""))).await;
            return removed.or_else(|e| match e.class {
                FailureClass::Gone => Ok(()),
                _ => Err(e),
            });
        }
        if addresses(stands) != wanted.addresses {
            let body = json!({ "records": wanted.records() });
            self.change(Ask::post(PUT, wanted.path("/actions/set_records"), &body)).await?;
        }
        if stands.ttl != Some(wanted.ttl) {
            let body = json!({ "ttl": wanted.ttl });
            self.change(Ask::post(PUT, wanted.path("/actions/change_ttl"), &body)).await?;
        }
        Ok(())
    }

    async fn create(&self, wanted: &Wanted<'_>) -> Result<()> {
        let body = json!({
            "name": wanted.label,
            "type": wanted.kind,
            "ttl": wanted.ttl,
            "records": wanted.records(),
            "labels": { FLEET: wanted.fleet },
        });
        self.change(Ask::post(PUT, format!("/zones/{}/rrsets", wanted.zone), &body)).await
    }

    /// What is gone by now was there a moment ago: the next call looks again.
    async fn change(&self, ask: Ask) -> Result<()> {
        self.act(ask).await.map_err(|e| rather(e, FailureClass::Gone, FailureClass::Busy))
    }
}

fn addresses(set: &RrSet) -> BTreeSet<IpAddr> {
    set.records.iter().filter_map(|r| r.value.parse().ok()).collect()
}

/// A name as it is written below its zone; none where it is outside, or no name at all.
fn label<'a>(zone: &str, name: &'a str) -> Option<&'a str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.*".contains(c);
    if !zone::holds(zone, name) || !name.chars().all(plain) {
        return None;
    }
    let label = name.strip_suffix(zone)?.trim_end_matches('.');
    Some(if label.is_empty() { APEX } else { label })
}

#[async_trait]
impl Dns for Hetzner {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        let ask = Ask::get(PUT, format!("/zones/{zone}/rrsets"));
        let rejected = |words: String| self.refuse(&ask, FailureClass::Rejected, &words);
        let label = label(zone, name).ok_or_else(|| rejected(zone::outside(zone, name)))?;
        let stand = self.record_sets(ask.clone().query("name", label)).await?;
        let foreign = |s: &RrSet| s.labels.get(FLEET).is_none_or(|f| f != fleet);
        if stand.iter().any(foreign) {
            return Err(rejected(zone::foreign(fleet, name)));
        }
        for kind in TYPES {
            let of = |a: &&IpAddr| zone::record_type(**a) == kind;
            let addresses = set.addresses.iter().filter(of).copied().collect();
            let ttl = set.ttl.as_millis() / 1_000;
            let wanted = Wanted { fleet, zone, label, kind, addresses, ttl };
            self.make_so(&wanted, stand.iter().find(|s| s.kind == kind)).await?;
        }
        Ok(())
    }

    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        let ask = Ask::get("list records", format!("/zones/{zone}/rrsets"));
        let ask = ask.query("label_selector", format!("{FLEET}={fleet}"));
        let mut sets = self.record_sets(ask).await?;
        sets.retain(|s| s.labels.get(FLEET).is_some_and(|f| f == fleet));
        // A comes after AAAA and so has the last word on the TTL.
        sets.sort_by_key(|s| TYPES.iter().position(|t| *t == s.kind));
        let mut names: BTreeMap<String, RecordSet> = BTreeMap::new();
        for set in &sets {
            let name = match set.name.as_str() {
                APEX => zone.to_owned(),
                label => format!("{label}.{zone}"),
            };
            let empty = RecordSet { addresses: BTreeSet::new(), ttl: Span::ZERO };
            let records = names.entry(name).or_insert(empty);
            records.addresses.extend(addresses(set));
            records.ttl = Span::from_secs(set.ttl.unwrap_or_default());
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_below_its_zone() {
        for (name, wanted) in [
            ("example.org", Some("@")),
            ("eu.example.org", Some("eu")),
            ("a.eu.example.org", Some("a.eu")),
            ("notexample.org", None),
            ("a/b.example.org", None),
        ] {
            assert_eq!(label("example.org", name), wanted, "{name}");
        }
    }
}
