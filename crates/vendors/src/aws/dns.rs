//! Names (Route 53).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use damm_clouds::Dns;
use damm_clouds::traits::Result;
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span};

use super::changes::{Set, batch, changes};
use super::service::{Service, encoded};
use super::xml::Element;
use crate::http::Ask;
use crate::zone;

/// Record sets on one page; the most that the vendor gives.
const PAGE: &str = "300";

/// Record sets that are looked at for one name; more stand only where the vendor chooses one.
const FEW: &str = "20";

/// More pages than the largest zone has: 10 000 record sets are the vendor's limit without a talk.
const PAGES: usize = 10_000;

const PUT: &str = "put records";
const LIST: &str = "list records";

/// The zones of one account.
pub struct Zones {
    service: Service,
    /// The vendor's names for zones that were looked up.
    known: Mutex<BTreeMap<String, String>>,
}

#[async_trait]
impl Dns for Zones {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        let refused = |words: &str| Err(self.service.refused(PUT, FailureClass::Rejected, words));
        if !zone::holds(zone, name) {
            return refused(&zone::outside(zone, name));
        }
        let Some(at) = zone::mark_name(zone, name) else {
            return refused("the name's first label is too long: 58 symbols are allowed");
        };
        let id = self.id(PUT, zone).await?;
        let there = self.standing_at(&id, name).await?;
        let marks = self.standing_at(&id, &at).await?;
        let changes = match changes(fleet, (name, &there), (&at, &marks), set) {
            Ok(changes) if changes.is_empty() => return Ok(()),
            Ok(changes) => changes,
            Err(_) => return refused(&zone::foreign(fleet, name)),
        };
        let path = format!("/2013-04-01/hostedzone/{id}/rrset/");
        let ask = Ask::post(PUT, path, &()).body("application/xml", batch(&changes));
        self.service.exchange(ask, "ChangeResourceRecordSetsResponse").await.map(drop)
    }

    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        let id = self.id(LIST, zone).await?;
        let sets = self.all(&id).await?;
        let marks = sets.iter().filter(|s| s.fleet() == Some(fleet));
        let names = marks.filter_map(|s| zone::marked_name(zone, &s.name));
        let records = |name: &str| {
            let own = sets.iter().filter(|s| s.name == name && s.leads());
            let mut found: Option<RecordSet> = None;
            for set in own {
                let ttl = Span::from_secs(set.ttl?);
                let empty = || RecordSet { addresses: [].into(), ttl };
                found.get_or_insert_with(empty).addresses.extend(set.addresses());
            }
            Some((name.to_owned(), found?))
        };
        Ok(names.filter_map(records).collect())
    }
}

impl Zones {
    /// The zones that a service has.
    pub const fn new(service: Service) -> Self {
        Self { service, known: Mutex::new(BTreeMap::new()) }
    }

    /// The vendor's name for a zone. It stays the same as long as the zone is there, so it is
    /// remembered: the account may ask five times a second, whatever it asks.
    async fn id(&self, operation: &'static str, zone: &str) -> Result<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(zone).cloned();
        if let Some(id) = known {
            return Ok(id);
        }
        let query = encoded([("dnsname", zone), ("maxitems", "10")].into_iter());
        let ask = Ask::get(operation, format!("/2013-04-01/hostedzonesbyname?{query}"));
        let answer = self.service.exchange(ask, "ListHostedZonesByNameResponse").await?;
        let zones = answer.items("HostedZones", "HostedZone").filter(|z| is_public(z, zone));
        let mut ids = zones.filter_map(|z| z.text(&["Id"])?.rsplit('/').next());
        let words = match (ids.next(), ids.next()) {
            (Some(id), None) => {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(zone.to_owned(), id.to_owned());
                return Ok(id.to_owned());
            }
            (None, _) => format!("the account has no public zone `{zone}`"),
            _ => format!("the account has several public zones `{zone}`: keep one of them"),
        };
        Err(self.service.refused(operation, FailureClass::Rejected, &words))
    }

    /// The record sets of a name. Listings begin at a name and go on with those after it.
    async fn standing_at(&self, id: &str, name: &str) -> Result<Vec<Set>> {
        let from = [("name", name), ("maxitems", FEW)];
        let answer = self.page(PUT, id, &from).await?;
        let mut sets = self.sets(&answer);
        sets.retain(|s| s.name == name);
        Ok(sets)
    }

    async fn all(&self, id: &str) -> Result<Vec<Set>> {
        let mut sets = Vec::new();
        let mut next: Vec<(&str, String)> = Vec::new();
        for _ in 0..PAGES {
            let mut from: Vec<_> = next.iter().map(|(n, v)| (*n, v.as_str())).collect();
            from.push(("maxitems", PAGE));
            let page = self.page(LIST, id, &from).await?;
            sets.extend(self.sets(&page));
            if page.text(&["IsTruncated"]) != Some("true") {
                return Ok(sets);
            }
            let marks = [
                ("name", "NextRecordName"),
                ("type", "NextRecordType"),
                ("identifier", "NextRecordIdentifier"),
            ];
            let mark = |(key, field)| Some((key, page.text(&[field])?.to_owned()));
            next = marks.into_iter().filter_map(mark).collect();
        }
        Err(self.service.refused(LIST, FailureClass::Unknown, "the listing never ends"))
    }

    async fn page(
        &self,
        operation: &'static str,
        id: &str,
        query: &[(&str, &str)],
    ) -> Result<Element> {
        let query = encoded(query.iter().copied());
        let path = format!("/2013-04-01/hostedzone/{id}/rrset?{query}");
        let ask = Ask::get(operation, path);
        let answer = self.service.exchange(ask, "ListResourceRecordSetsResponse").await;
        if answer.as_ref().is_err_and(|e| e.class == FailureClass::Rejected) {
            // Perhaps the zone was made anew: its name is looked up again.
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, known| known != id);
        }
        answer
    }

    fn sets(&self, page: &Element) -> Vec<Set> {
        page.items("ResourceRecordSets", "ResourceRecordSet").filter_map(Set::read).collect()
    }
}

fn is_public(zone: &Element, name: &str) -> bool {
    let own = zone.text(&["Name"]).map(|n| n.trim_end_matches('.'));
    own == Some(name) && zone.text(&["Config", "PrivateZone"]) != Some("true")
}
