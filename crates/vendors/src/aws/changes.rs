//! What a name's records are, and what has to change for them to be others. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use damm_fleet::Span;
use damm_fleet::blueprint::RecordSet;
use quick_xml::escape::escape;

use super::xml::Element;
use crate::zone;

/// How long the mark of a name may be remembered, in seconds. Only the fleets read it, at the
/// vendor itself.
const MARK_TTL: u64 = 300;

/// All records of a name that are of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The name, without a dot at its end.
    pub name: String,
    /// The type.
    pub kind: String,
    /// The time to live in seconds; none where the set only points at something of the vendor's.
    pub ttl: Option<u64>,
    /// The values, as the vendor writes them.
    pub values: Vec<String>,
    /// Whether the set is one of several at its name and type, among which the vendor chooses.
    pub one_of_several: bool,
}

/// Records stand there that are not the fleet's.
#[derive(Debug, PartialEq, Eq)]
pub struct Foreign;

/// One change of a batch. A set that is taken out has to be as it is said to be, and one that is
/// put in may not be there: so nothing is lost that came between the look and the change.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Taken out.
    Delete(Set),
    /// Put in.
    Create(Set),
}

impl Set {
    /// Reads a set; none where it lacks a name or a type.
    pub fn read(item: &Element) -> Option<Self> {
        let values = item.items("ResourceRecords", "ResourceRecord");
        let values = values.filter_map(|r| r.text(&["Value"])).map(str::to_owned).collect();
        Some(Self {
            name: item.text(&["Name"])?.trim_end_matches('.').to_lowercase(),
            kind: item.text(&["Type"])?.to_owned(),
            ttl: item.text(&["TTL"]).and_then(|t| t.parse().ok()),
            values,
            one_of_several: item.child("SetIdentifier").is_some(),
        })
    }

    /// Whether it holds what a name leads to.
    pub fn leads(&self) -> bool {
        matches!(self.kind.as_str(), "A" | "AAAA" | "CNAME")
    }

    /// Its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.values.iter().filter_map(|v| v.parse().ok())
    }

    /// The fleet whose mark it is.
    pub fn fleet(&self) -> Option<&str> {
        let [value] = self.values.as_slice() else {
            return None;
        };
        let text = value.strip_prefix('"')?.strip_suffix('"')?;
        (self.kind == "TXT").then(|| zone::marked(text)).flatten()
    }

    /// Whether it is as we write sets.
    const fn plain(&self) -> bool {
        self.ttl.is_some() && !self.one_of_several
    }

    fn same(&self, other: &Self) -> bool {
        let addresses = |set: &Self| set.addresses().collect::<BTreeSet<_>>();
        self.ttl == other.ttl && addresses(self) == addresses(other)
    }
}

/// The changes that make a name's addresses these: `there` is what stands at the name, and `marks`
/// what stands at its mark's name `at`.
///
/// # Errors
///
/// When the fleet does not own what stands there.
pub fn changes(
    fleet: &str,
    (name, there): (&str, &[Set]),
    (at, marks): (&str, &[Set]),
    wanted: &RecordSet,
) -> Result<Vec<Change>, Foreign> {
    let old: Vec<_> = there.iter().filter(|s| s.leads()).collect();
    let mark = marks.iter().find(|s| matches!(s.kind.as_str(), "TXT" | "CNAME"));
    let owned = mark.is_some_and(|m| m.plain() && m.fleet() == Some(fleet));
    let strange = old.iter().any(|s| !s.plain() || s.kind == "CNAME");
    if strange || (!owned && (mark.is_some() || !old.is_empty())) {
        return Err(Foreign);
    }
    let mut changes = Vec::new();
    for kind in ["A", "AAAA"] {
        let before = old.iter().find(|s| s.kind == kind);
        let after = of_kind(name, kind, wanted);
        if let (Some(before), Some(after)) = (before, &after)
            && before.same(after)
        {
            continue;
        }
        changes.extend(before.map(|set| Change::Delete((*set).clone())));
        changes.extend(after.map(Change::Create));
    }
    match (mark, wanted.addresses.is_empty()) {
        (Some(mark), true) => changes.push(Change::Delete(mark.clone())),
        (None, false) => changes.push(Change::Create(mark_of(fleet, at))),
        _ => {}
    }
    Ok(changes)
}

fn of_kind(name: &str, kind: &str, wanted: &RecordSet) -> Option<Set> {
    let of_kind = wanted.addresses.iter().filter(|a| zone::record_type(**a) == kind);
    let values: Vec<_> = of_kind.map(IpAddr::to_string).collect();
    (!values.is_empty()).then(|| set(name, kind, seconds(wanted.ttl), values))
}

fn mark_of(fleet: &str, at: &str) -> Set {
    set(at, "TXT", MARK_TTL, vec![format!("\"{}\"", zone::mark(fleet))])
}

