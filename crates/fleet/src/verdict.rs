//! What is known of a front door's reachability, per client network. There is no global flag.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::few::Few;
use crate::id::FrontdoorId;
use crate::net::Asn;
use crate::time::Timestamp;
use crate::topology::Population;

/// A network that clients stand in: a country and an autonomous system. Written `IR/AS58224`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// ISO 3166-1 alpha-2, in capitals.
    pub country: [u8; 2],
    /// The clients' own network.
    pub asn: Asn,
}

impl Network {
    /// The network of a country's code; `None` when the code is not two capitals.
    pub fn new(country: &str, asn: Asn) -> Option<Self> {
        let code: [u8; 2] = country.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self { country: code, asn })
    }
}

impl Network {
    /// Whether it is one of a population's.
    pub fn is_of(&self, population: &Population) -> bool {
        self.country == population.country.as_bytes() && population.asns.contains(&self.asn)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.country.map(char::from);
        write!(f, "{a}{b}/{}", self.asn)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a client network: write it as in `IR/AS58224`")]
pub struct InvalidNetwork(pub String);

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (country, asn) = text.split_once("/AS").ok_or_else(invalid)?;
        let asn = Asn(asn.parse().map_err(|_| invalid())?);
        Self::new(country, asn).ok_or_else(invalid)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        crate::text::from_text(d)
    }
}

/// How reachable a front door is from one client network.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing is known.
    #[default]
    Unknown,
    /// Clients get through.
    Reachable,
    /// Clients get through badly; new ones are better told of others.
    Degraded,
    /// The network's censor stops clients.
    Blocked,
    /// The door itself does not answer anybody.
    Down,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Reachable => "reachable",
            Self::Degraded => "degraded",
            Self::Blocked => "blocked",
            Self::Down => "down",
        })
    }
}

/// Who found a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The operator, or whatever the operator asks: it stays until the operator takes it back.
    #[default]
    Operator,
    /// The controller, from what clients report: it changes as they do.
    Clients,
}

impl Source {
    const fn is_operator(&self) -> bool {
        matches!(self, Self::Operator)
    }
}

/// A state with when it began and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// How reachable the door is.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// What it rests on, in a few words and numbers; it names no client.
    #[serde(default)]
    pub evidence: String,
    /// Who found it.
    #[serde(default, skip_serializing_if = "Source::is_operator")]
    pub source: Source,
}

impl Verdict {
    /// A verdict of the operator's.
    pub fn new(state: State, since: Timestamp, evidence: impl Into<String>) -> Self {
        Self { state, since, evidence: evidence.into(), source: Source::Operator }
    }
}

/// All verdicts: for each front door, the networks that something is known of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Verdicts(pub BTreeMap<FrontdoorId, Few<Network, Verdict>>);

impl Verdicts {
    /// The state of a door in a network.
    pub fn state(&self, door: FrontdoorId, network: Network) -> State {
        self.of(door).find(|(n, _)| **n == network).map_or(State::Unknown, |(_, v)| v.state)
    }

    /// What is known of a door, by network.
    pub fn of(&self, door: FrontdoorId) -> impl Iterator<Item = (&Network, &Verdict)> {
        self.0.get(&door).into_iter().flat_map(Few::iter)
    }

    /// The networks of a population that a door is blocked in.
    pub fn blocked_in(&self, door: FrontdoorId, population: &Population) -> Vec<Network> {
        let mine = self.of(door).filter(|(n, _)| n.is_of(population));
        let blocked = mine.filter(|(_, v)| v.state == State::Blocked);
        blocked.map(|(n, _)| *n).collect()
    }

    /// Whether a door is down, wherever that was seen from.
    pub fn is_down(&self, door: FrontdoorId) -> bool {
        self.of(door).any(|(_, v)| v.state == State::Down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_reads_back_as_it_was_written() {
        let n = Network::new("IR", Asn(58_224)).unwrap();
        assert_eq!(n.to_string(), "IR/AS58224");
        assert_eq!("IR/AS58224".parse(), Ok(n));
        for bad in ["ir/AS1", "IR", "IR/58224", "IRN/AS1", "IR/AS-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad:?} was taken");
        }
    }
}
