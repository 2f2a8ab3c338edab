//! The doors of a bucket: the first of its ranking, spread over providers, networks and prefixes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{Asn, FrontdoorId, PopulationName, ProviderName};
use ipnet::IpNet;

use crate::key::AssignKey;
use crate::rank::{Bars, Ranked, Ranking, cost};
use crate::siphash::SipKey;

/// A front door that a population may be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The door.
    pub id: FrontdoorId,
    /// The account that it stands at.
    pub provider: ProviderName,
    /// The autonomous system that its address is announced from.
    pub asn: Asn,
    /// The prefix of its address, as [`damm_fleet::prefix_of`] cuts it.
    pub prefix: IpNet,
    /// Buckets hold it in proportion to this number; with 0, none does.
    pub weight: u32,
}

/// One bucket of one population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketRef<'a> {
    /// The population.
    pub population: &'a PopulationName,
    /// The bucket's number, from 0.
    pub bucket: u32,
}

/// The doors of one bucket, in the order that its clients should try them.
///
/// For many buckets over the same candidates, make [`Doors`] once.
pub fn doors_for_bucket(
    key: &AssignKey,
    bucket: BucketRef<'_>,
    doors: &[Candidate],
    count: usize,
) -> Vec<FrontdoorId> {
    Doors::new(doors).for_bucket(key, bucket, count)
}

/// Candidates made ready to be ranked for any number of buckets.
#[derive(Debug, Clone)]
pub struct Doors {
    doors: Vec<Door>,
    /// What it takes to be among the first few dozen of a ranking.
    bars: Bars,
    /// For each place, whether there is one that differs in both provider and network.
    opposite: Vec<bool>,
    providers: usize,
    asns: usize,
    prefixes: usize,
}

/// A candidate with its names as numbers.
#[derive(Debug, Clone, Copy)]
struct Door {
    id: FrontdoorId,
    weight: u32,
    /// Provider and network together.
    place: usize,
    provider: usize,
    asn: usize,
    prefix: usize,
}

impl Doors {
    /// Takes in the candidates; their order does not matter, and those of weight 0 are left out.
    pub fn new(candidates: &[Candidate]) -> Self {
        let (mut providers, mut asns) = (Numbers::new(), Numbers::new());
        let (mut prefixes, mut places) = (Numbers::new(), Numbers::new());
        let number = |c: &'_ Candidate| {
            let (provider, asn) = (providers.of(c.provider.clone()), asns.of(c.asn));
            Door {
                id: c.id,
                weight: c.weight,
                place: places.of((provider, asn)),
                provider,
                asn,
                prefix: prefixes.of(c.prefix),
            }
        };
        let doors = candidates.iter().filter(|c| c.weight > 0).map(number);
        let doors: Vec<Door> = doors.collect();
        Self {
            bars: Bars::new(doors.iter().map(|d| (d.id.raw(), d.weight))),
            doors,
            opposite: opposites(&places.0),
            providers: providers.0.len(),
            asns: asns.0.len(),
            prefixes: prefixes.0.len(),
        }
    }

    /// The doors of one bucket, at most `count`, in the order that its clients should try them.
    pub fn for_bucket(
        &self,
        key: &AssignKey,
        bucket: BucketRef<'_>,
        count: usize,
    ) -> Vec<FrontdoorId> {
        let key = subkey(key, bucket);
        // Nearly always, the first few dozen doors are enough, and they are found much faster.
        let mut choice = Choice::new(self, count);
        choice.first_pass(&mut self.bars.first(key).into(), &mut Vec::new());
        if choice.is_full() {
            return choice.taken;
        }
        let mut choice = Choice::new(self, count);
        choice.fill(&mut self.ranking(&key));
        choice.taken
    }

    /// As [`for_bucket`](Self::for_bucket), but tier by tier: those of a lower number go before all
    /// others, and those without a tier are left out.
    pub(crate) fn by_tier(
        &self,
        key: &AssignKey,
        bucket: BucketRef<'_>,
        count: usize,
        tier: impl Fn(FrontdoorId) -> Option<u8>,
    ) -> Vec<FrontdoorId> {
        let key = subkey(key, bucket);
        let mut tiers: BTreeMap<u8, Ranking> = BTreeMap::new();
        for (i, door) in self.doors.iter().enumerate() {
            if let Some(tier) = tier(door.id) {
                tiers.entry(tier).or_default().push(self.ranked(&key, i, door));
            }
        }
        let mut choice = Choice::new(self, count);
        tiers.values_mut().for_each(|ranking| choice.fill(ranking));
        choice.taken
    }

    /// All doors, the best first; a heap, because only the first few are ever asked for.
    fn ranking(&self, key: &SipKey) -> Ranking {
        let ranked = self.doors.iter().enumerate().map(|(i, door)| self.ranked(key, i, door));
        ranked.collect::<Vec<_>>().into()
    }

    fn ranked(&self, key: &SipKey, place: usize, door: &Door) -> Reverse<Ranked> {
        let raw = door.id.raw();
        // The id breaks the ties that the cost leaves.
        Reverse((cost(key.hash(raw), door.weight), raw, place))
    }
}

/// Each bucket's own key: half of what HMAC gives, which is as good as random.
fn subkey(key: &AssignKey, bucket: BucketRef<'_>) -> SipKey {
    let (population, number) = (bucket.population.as_str(), bucket.bucket.to_be_bytes());
    let derived = key.derive("bucket", &[population.as_bytes(), &number]);
    SipKey::new(std::array::from_fn(|i| derived[i]))
}

