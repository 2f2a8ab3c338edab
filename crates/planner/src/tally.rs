//! What each population has, kept up to date while a plan is made.

use std::collections::BTreeMap;

use damm_fleet::inventory::ObservedAddress;
use damm_fleet::topology::Population;
use damm_fleet::{
    Asn, Frontdoor, Node, PopulationName, ProviderName, RegionName, Topology, WaitingOn,
};
use ipnet::IpNet;

use crate::condition::{self, Blocked};
use crate::plan::Situation;
use crate::report::{Survival, Survivors};
use crate::scene::Scene;

/// Front doors that a population's clients are told of and can reach, by where they stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) fronts: u32,
    pub(crate) providers: BTreeMap<ProviderName, u32>,
    pub(crate) asns: BTreeMap<Asn, u32>,
    pub(crate) prefixes: BTreeMap<IpNet, u32>,
}

/// A front door that can be reached, with what counts of where it stands.
struct Front<'a> {
    door: &'a Frontdoor,
    blocked: Blocked,
    provider: &'a ProviderName,
    asn: Option<Asn>,
    prefix: Option<IpNet>,
}

/// A door of a node that is well, if it is well too.
fn front<'a>(s: &Scene<'_>, node: &'a Node, door: &'a Frontdoor) -> Option<Front<'a>> {
    let seen = s.address(door.id.into());
    let sound = condition::of_seen_door(s, door, seen).is_sound();
    let blocked = condition::blocked(s, &node.region, door);
    let (asn, prefix) = (seen.and_then(|a| a.asn), seen.and_then(ObservedAddress::prefix));
    sound.then_some(Front { door, blocked, provider: &node.provider, asn, prefix })
}

impl Front<'_> {
    fn is_told_to(&self, population: &PopulationName) -> bool {
        !self.blocked.for_population(population) && !self.door.withheld_from.contains(population)
    }
}

/// Counts one more (`by` 1) or one less (`by` -1) of a key; keys that count nothing are not there.
fn count<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: &K, by: i32) {
    let Some(known) = counts.get_mut(key) else {
        counts.extend(u32::try_from(by).ok().map(|first| (key.clone(), first)));
        return;
    };
    *known = known.saturating_add_signed(by);
    if *known == 0 {
        counts.remove(key);
    }
}

impl Tally {
    fn change(&mut self, front: &Front<'_>, by: i32) {
        self.fronts = self.fronts.saturating_add_signed(by);
        count(&mut self.providers, front.provider, by);
        if let Some(asn) = &front.asn {
            count(&mut self.asns, asn, by);
        }
        if let Some(prefix) = &front.prefix {
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
pub fn survival(situation: &Situation<'_>) -> BTreeMap<PopulationName, Survival> {
    let scene = &Scene::of(situation);
    Tallies::of(scene, scene.parent.nodes.values()).survival(scene.topology)
}

/// The tallies of all populations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tallies(pub(crate) BTreeMap<PopulationName, Tally>);

impl Tallies {
    /// What a set of nodes gives to each population.
    pub(crate) fn of<'n>(s: &Scene<'_>, nodes: impl Iterator<Item = &'n Node>) -> Self {
        let mut tallies = Self::none(s);
        for node in nodes {
            tallies.add_node(s, node, 1);
        }
        tallies
    }

    /// What no nodes give to each population: nothing.
    pub(crate) fn none(s: &Scene<'_>) -> Self {
        let names = s.topology.populations.keys();
        Self(names.map(|n| (n.clone(), Tally::default())).collect())
    }

    /// Adds what a node gives to each population; whether all of its doors in service can be
    /// reached by everybody.
    pub(crate) fn add(&mut self, s: &Scene<'_>, node: &Node) -> bool {
        self.add_node(s, node, 1)
    }

    /// The report's view of all of them.
    pub(crate) fn survival(&self, topology: &Topology) -> BTreeMap<PopulationName, Survival> {
        let known = |(name, tally): (&PopulationName, &Tally)| {
            Some((name.clone(), tally.survival(topology.populations.get(name)?)))
        };
        self.0.iter().filter_map(known).collect()
    }

    /// Adds (`by` 1) or takes away (`by` -1) the doors of a node that are told and can be reached;
    /// whether everybody reaches all of them.
    fn add_node(&mut self, s: &Scene<'_>, node: &Node, by: i32) -> bool {
        if !node.serves() || !condition::of_node(s, node).is_sound() {
            return false;
        }
        let fronts: Vec<Front<'_>> =
            node.served_doors().filter_map(|d| front(s, node, d)).collect();
        // There is a tally for each of the topology's populations, in their order.
        for ((name, tally), population) in self.0.iter_mut().zip(s.topology.populations.values()) {
            if population.regions.contains(&node.region) {
                let told = fronts.iter().filter(|f| f.is_told_to(name));
                told.for_each(|f| tally.change(f, by));
            }
        }
        fronts.len() == node.served_doors().count() && fronts.iter().all(|f| !f.blocked.anywhere())
    }

    /// Puts `new` in the place of `old`.
    pub(crate) fn exchange(&mut self, s: &Scene<'_>, old: &Node, new: &Node) {
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
        s: &Scene<'_>,
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
