//! Route 53's zones.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::form::{No, Said, escaped, no, sender, unescaped, xml};
use crate::answer::Answer;
use crate::asked::Asked;

/// The namespace of its documents.
const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// Record sets on one page, at most.
const PAGE: usize = 300;

/// A zone.
#[derive(Debug, Clone)]
pub struct Zone {
    pub id: String,
    pub name: String,
    pub private: bool,
    pub sets: BTreeMap<At, Set>,
}

/// Where a record set stands in the zone's order: labels from the last one on, and the type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(Vec<String>, String);

/// A record set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    pub name: String,
    pub kind: String,
    pub ttl: u64,
    pub values: Vec<String>,
}

impl Set {
    fn at(&self) -> At {
        at(&self.name, &self.kind)
    }
}

impl Zone {
    /// Puts a set there, whatever stood there before.
    pub fn put(&mut self, set: Set) {
        self.sets.insert(set.at(), set);
    }
}

fn at(name: &str, kind: &str) -> At {
    let name = name.trim_end_matches('.').to_lowercase();
    At(name.rsplit('.').map(str::to_owned).collect(), kind.to_owned())
}

/// Answers a request.
pub fn answer(zones: &mut [Zone], asked: &Asked) -> Answer {
    let said = match (asked.method.as_str(), &asked.segments()[1..]) {
        ("GET", ["hostedzonesbyname"]) => by_name(zones, asked),
        ("GET", ["hostedzone", id, "rrset"]) => zone(zones, id).and_then(|z| list(z, asked)),
        ("POST", ["hostedzone", id, "rrset"]) => zone(zones, id).and_then(|z| change(z, asked)),
        _ => Err(No(404, "UnknownOperationException", "no such operation".to_owned())),
    };
    match said {
        Ok(inside) => xml(200, &inside),
        Err(no) => sender(NAMESPACE, &no),
    }
}

fn zone<'a>(zones: &'a mut [Zone], id: &str) -> Result<&'a mut Zone, No> {
    let words = || format!("No hosted zone found with ID: {id}");
    zones.iter_mut().find(|z| z.id == id).ok_or_else(|| No(404, "NoSuchHostedZone", words()))
}

fn by_name(zones: &[Zone], asked: &Asked) -> Said {
    let from = at(asked.query("dnsname").unwrap_or_default(), "");
    let most = asked.query("maxitems").and_then(|m| m.parse().ok()).unwrap_or(100);
    let mut all: Vec<_> = zones.iter().filter(|z| at(&z.name, "") >= from).collect();
    all.sort_by_key(|z| (at(&z.name, ""), z.id.clone()));
    let items = all.iter().take(most).map(|z| {
        format!(
            "<HostedZone><Id>/hostedzone/{}</Id><Name>{}.</Name><Config><PrivateZone>{}\
             </PrivateZone></Config></HostedZone>",
            z.id, z.name, z.private
        )
    });
    Ok(format!(
        "<ListHostedZonesByNameResponse xmlns=\"{NAMESPACE}\"><HostedZones>{}</HostedZones>\
         <IsTruncated>{}</IsTruncated></ListHostedZonesByNameResponse>",
        items.collect::<String>(),
        all.len() > most
    ))
}

fn list(zone: &Zone, asked: &Asked) -> Said {
    let most = asked.query("maxitems").and_then(|m| m.parse().ok()).unwrap_or(PAGE).min(PAGE);
    let from = asked.query("name").map(|n| at(n, asked.query("type").unwrap_or_default()));
    let mut sets = zone.sets.iter().filter(|(at, _)| from.as_ref().is_none_or(|f| *at >= f));
    let shown: String = sets.by_ref().take(most).map(|(_, set)| shown(set)).collect();
    let next = sets.next().map(|(_, set)| {
        format!(
            "<NextRecordName>{}</NextRecordName><NextRecordType>{}</NextRecordType>",
            written(&set.name),
            set.kind
        )
    });
    Ok(format!(
        "<ListResourceRecordSetsResponse xmlns=\"{NAMESPACE}\"><ResourceRecordSets>{shown}\
         </ResourceRecordSets><IsTruncated>{}</IsTruncated>{}<MaxItems>{most}</MaxItems>\
         </ListResourceRecordSetsResponse>",
        next.is_some(),
        next.unwrap_or_default()
    ))
}