/// Numbers for names, in the order in which they are first seen.
struct Numbers<T>(BTreeMap<T, usize>);

impl<T: Ord> Numbers<T> {
    const fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn of(&mut self, name: T) -> usize {
        let next = self.0.len();
        *self.0.entry(name).or_insert(next)
    }
}

fn opposites(places: &BTreeMap<(usize, usize), usize>) -> Vec<bool> {
    let mut opposite = vec![false; places.len()];
    for ((provider, asn), place) in places {
        opposite[*place] = places.keys().any(|(p, a)| p != provider && a != asn);
    }
    opposite
}

/// The doors taken so far, and what they still lack.
struct Choice<'a> {
    doors: &'a Doors,
    count: usize,
    /// Whether two providers, and two networks, are wanted: they are there, and there is room.
    wants: (bool, bool),
    taken: Vec<FrontdoorId>,
    prefixes: BTreeSet<usize>,
    first: Option<Door>,
    mixed: (bool, bool),
}

impl<'a> Choice<'a> {
    const fn new(doors: &'a Doors, count: usize) -> Self {
        Self {
            doors,
            count,
            wants: (doors.providers > 1 && count > 1, doors.asns > 1 && count > 1),
            taken: Vec::new(),
            prefixes: BTreeSet::new(),
            first: None,
            mixed: (false, false),
        }
    }

    /// Takes from a ranking what it can: first with each prefix once, then from what is left.
    fn fill(&mut self, ranking: &mut Ranking) {
        let mut passed = Vec::new();
        self.first_pass(ranking, &mut passed);
        // What is left could only be had with a prefix twice.
        let doors = &self.doors.doors;
        let rest = std::iter::from_fn(|| ranking.pop()).map(|Reverse((_, _, d))| doors[d]);
        for door in passed.into_iter().chain(rest) {
            if self.is_full() {
                break;
            }
            if self.leaves_room(door) {
                self.take(door);
            }
        }
    }

    fn first_pass(&mut self, ranking: &mut Ranking, passed: &mut Vec<Door>) {
        while !self.is_full() && self.taken.len() < self.doors.prefixes {
            let Some(Reverse((_, _, door))) = ranking.pop() else {
                break;
            };
            let door = self.doors.doors[door];
            if self.is_new_prefix(door) && self.leaves_room(door) {
                self.take(door);
            } else {
                passed.push(door);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.taken.len() >= self.count
    }

    fn is_new_prefix(&self, door: Door) -> bool {
        !self.prefixes.contains(&door.prefix)
    }

    /// Whether, with this door, the places left still suffice for what is lacking.
    ///
    /// The first door that passes always leads to a full answer. Were there, with two providers
    /// and two networks, no two doors that differ in both, then all would share a provider or all
    /// would share a network (König: no matching of two edges means that one vertex covers all).
    fn leaves_room(&self, door: Door) -> bool {
        self.taken.len() + 1 + self.lacking(door) <= self.count
    }

    /// How many more doors it takes, after this one, until two providers and networks are held.
    fn lacking(&self, door: Door) -> usize {
        let (providers, asns) = self.mixed_with(door);
        match (self.wants.0 && !providers, self.wants.1 && !asns) {
            (false, false) => 0,
            (true, true) if !self.doors.opposite[door.place] => 2,
            _ => 1,
        }
    }

    fn mixed_with(&self, door: Door) -> (bool, bool) {
        let differs = |of: fn(Door) -> usize| self.first.is_some_and(|f| of(f) != of(door));
        (self.mixed.0 || differs(|d| d.provider), self.mixed.1 || differs(|d| d.asn))
    }

    fn take(&mut self, door: Door) {
        self.mixed = self.mixed_with(door);
        self.first.get_or_insert(door);
        self.prefixes.insert(door.prefix);
        self.taken.push(door.id);
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use damm_fleet::Seed;

    use super::*;

    /// Doors of many weights; each eighth stands where no other does.
    fn fleet(doors: usize, seed: u64) -> Vec<Candidate> {
        let mut ids = Seed::from_number(seed);
        let door = |i: usize| Candidate {
            id: ids.frontdoor(),
            provider: ProviderName::new(&format!("p{}", usize::from(i.is_multiple_of(8)))).unwrap(),
            asn: Asn(64_500 + (i % 3) as u32),
            prefix: IpNet::from_str(&format!("10.{}.{}.0/24", i / 250, i % 250)).unwrap(),
            weight: [1, 8, 3, 0, 1_000][i % 5],
        };
        (0..doors).map(door).collect()
    }

    #[test]
    fn the_first_few_dozen_are_what_the_whole_ranking_begins_with() {
        let (key, population) = (AssignKey::new([3; 32]), PopulationName::new("ir").unwrap());
        let mut short = 0;
        for size in [1, 2, 3, 5, 40, 64, 65, 200, 1_000, 4_000] {
            let doors = Doors::new(&fleet(size, size as u64));
            for bucket in 0..200 {
                let bucket = BucketRef { population: &population, bucket };
                for count in [1, 3, 16] {
                    let whole = doors.by_tier(&key, bucket, count, |_| Some(0));
                    assert_eq!(doors.for_bucket(&key, bucket, count), whole, "{size} doors");
                }
                short += usize::from(doors.bars.first(subkey(&key, bucket)).len() < 1_000);
            }
        }
        assert_eq!(short, 2_000, "the short list is never long");
    }
}
