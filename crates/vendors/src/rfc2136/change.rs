//! What stands at a name, and the one message that changes it (RFC 2136).

use std::collections::BTreeSet;
use std::net::IpAddr;

use damm_fleet::blueprint::RecordSet;
use hickory_proto::op::{Message, OpCode, Query};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::session::Session;
use crate::wire::Failure;
use crate::zone;

/// The types that hold addresses.
const ADDRESSES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];

/// A name in a zone, and where its mark stands.
pub struct Place<'a> {
    /// The name, as the topology writes it.
    pub name: &'a str,
    zone: Name,
    owner: Name,
    mark: Name,
}

impl<'a> Place<'a> {
    /// The place of a name.
    ///
    /// # Errors
    ///
    /// `Rejected` when it is outside the zone, or has no room for a mark.
    pub fn of(zone: &str, name: &'a str) -> Result<Self, Failure> {
        if !zone::holds(zone, name) {
            return Err(Failure::rejected(zone::outside(zone, name)));
        }
        let mark = zone::mark_name(zone, name);
        let mark = mark.ok_or_else(|| Failure::rejected("the label is longer than 58 symbols"))?;
        Ok(Self { name, zone: parse(zone)?, owner: parse(name)?, mark: parse(&mark)? })
    }
}

/// A whole name.
///
/// # Errors
///
/// `Rejected` when it is none.
pub fn parse(name: &str) -> Result<Name, Failure> {
    let read = Name::from_ascii(name.to_ascii_lowercase());
    let mut read = read.map_err(|_| Failure::rejected(format!("`{name}` is no name")))?;
    read.set_fqdn(true);
    Ok(read)
}

/// Whose a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ours {
    /// Ours.
    Yes,
    /// Another fleet's.
    No,
    /// No mark stands there.
    Nobody,
}

/// What stands at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    a: Vec<Record>,
    aaaa: Vec<Record>,
    marks: Vec<Record>,
    /// Another name stands for it.
    alias: bool,
}

impl Seen {
    /// Looks at a name.
    pub async fn at(session: &mut Session, at: &Place<'_>) -> Result<Self, Failure> {
        let mut alias = false;
        let (mut sets, wanted) = (
            Vec::new(),
            [(&at.owner, ADDRESSES[0]), (&at.owner, ADDRESSES[1]), (&at.mark, RecordType::TXT)],
        );
        for (name, kind) in wanted {
            let mut message = Message::query();
            message.metadata.recursion_desired = false;
            message.add_query(Query::query(name.clone(), kind));
            let answer = session.ask(message).await?;
            if !answer.metadata.authoritative {
                let words = format!("the server does not answer for `{}` itself", at.name);
                return Err(Failure::rejected(words));
            }
            let (own, _): (Vec<_>, Vec<_>) =
                answer.answers.into_iter().partition(|r| r.name == *name);
            alias |= own.iter().any(|r| r.record_type() == RecordType::CNAME && *name == at.owner);
            sets.push(own.into_iter().filter(|r| r.record_type() == kind).collect());
        }
        let marks = sets.pop().unwrap_or_default();
        let aaaa = sets.pop().unwrap_or_default();
        Ok(Self { a: sets.pop().unwrap_or_default(), aaaa, marks, alias })
    }

    /// Whether no addresses stand there, and nothing stands for it.
    pub const fn is_empty(&self) -> bool {
        self.a.is_empty() && self.aaaa.is_empty() && !self.alias
    }

    /// Whose it is, as its mark says.
    pub fn ours(&self, fleet: &str) -> Ours {
        let fleets: Vec<_> = self.marks.iter().filter_map(fleet_of).collect();
        match fleets.iter().any(|f| f == fleet) {
            true => Ours::Yes,
            false if fleets.is_empty() => Ours::Nobody,
            false => Ours::No,
        }
    }

    /// The message that makes a name of ours so, if all still stands as it was seen; none when
    /// nothing has to be changed.
    pub fn change(&self, at: &Place<'_>, fleet: &str, set: &RecordSet) -> Option<Message> {
        let mut updates = Vec::new();
        for (kind, seen) in ADDRESSES.into_iter().zip([&self.a, &self.aaaa]) {
            let wanted = records(at, kind, set);
            if same(seen, &wanted) {
                continue;
            }
            let all = Record::update0(at.owner.clone(), 0, kind);
            updates.extend((!seen.is_empty()).then(|| classed(all, DNSClass::ANY)));
            updates.extend(wanted);
        }
        if set.addresses.is_empty() {
            updates.push(classed(mark(at, fleet, 0), DNSClass::NONE));
        }
        if updates.is_empty() {
            return None;
        }
        let mut message = update(at);
        for (kind, seen) in ADDRESSES.into_iter().zip([&self.a, &self.aaaa]) {
            message.add_answers(stands(&at.owner, kind, seen));
        }
        message.add_answers(stands(&at.mark, RecordType::TXT, &self.marks));
        message.add_authorities(updates);
        Some(message)
    }
}

/// The message that makes a name ours, if no addresses stand there and nothing stands for it.
pub fn take(at: &Place<'_>, fleet: &str, set: &RecordSet) -> Message {
    let mut message = update(at);
    for kind in ADDRESSES.into_iter().chain([RecordType::CNAME]) {
        message.add_answers(stands(&at.owner, kind, &[]));
    }
    message.add_authorities(ADDRESSES.into_iter().flat_map(|kind| records(at, kind, set)));
    if !set.addresses.is_empty() {
        message.add_authority(mark(at, fleet, ttl(set)));
    }
    message
}

