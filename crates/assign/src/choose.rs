//! The doors of a bucket: the first of its ranking, spread over providers, networks and prefixes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use damm_fleet::{Asn, FrontdoorId, PopulationName, ProviderName};
use ipnet::IpNet;

use crate::key::AssignKey;
use crate::rank::cost;
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
        Self {
            doors: doors.collect(),
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
        let mut ranking = self.ranking(&subkey(key, bucket));
        let mut choice = Choice::new(self, count);
        let mut passed = Vec::new();
        while !choice.is_full() && choice.taken.len() < self.prefixes {
            let Some(Reverse((_, _, door))) = ranking.pop() else {
                break;
            };
            let door = self.doors[door];
            if choice.is_new_prefix(door) && choice.leaves_room(door) {
                choice.take(door);
            } else {
                passed.push(door);
            }
        }
        // What is left could only be had with a prefix twice.
        let rest = std::iter::from_fn(|| ranking.pop()).map(|Reverse((_, _, d))| self.doors[d]);
        for door in passed.into_iter().chain(rest) {
            if choice.is_full() {
                break;
            }
            if choice.leaves_room(door) {
                choice.take(door);
            }
        }
        choice.taken
    }

    /// All doors, the best first; a heap, because only the first few are ever asked for.
    fn ranking(&self, key: &SipKey) -> BinaryHeap<Reverse<(u64, u64, usize)>> {
        let ranked = self.doors.iter().enumerate().map(|(i, door)| {
            let raw = door.id.raw();
            // The id breaks the ties that the cost leaves.
            Reverse((cost(key.hash(raw), door.weight), raw, i))
        });
        ranked.collect::<Vec<_>>().into()
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
