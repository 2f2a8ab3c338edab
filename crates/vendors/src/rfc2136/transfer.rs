//! What a fleet owns of a whole zone.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::Span;
use damm_fleet::blueprint::RecordSet;
use hickory_proto::rr::Record;

use super::change::fleet_of;
use crate::zone;

/// The names of a zone that a fleet owns, with their addresses.
pub fn owned(records: &[Record], fleet: &str, zone: &str) -> BTreeMap<String, RecordSet> {
    let mut marked = BTreeSet::new();
    for record in records.iter().filter(|r| fleet_of(r).as_deref() == Some(fleet)) {
        let at = name(record);
        marked.extend(zone::marked_name(zone, &at).map(str::to_owned));
    }
    let mut owned: BTreeMap<String, RecordSet> = BTreeMap::new();
    for record in records {
        let (Some(address), name) = (record.data.ip_addr(), name(record)) else {
            continue;
        };
        if marked.contains(&name) {
            let none = || RecordSet { addresses: BTreeSet::new(), ttl: Span::ZERO };
            let set = owned.entry(name).or_insert_with(none);
            set.addresses.insert(address);
            set.ttl = set.ttl.max(Span::from_secs(u64::from(record.ttl)));
        }
    }
    owned
}

/// A record's name as the topology writes names.
fn name(record: &Record) -> String {
    record.name.to_lowercase().to_ascii().trim_end_matches('.').to_owned()
}