fn update(at: &Place<'_>) -> Message {
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Update;
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(at.zone.clone(), RecordType::SOA));
    message
}

/// The prerequisite that exactly these records stand there (sections 2.4.2 and 2.4.3).
fn stands(name: &Name, kind: RecordType, seen: &[Record]) -> Vec<Record> {
    match seen.is_empty() {
        true => vec![classed(Record::update0(name.clone(), 0, kind), DNSClass::NONE)],
        false => seen.iter().map(|r| lasting(r.clone(), 0)).collect(),
    }
}

fn lasting(mut record: Record, ttl: u32) -> Record {
    record.ttl = ttl;
    record
}

fn classed(mut record: Record, class: DNSClass) -> Record {
    record.dns_class = class;
    record
}

/// The records of a type that a name should have.
fn records(at: &Place<'_>, kind: RecordType, set: &RecordSet) -> Vec<Record> {
    let data = set.addresses.iter().map(|address| match address {
        IpAddr::V4(v4) => RData::A((*v4).into()),
        IpAddr::V6(v6) => RData::AAAA((*v6).into()),
    });
    let data = data.filter(|data| data.record_type() == kind);
    data.map(|data| Record::from_rdata(at.owner.clone(), ttl(set), data)).collect()
}

fn mark(at: &Place<'_>, fleet: &str, ttl: u32) -> Record {
    let text = TXT::new(vec![zone::mark(fleet)]);
    Record::from_rdata(at.mark.clone(), ttl, RData::TXT(text))
}

/// Whole seconds, not less than was asked for; at most what RFC 2181 allows.
fn ttl(set: &RecordSet) -> u32 {
    let seconds = set.ttl.as_millis().div_ceil(1_000);
    u32::try_from(seconds).unwrap_or(u32::MAX).min(i32::MAX as u32)
}

fn same(seen: &[Record], wanted: &[Record]) -> bool {
    let set = |records: &[Record]| -> BTreeSet<(Option<IpAddr>, u32)> {
        records.iter().map(|r| (r.data.ip_addr(), r.ttl)).collect()
    };
    set(seen) == set(wanted)
}

/// The fleet that a TXT record names.
pub fn fleet_of(record: &Record) -> Option<String> {
    let RData::TXT(text) = &record.data else {
        return None;
    };
    let text = String::from_utf8(text.txt_data.concat()).ok()?;
    zone::marked(&text).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use damm_fleet::Span;

    use super::*;

    fn set(addresses: &[&str], minutes: u64) -> RecordSet {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        RecordSet { addresses, ttl: Span::from_mins(minutes) }
    }

    fn place() -> Place<'static> {
        Place::of("example.org", "eu.example.org").unwrap()
    }

    /// What a server shows of a name that was made so by a fleet.
    fn seen(fleet: &str, set: &RecordSet) -> Seen {
        let at = place();
        let [a, aaaa] = ADDRESSES.map(|kind| records(&at, kind, set));
        Seen { a, aaaa, marks: vec![mark(&at, fleet, 300)], alias: false }
    }

    fn kinds(records: &[Record]) -> Vec<(RecordType, DNSClass)> {
        records.iter().map(|r| (r.record_type(), r.dns_class)).collect()
    }

    #[test]
    fn nothing_is_sent_when_all_is_as_it_should_be() {
        let put = set(&["192.0.2.1", "2001:db8::1"], 5);
        assert_eq!(seen("x", &put).change(&place(), "x", &put), None);
        assert!(seen("x", &put).change(&place(), "x", &set(&["192.0.2.1"], 5)).is_some());
        let other = set(&["192.0.2.1", "2001:db8::1"], 6);
        assert!(seen("x", &put).change(&place(), "x", &other).is_some());
    }

    #[test]
    fn a_change_says_what_was_seen_and_leaves_alone_what_stays() {
        use RecordType::{A, AAAA, TXT};
        let before = set(&["192.0.2.1"], 5);
        let after = set(&["192.0.2.1", "2001:db8::1"], 5);
        let message = seen("x", &before).change(&place(), "x", &after).unwrap();
        let (any, none, class) = (DNSClass::ANY, DNSClass::NONE, DNSClass::IN);
        assert_eq!(kinds(&message.answers), [(A, class), (AAAA, none), (TXT, class)]);
        assert_eq!(kinds(&message.authorities), [(AAAA, class)]);
        let message = seen("x", &after).change(&place(), "x", &set(&[], 5)).unwrap();
        assert_eq!(kinds(&message.authorities), [(A, any), (AAAA, any), (TXT, none)]);
    }

    #[test]
    fn a_mark_says_whose_a_name_is() {
        let mut seen = seen("x", &set(&["192.0.2.1"], 5));
        assert_eq!((seen.ours("x"), seen.ours("y")), (Ours::Yes, Ours::No));
        seen.marks.clear();
        assert_eq!(seen.ours("x"), Ours::Nobody);
    }

    #[test]
    fn a_time_to_live_is_rounded_up_to_seconds() {
        assert_eq!(ttl(&RecordSet { ttl: Span::from_millis(1), ..set(&[], 0) }), 1);
        assert_eq!(
            ttl(&RecordSet { ttl: Span::from_days(99_999), ..set(&[], 0) }),
            i32::MAX as u32
        );
    }
}
