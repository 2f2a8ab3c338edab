//! What became of the addresses of front doors, kept after they were given back: which were blocked
//! before, and how many of a provider's are of any use. No client's address stands here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;
use crate::id::{FrontdoorId, NodeId};
use crate::inventory::Inventory;
use crate::name::ProviderName;
use crate::net::prefix_of;
use crate::node::{Frontdoor, Node};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::time::{Span, Timestamp};
use crate::topology::Population;
use crate::verdict::{Network, State, Verdicts};

/// How long a block is remembered: providers give an address to the next customer within days, and
/// blocks of single addresses have been seen to stay for months.
pub const MEMORY: Span = Span::from_hours(180 * 24);

/// What a new address is judged by its first day of.
pub const FIRST_DAY: Span = Span::from_hours(24);

/// What became of one front door's address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// The node that it was made for.
    pub node: NodeId,
    /// The account that gave it.
    pub provider: ProviderName,
    /// The address.
    pub address: IpAddr,
    /// When it was first seen.
    pub given_at: Timestamp,
    /// Since when clients were told of it.
    pub kept_at: Option<Timestamp>,
    /// When it was refused for what had happened to it, or to its neighbours, before.
    pub refused_at: Option<Timestamp>,
    /// The networks that it was blocked in, each with the first time.
    #[serde(default)]
    pub blocked: BTreeMap<Network, Timestamp>,
}

/// What became of all addresses of front doors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(pub BTreeMap<FrontdoorId, Past>);

/// What has changed of a history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Noted {
    /// Entries that are new, or say something else than before.
    pub changed: Vec<FrontdoorId>,
    /// Entries that are forgotten.
    pub forgotten: Vec<FrontdoorId>,
}

impl Noted {
    /// Whether nothing has.
    pub const fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.forgotten.is_empty()
    }
}

impl History {
    /// Notes how the doors of a blueprint are doing. What it says twice it notes once, so it may be
    /// called at any time; what lies in between is lost.
    pub fn note(
        &mut self,
        blueprint: &Blueprint,
        inventory: &Inventory,
        verdicts: &Verdicts,
        now: Timestamp,
    ) -> Noted {
        let mut noted = Noted::default();
        for node in blueprint.nodes.values() {
            for door in node.frontdoors.values() {
                if self.note_door(node, door, inventory, verdicts, now) {
                    noted.changed.push(door.id);
                }
            }
        }
        noted.forgotten = self.forget(blueprint, now);
        noted
    }

    fn note_door(
        &mut self,
        node: &Node,
        door: &Frontdoor,
        inventory: &Inventory,
        verdicts: &Verdicts,
        now: Timestamp,
    ) -> bool {
        let known = self.0.contains_key(&door.id);
        if !known {
            let seen = inventory.frontdoors.get(&door.id).filter(|a| a.phase.may_exist());
            let Some(address) = seen.and_then(|a| a.address) else { return false };
            self.0.insert(door.id, Past::new(node, address, now));
        }
        let Some(past) = self.0.get_mut(&door.id) else { return false };
        past.is_changed_by(&door.stage, verdicts.of(door.id), now) || !known
    }

    /// Forgets what is older than [`MEMORY`] and stands no more.
    fn forget(&mut self, blueprint: &Blueprint, now: Timestamp) -> Vec<FrontdoorId> {
        let old = |p: &&Past| now.since(p.last()) > MEMORY;
        let old: Vec<_> =
            self.0.iter().filter(|(_, p)| old(p)).map(|(id, p)| (*id, p.node)).collect();
        let stands = |(id, node): &(FrontdoorId, NodeId)| {
            blueprint.nodes.get(node).is_some_and(|n| n.frontdoors.contains_key(id))
        };
        let gone = old.into_iter().filter(|entry| !stands(entry)).map(|(id, _)| id);
        let gone: Vec<FrontdoorId> = gone.collect();
        gone.iter().for_each(|id| drop(self.0.remove(id)));
        gone
    }

