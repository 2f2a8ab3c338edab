//! What each population has, kept up to date while a plan is made.

use std::collections::BTreeMap;

use damm_fleet::topology::Population;
use damm_fleet::{
    Asn, Frontdoor, Node, PopulationName, ProviderName, RegionName, Topology, WaitingOn,
};
use ipnet::IpNet;

use crate::condition;
use crate::plan::Situation;
use crate::report::{Survival, Survivors};

/// Front doors that a population's clients are told of and can reach, by where they stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) fronts: u32,
    pub(crate) providers: BTreeMap<ProviderName, u32>,
    pub(crate) asns: BTreeMap<Asn, u32>,
    pub(crate) prefixes: BTreeMap<IpNet, u32>,
}

/// Counts one more (`by` 1) or one less (`by` -1) of a key; keys that count nothing are not there.
fn count<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K, by: i32) {
    let now = counts.get(&key).copied().unwrap_or(0).saturating_add_signed(by);
    match now {
        0 => drop(counts.remove(&key)),
        n => drop(counts.insert(key, n)),
    }
}

impl Tally {
    fn change(&mut self, s: &Situation<'_>, node: &Node, door: &Frontdoor, by: i32) {
        self.fronts = self.fronts.saturating_add_signed(by);
        count(&mut self.providers, node.provider.clone(), by);
        let seen = s.inventory.frontdoors.get(&door.id);
        if let Some(asn) = seen.and_then(|a| a.asn) {
            count(&mut self.asns, asn, by);
        }
        if let Some(prefix) = seen.and_then(|a| a.prefix()) {
            count(&mut self.prefixes, prefix, by);
        }
    }

    /// Each thing that a population needs, as what it is, how many there are and how many there
    /// must be.
    pub(crate) fn needs(&self, p: &Population) -> [(&'static str, u32, u32); 4] {
        [
            ("front doors", self.fronts, p.min_fronts),
            ("providers", self.providers.len() as u32, p.min_providers),
            ("ASNs", self.asns.len() as u32, p.min_asns),
            ("prefixes", self.prefixes.len() as u32, p.min_prefixes),
        ]
    }

    /// The report's view of it.
    pub(crate) fn survival(&self, p: &Population) -> Survival {
        let [fronts, providers, asns, prefixes] = self.needs(p).map(|(_, n, _)| n);
        let worst = vec![
            self.worst("provider", &self.providers),
            self.worst("ASN", &self.asns),
            self.worst("prefix", &self.prefixes),
        ];
        Survival { fronts, min_fronts: p.min_fronts, providers, asns, prefixes, worst }
    }

    fn worst<K: ToString>(&self, kind: &str, counts: &BTreeMap<K, u32>) -> Survivors {
        let most = counts.iter().max_by_key(|(_, n)| **n);
        Survivors {
            kind: kind.to_owned(),
            lost: most.map_or_else(String::new, |(k, _)| k.to_string()),
            left: self.fronts - most.map_or(0, |(_, n)| *n),
        }
    }
}

/// What each population has in the situation's parent, as it was observed: before any plan.
pub fn survival(s: &Situation<'_>) -> BTreeMap<PopulationName, Survival> {
    Tallies::of(s, s.parent.nodes.values()).survival(s.topology)
}

/// The tallies of all populations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tallies(pub(crate) BTreeMap<PopulationName, Tally>);

/// Whether clients of a population that are told of a door can reach it.
fn usable(s: &Situation<'_>, node: &Node, door: &Frontdoor) -> bool {
    condition::of_node(s, node).is_sound() && condition::of_door(s, door).is_sound()
}

impl Tallies {
    /// What a set of nodes gives to each population.
    pub(crate) fn of<'n>(s: &Situation<'_>, nodes: impl Iterator<Item = &'n Node>) -> Self {
        let names = s.topology.populations.keys();
        let mut tallies = Self(names.map(|n| (n.clone(), Tally::default())).collect());
        nodes.for_each(|n| tallies.add_node(s, n, 1));
        tallies
    }

    /// The report's view of all of them.
    pub(crate) fn survival(&self, topology: &Topology) -> BTreeMap<PopulationName, Survival> {
        let known = |(name, tally): (&PopulationName, &Tally)| {
            Some((name.clone(), tally.survival(topology.populations.get(name)?)))
        };
        self.0.iter().filter_map(known).collect()
    }

    fn add_node(&mut self, s: &Situation<'_>, node: &Node, by: i32) {
        for door in node.served_doors() {
            self.add_door(s, node, door, by);
        }
    }

    /// Adds (`by` 1) or takes away (`by` -1) a door that is told and can be reached.
    fn add_door(&mut self, s: &Situation<'_>, node: &Node, door: &Frontdoor, by: i32) {
        if !usable(s, node, door) {
            return;
        }
        let blocked = condition::blocked(s, &node.region, door);
        for (name, _) in s.topology.served_by(&node.region) {
            if blocked.for_population(name) || door.withheld_from.contains(name) {
                continue;
            }
            if let Some(tally) = self.0.get_mut(name) {
                tally.change(s, node, door, by);
            }
        }
    }

    /// Puts `new` in the place of `old`.
    pub(crate) fn exchange(&mut self, s: &Situation<'_>, old: &Node, new: &Node) {
        self.add_node(s, old, -1);
        self.add_node(s, new, 1);
    }

    /// Puts `new` in the place of `old`, unless that takes a population further below its minimum.
    ///
    /// # Errors
    ///
    /// Which population, and what it would lack; nothing is changed then.
    pub(crate) fn try_exchange(
        &mut self,
        s: &Situation<'_>,
        old: &Node,
        new: &Node,
    ) -> Result<(), WaitingOn> {
        let before = self.needs(s.topology, &old.region);
        self.exchange(s, old, new);
        let after = self.needs(s.topology, &old.region);
        match broken(&before, &after) {
            Some(waiting) => {
                self.exchange(s, new, old);
                Err(waiting)
            }
            None => Ok(()),
        }
    }

    /// What the populations of a region need and have.
    pub(crate) fn needs(&self, topology: &Topology, region: &RegionName) -> Needs {
        let mine = topology.served_by(region);
        let needs = mine.filter_map(|(n, p)| Some((n.clone(), self.0.get(n)?.needs(p))));
        needs.collect()
    }
}

/// What each population needs, as what it is, how many there are and how many there must be.
pub(crate) type Needs = Vec<(PopulationName, [(&'static str, u32, u32); 4])>;

/// The first need that is not met and is met worse than before.
pub(crate) fn broken(before: &Needs, after: &Needs) -> Option<WaitingOn> {
    before.iter().zip(after).find_map(|((name, was), (_, now))| {
        let mut pairs = now.iter().zip(was);
        let worse = |((_, n, min), (_, w, _)): &(&(_, u32, u32), &(_, u32, u32))| n < min && n < w;
        let ((what, left, min), _) = pairs.find(worse)?;
        let (what, left, min) = ((*what).to_owned(), *left, *min);
        Some(WaitingOn::PopulationFloor { population: name.clone(), what, left, min })
    })
}