fn shown(set: &Set) -> String {
    let values = set
        .values
        .iter()
        .map(|v| format!("<ResourceRecord><Value>{}</Value></ResourceRecord>", escaped(v)));
    format!(
        "<ResourceRecordSet><Name>{}</Name><Type>{}</Type><TTL>{}</TTL><ResourceRecords>{}\
         </ResourceRecords></ResourceRecordSet>",
        written(&set.name),
        set.kind,
        set.ttl,
        values.collect::<String>()
    )
}

/// A name as the vendor writes it: with a dot at its end, and odd symbols in octal.
fn written(name: &str) -> String {
    format!("{}.", name.replace('*', "\\052"))
}

fn change(zone: &mut Zone, asked: &Asked) -> Said {
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    let mut after = zone.sets.clone();
    let changes: Vec<_> = between(&body, "Change").collect();
    if changes.is_empty() {
        return no("InvalidInput", "Invalid XML ; there are no changes");
    }
    for change in changes {
        let action = first(change, "Action")?;
        let set = read(change)?;
        let of = format!("resource record set [name='{}.', type='{}']", set.name, set.kind);
        if set.name != zone.name && !set.name.ends_with(&format!(".{}", zone.name)) {
            let words = format!("[RRSet with DNS name {}. is not permitted in zone]", set.name);
            return no("InvalidChangeBatch", words);
        }
        match (action.as_str(), after.get(&set.at())) {
            ("CREATE", Some(_)) => {
                let words = format!("[Tried to create {of} but it already exists]");
                return no("InvalidChangeBatch", words);
            }
            ("CREATE", None) | ("UPSERT", _) => {
                valid(&set)?;
                alone(&after, &set)?;
                after.insert(set.at(), set);
            }
            ("DELETE", None) => {
                let words = format!("[Tried to delete {of} but it was not found]");
                return no("InvalidChangeBatch", words);
            }
            ("DELETE", Some(held)) if *held != set => {
                let words = format!(
                    "[Tried to delete {of} but the values provided do not match the current values]"
                );
                return no("InvalidChangeBatch", words);
            }
            ("DELETE", Some(_)) => drop(after.remove(&set.at())),
            _ => return no("InvalidInput", "Invalid XML ; the action is none"),
        }
    }
    zone.sets = after;
    Ok(format!(
        "<ChangeResourceRecordSetsResponse xmlns=\"{NAMESPACE}\"><ChangeInfo><Id>/change/C1</Id>\
         <Status>PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>"
    ))
}

fn valid(set: &Set) -> Result<(), No> {
    let fits = |v: &String| match set.kind.as_str() {
        "A" => v.parse::<Ipv4Addr>().is_ok(),
        "AAAA" => v.parse::<Ipv6Addr>().is_ok(),
        "TXT" => v.starts_with('"') && v.ends_with('"') && v.len() > 1,
        _ => true,
    };
    let labels = set.name.split('.').all(|l| !l.is_empty() && l.len() <= 63);
    let distinct = (1..set.values.len()).all(|n| !set.values[..n].contains(&set.values[n]));
    match labels && distinct && !set.values.is_empty() && set.values.iter().all(fits) {
        true => Ok(()),
        false => no("InvalidChangeBatch", "[Invalid Resource Record]"),
    }
}

/// A CNAME stands alone at its name.
fn alone(sets: &BTreeMap<At, Set>, set: &Set) -> Result<(), No> {
    let clash = |other: &Set| {
        other.name == set.name
            && other.kind != set.kind
            && [&other.kind, &set.kind].contains(&&"CNAME".to_owned())
    };
    match sets.values().any(clash) {
        true => no("InvalidChangeBatch", "[RRSet of type CNAME is not permitted beside others]"),
        false => Ok(()),
    }
}

fn read(change: &str) -> Result<Set, No> {
    let values = between(change, "Value").map(unescaped).collect();
    let ttl = first(change, "TTL")?.parse();
    Ok(Set {
        name: first(change, "Name")?.trim_end_matches('.').to_lowercase(),
        kind: first(change, "Type")?,
        ttl: ttl.map_err(|_| No(400, "InvalidInput", "Invalid XML ; TTL".to_owned()))?,
        values,
    })
}

fn first(text: &str, tag: &str) -> Result<String, No> {
    let words = || format!("Invalid XML ; {tag} is missing");
    let found = between(text, tag).next().map(unescaped);
    found.ok_or_else(|| No(400, "InvalidInput", words()))
}

fn between<'a>(text: &'a str, tag: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let parts: Vec<_> = text.split(&open).skip(1).collect();
    parts.into_iter().filter_map(move |part| part.split(&close).next())
}

/// The type of record that an address stands in.
pub const fn kind(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "A",
        IpAddr::V6(_) => "AAAA",
    }
}