    /// What new addresses are held against.
    pub fn lessons(&self, now: Timestamp) -> Lessons {
        let mut lessons = Lessons::default();
        for past in self.0.values() {
            if !past.blocked.is_empty() {
                let networks = lessons.blocked.entry(past.address).or_default();
                networks.extend(past.blocked.keys().copied());
            }
            if past.refused_at.is_some_and(|at| now.since(at) < FIRST_DAY) {
                let (_, n) =
                    lessons.refused.entry(past.node).or_insert_with(|| (past.provider.clone(), 0));
                *n += 1;
            }
        }
        lessons
    }

    /// What each provider's addresses were good for.
    pub fn yields(&self) -> BTreeMap<ProviderName, Yield> {
        let mut yields = BTreeMap::<_, Yield>::new();
        for past in self.0.values() {
            yields.entry(past.provider.clone()).or_default().count(past);
        }
        yields
    }
}

impl Past {
    fn new(node: &Node, address: IpAddr, given_at: Timestamp) -> Self {
        Self {
            node: node.id,
            provider: node.provider.clone(),
            address,
            given_at,
            kept_at: None,
            refused_at: None,
            blocked: BTreeMap::new(),
        }
    }

    fn is_changed_by<'v>(
        &mut self,
        stage: &Stage,
        verdicts: impl Iterator<Item = (&'v Network, &'v crate::Verdict)>,
        now: Timestamp,
    ) -> bool {
        let before = (self.kept_at, self.refused_at, self.blocked.len());
        match stage {
            Stage::Live { since } => self.kept_at = self.kept_at.or(Some(*since)),
            Stage::Leaving { since, why } if why.is_about_the_past() => {
                self.refused_at = self.refused_at.or(Some(*since));
            }
            _ => {}
        }
        for (network, _) in verdicts.filter(|(_, v)| v.state == State::Blocked) {
            self.blocked.entry(*network).or_insert(now);
        }
        before != (self.kept_at, self.refused_at, self.blocked.len())
    }

    /// The last that is known of it.
    fn last(&self) -> Timestamp {
        let moments = self.blocked.values().copied().chain(self.kept_at).chain(self.refused_at);
        moments.fold(self.given_at, Timestamp::max)
    }
}

impl Reason {
    /// Whether an address was refused for what had happened to it, or to its neighbours, before.
    pub const fn is_about_the_past(&self) -> bool {
        matches!(self, Self::BlockedBefore { .. } | Self::PrefixBlocked { .. })
    }
}

/// What new addresses are held against.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lessons {
    /// Addresses of ours that were blocked, with the networks.
    pub blocked: BTreeMap<IpAddr, BTreeSet<Network>>,
    /// For each node, its account, and the addresses that were refused there within a day.
    pub refused: BTreeMap<NodeId, (ProviderName, u32)>,
}

impl Lessons {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocked.is_empty() && self.refused.is_empty()
    }

    /// The networks that this very address was blocked in.
    pub fn of(&self, address: IpAddr) -> Option<&BTreeSet<Network>> {
        self.blocked.get(&address)
    }

    /// How many addresses of a prefix were blocked in any of a population's networks.
    pub fn blocked_in(&self, prefix: IpNet, population: &Population) -> usize {
        let (first, last) = (prefix.network(), prefix.broadcast());
        let there = self.blocked.range(first..=last).filter(|(a, _)| prefix_of(**a) == prefix);
        there.filter(|(_, networks)| networks.iter().any(|n| n.is_of(population))).count()
    }
}

/// What a provider's addresses were good for, over what is remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yield {
    /// Addresses that it gave to front doors.
    pub made: u32,
    /// Those that clients were told of.
    pub kept: u32,
    /// Those that were refused, because they or their prefix were blocked before.
    pub refused: u32,
    /// Those that were blocked somewhere within a day of being told.
    pub blocked_within_a_day: u32,
}

