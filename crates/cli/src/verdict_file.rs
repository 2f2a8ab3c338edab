//! Files of verdicts: a JSON list. All that is wrong is told at once, each with its place.

use std::net::IpAddr;

use damm_fleet::{FrontdoorId, Network, State, Subject, Timestamp, Verdict, Verdicts};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::exit::Failure;
use crate::picture::Picture;

/// One entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    door: Option<FrontdoorId>,
    address: Option<IpAddr>,
    network: Network,
    state: State,
    since: Option<Timestamp>,
    #[serde(default)]
    evidence: String,
}

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
}

/// Reads a file's text.
///
/// # Errors
///
/// Everything that is wrong with it: broken JSON, unknown doors, states or keys, entries that
/// contradict each other, and evidence that names an address.
pub fn read(name: &str, text: &str, picture: &Picture) -> Result<Verdicts, Failure> {
    let list: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| {
        let message =
            if e.is_data() { "a list of verdicts is expected".to_owned() } else { e.to_string() };
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        let (line, column) = (e.line().max(1), e.column().max(1));
        told(name, text, &[Mistake { line, column, message }])
    })?;
    let mut verdicts = Verdicts::default();
    let mut mistakes = Vec::new();
    for raw in list {
        // An element is a slice of the text that it was read from.
        let offset = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        if let Err((at, message)) = entry(raw.get(), picture, &mut verdicts) {
            let (line, column) = place(text, offset + at);
            mistakes.push(Mistake { line, column, message });
        }
    }
    match mistakes.is_empty() {
        true => Ok(verdicts),
        false => Err(told(name, text, &mistakes)),
    }
}

/// Takes one entry in; else where in it what is wrong.
fn entry(raw: &str, picture: &Picture, verdicts: &mut Verdicts) -> Result<(), (usize, String)> {
    let entry: Entry = serde_json::from_str(raw).map_err(|e| {
        let message = e.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        (byte_of(raw, e.line(), e.column()), message)
    })?;
    let at = |key: &str| raw.find(&format!("\"{key}\"")).unwrap_or(0);
    if let Some(address) = addresses_in(&entry.evidence).next() {
        let message = format!("evidence names the address {address}: no client's address is kept");
        return Err((at("evidence"), message));
    }
    for door in doors(&entry, picture).map_err(|(key, m)| (at(key), m))? {
        let verdict =
            Verdict::new(entry.state, entry.since.unwrap_or(picture.now), entry.evidence.clone());
        let networks = verdicts.0.entry(door).or_default();
        if networks.insert(entry.network, verdict).is_some() {
            let message = format!("{door} has a verdict for {} already", entry.network);
            return Err((0, message));
        }
    }
    Ok(())
}

/// The front doors that an entry is about.
fn doors(entry: &Entry, picture: &Picture) -> Result<Vec<FrontdoorId>, (&'static str, String)> {
    match (entry.door, entry.address) {
        (Some(door), None) => match picture.target.frontdoor(door) {
            Some(_) => Ok(vec![door]),
            None => Err(("door", format!("there is no {door} in the fleet"))),
        },
        (None, Some(address)) => {
            let here = |r: &&damm_fleet::Resource| r.address == Some(address);
            let door = |s: Subject| match s {
                Subject::Frontdoor(id) => Some(id),
                _ => None,
            };
            let found = picture.resources.values().filter(here).filter_map(|r| door(r.subject));
            let found: Vec<_> = found.collect();
            match found.is_empty() {
                true => Err(("address", format!("no front door stands at {address}"))),
                false => Ok(found),
            }
        }
        _ => Err(("door", "one of `door` and `address` is needed, and not both".to_owned())),
    }
}

/// All addresses that stand in a text.
fn addresses_in(text: &str) -> impl Iterator<Item = IpAddr> {
    let part = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
    let words = text.split(move |c| !part(c));
    words.filter_map(|w| w.trim_end_matches(['.', ':']).parse().ok())
}

fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

fn told(name: &str, text: &str, mistakes: &[Mistake]) -> Failure {
    let show = |m: &Mistake| {
        let line = text.lines().nth(m.line - 1).unwrap_or_default();
        let mark = " ".repeat(m.column - 1);
        format!("{name}:{}:{}: {}\n    {line}\n    {mark}^", m.line, m.column, m.message)
    };
    let shown: Vec<_> = mistakes.iter().map(show).collect();
    Failure::error(shown.join("\n"))
        .help("`damm verdicts import --help` shows a file; nothing was stored")
        .details(mistakes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use damm_fleet::{Blueprint, Seed};

    use super::*;

    fn picture() -> Picture {
        let id = Seed::from_number(1).blueprint();
        Picture {
            target: Blueprint::genesis(id, Timestamp::EPOCH),
            resources: BTreeMap::new(),
            reports: BTreeMap::new(),
            exposures: BTreeMap::new(),
            verdicts: Verdicts::default(),
            catalogs: BTreeMap::new(),
            channels: Vec::new(),
            orphans: Vec::new(),
            now: Timestamp::EPOCH,
        }
    }

    fn refused(text: &str) -> String {
        read("v.json", text, &picture()).unwrap_err().message
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_places() {
        let text = "[\n  { \"door\": \"door-000000000000\", \"network\": \"IR/AS1\", \
                    \"state\": \"blocked\" },\n  { \"network\": \"ir\", \"state\": \"gone\" }\n]";
        let told = refused(text);
        assert!(told.contains("v.json:2:5: there is no door-000000000000"), "{told}");
        assert!(told.contains("v.json:3:"), "{told}");
        assert!(told.contains("`ir` is not a client network"), "{told}");
    }

    #[test]
    fn a_file_that_is_cut_short_is_refused_with_its_place() {
        assert!(refused("[\n  {").starts_with("v.json:2:"));
        assert!(refused("{}").contains("a list of verdicts is expected"));
    }

    #[test]
    fn evidence_that_names_an_address_is_refused() {
        for address in ["203.0.113.9", "2001:db8::7"] {
            let text = format!(
                "[{{\"door\":\"door-000000000000\",\"network\":\"IR/AS1\",\"state\":\"blocked\",\
                 \"evidence\":\"seen from {address}.\"}}]"
            );
            assert!(refused(&text).contains(address));
        }
        assert_eq!(addresses_in("9 of 12 probes at 10:30 timed out, 0.5 s").next(), None);
    }
}