fn set(name: &str, kind: &str, ttl: u64, values: Vec<String>) -> Set {
    let (name, kind) = (name.to_owned(), kind.to_owned());
    Set { name, kind, ttl: Some(ttl), values, one_of_several: false }
}

const fn seconds(ttl: Span) -> u64 {
    ttl.as_millis() / 1_000
}

/// The changes as the vendor takes them: all of them are made, or none is.
pub fn batch(changes: &[Change]) -> String {
    let changes = changes.iter().fold(String::new(), |mut text, change| {
        let (action, set) = match change {
            Change::Delete(set) => ("DELETE", set),
            Change::Create(set) => ("CREATE", set),
        };
        // Writing to a text can't fail.
        let _ = write!(
            text,
            "<Change><Action>{action}</Action><ResourceRecordSet><Name>{}</Name><Type>{}</Type>\
             <TTL>{}</TTL><ResourceRecords>{}</ResourceRecords></ResourceRecordSet></Change>",
            escape(&set.name),
            escape(&set.kind),
            set.ttl.unwrap_or_default(),
            values(set)
        );
        text
    });
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <ChangeBatch><Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

fn values(set: &Set) -> String {
    let value = |v: &String| {
        format!("<ResourceRecord><Value>{}</Value></ResourceRecord>", escape(v.as_str()))
    };
    set.values.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(addresses: &[&str]) -> RecordSet {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        RecordSet { addresses, ttl: Span::from_secs(60) }
    }

    fn a(value: &str, ttl: u64) -> Set {
        set("eu.x", "A", ttl, vec![value.to_owned()])
    }

    fn to(there: &[Set], marks: &[Set], addresses: &[&str]) -> Result<Vec<Change>, Foreign> {
        changes("mine", ("eu.x", there), ("damm-eu.x", marks), &wanted(addresses))
    }

    #[test]
    fn a_name_is_made_changed_and_taken_down_with_its_mark() {
        use Change::{Create, Delete};
        let (old, new) = (a("192.0.2.1", 60), a("192.0.2.2", 60));
        let mark = mark_of("mine", "damm-eu.x");
        let marks = std::slice::from_ref(&mark);
        let there = std::slice::from_ref(&old);
        let made = to(&[], &[], &["192.0.2.1"]);
        assert_eq!(made, Ok(vec![Create(old.clone()), Create(mark.clone())]));
        assert_eq!(to(there, marks, &["192.0.2.1"]), Ok(vec![]));
        let changed = to(there, marks, &["192.0.2.2"]);
        assert_eq!(changed, Ok(vec![Delete(old.clone()), Create(new)]));
        assert_eq!(to(there, marks, &[]), Ok(vec![Delete(old.clone()), Delete(mark.clone())]));
        assert_eq!(to(&[], marks, &[]), Ok(vec![Delete(mark.clone())]));
        assert_eq!(to(&[a("192.0.2.1", 61)], marks, &["192.0.2.1"]).unwrap().len(), 2);
    }

    #[test]
    fn what_the_fleet_does_not_own_is_left_alone() {
        let (mine, theirs) = (mark_of("mine", "damm-eu.x"), mark_of("other", "damm-eu.x"));
        let alias = Set { ttl: None, ..a("192.0.2.1", 60) };
        let weighted = Set { one_of_several: true, ..a("192.0.2.1", 60) };
        let cname = set("eu.x", "CNAME", 60, vec!["y.".to_owned()]);
        let text = set("damm-eu.x", "TXT", 60, vec!["\"v=spf1\"".to_owned()]);
        let of = |s: &Set| vec![s.clone()];
        for (there, marks) in [
            (of(&a("192.0.2.1", 60)), vec![]),
            (of(&a("192.0.2.1", 60)), of(&theirs)),
            (vec![], of(&theirs)),
            (vec![], of(&text)),
            (of(&cname), vec![]),
            (of(&alias), of(&mine)),
            (of(&weighted), of(&mine)),
        ] {
            for addresses in [&["192.0.2.1"][..], &[]] {
                assert_eq!(to(&there, &marks, addresses), Err(Foreign), "{there:?} {marks:?}");
            }
        }
        let mail = set("eu.x", "MX", 60, vec!["10 mail.x.".to_owned()]);
        assert!(to(&[mail], &[], &["192.0.2.1"]).is_ok());
    }

    #[test]
    fn a_batch_is_written_as_xml_that_reads_the_same() {
        let sets = [a("192.0.2.1", 60), mark_of("mine", "damm-eu.x")];
        let text = batch(&sets.clone().map(Change::Create));
        let read = super::super::xml::read(text.as_bytes()).unwrap();
        let changes = read.at(&["ChangeBatch", "Changes"]).unwrap();
        let again: Vec<_> = changes
            .all("Change")
            .filter_map(|c| Set::read(c.child("ResourceRecordSet")?))
            .collect();
        assert_eq!(again, sets);
    }
}