impl Yield {
    fn count(&mut self, past: &Past) {
        let first = past.blocked.values().min();
        let soon = past.kept_at.zip(first).is_some_and(|(k, b)| b.since(k) <= FIRST_DAY);
        self.made += 1;
        self.kept += u32::from(past.kept_at.is_some());
        self.refused += u32::from(past.refused_at.is_some());
        self.blocked_within_a_day += u32::from(soon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Asn;

    fn at(hours: u64) -> Timestamp {
        Timestamp::EPOCH + Span::from_hours(hours)
    }

    fn network(asn: u32) -> Network {
        Network::new("IR", Asn(asn)).unwrap()
    }

    fn past(address: &str, kept: Option<u64>, refused: Option<u64>, blocked: &[u64]) -> Past {
        let blocked = blocked.iter().map(|h| (network(*h as u32 + 1), at(*h)));
        Past {
            node: NodeId::from_raw(1),
            provider: "here".parse().unwrap(),
            address: address.parse().unwrap(),
            given_at: at(0),
            kept_at: kept.map(at),
            refused_at: refused.map(at),
            blocked: blocked.collect(),
        }
    }

    fn history(all: &[Past]) -> History {
        let ids = (1..).map(FrontdoorId::from_raw);
        History(ids.zip(all.iter().cloned()).collect())
    }

    #[test]
    fn a_yield_counts_what_was_kept_refused_and_blocked_soon() {
        let history = history(&[
            past("192.0.2.1", Some(1), None, &[]),
            past("192.0.2.2", Some(1), None, &[25, 90]),
            past("192.0.2.3", Some(1), None, &[26]),
            past("192.0.2.2", None, Some(2), &[]),
            past("192.0.2.4", None, None, &[]),
        ]);
        let expected = Yield { made: 5, kept: 3, refused: 1, blocked_within_a_day: 1 };
        assert_eq!(history.yields(), BTreeMap::from([("here".parse().unwrap(), expected)]));
    }

    #[test]
    fn lessons_are_of_addresses_in_the_populations_networks_and_of_one_day() {
        let history = history(&[
            past("192.0.2.1", Some(1), None, &[4]),
            past("192.0.2.9", Some(1), None, &[4, 6]),
            past("192.0.3.9", Some(1), None, &[4]),
            past("192.0.2.1", None, Some(10), &[]),
        ]);
        let population = |asns: &[u32]| Population {
            asns: asns.iter().copied().map(Asn).collect(),
            ..serde_json::from_str(
                r#"{ "country": "IR", "asns": [], "regions": ["north"], "min_fronts": 1 }"#,
            )
            .unwrap()
        };
        let prefix = "192.0.2.0/24".parse().unwrap();
        let lessons = history.lessons(at(33));
        assert_eq!(lessons.blocked_in(prefix, &population(&[5])), 2);
        assert_eq!(lessons.blocked_in(prefix, &population(&[7])), 1);
        assert_eq!(lessons.blocked_in(prefix, &population(&[99])), 0);
        assert_eq!(lessons.of("192.0.2.9".parse().unwrap()).map(BTreeSet::len), Some(2));
        assert_eq!(lessons.of("192.0.2.8".parse().unwrap()), None);
        assert_eq!(lessons.refused.values().map(|(_, n)| *n).sum::<u32>(), 1);
        assert!(history.lessons(at(34)).refused.is_empty());
    }

    #[test]
    fn what_has_gone_is_forgotten_half_a_year_after_its_last_block() {
        let mut history = history(&[
            past("192.0.2.1", Some(1), None, &[]),
            past("192.0.2.2", Some(1), None, &[48]),
        ]);
        let none = Blueprint::genesis(crate::BlueprintId::from_raw(0), at(0));
        let (inventory, verdicts) = (Inventory::default(), Verdicts::default());
        let mut forgotten = |now| history.note(&none, &inventory, &verdicts, now).forgotten.len();
        assert_eq!(forgotten(at(1) + MEMORY), 0);
        assert_eq!(forgotten(at(2) + MEMORY), 1);
        assert_eq!(forgotten(at(48) + MEMORY), 0);
        assert_eq!(forgotten(at(49) + MEMORY), 1);
    }
}
