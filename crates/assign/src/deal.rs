//! Which doors each leaf of a population is told of, when some are suspected.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{FrontdoorId, PopulationName};

use crate::bucket::Bucket;
use crate::choose::{BucketRef, Candidate, Doors};
use crate::key::AssignKey;
use crate::learned::Learned;
use crate::splits::Splits;
use crate::suspicion::{Splitting, Standing};

/// Of all doors, one in so many at most is kept for suspects alone.
const APART: usize = 4;

/// The doors of one population in one region, dealt to its leaves.
///
/// - A leaf that is not suspected is told of what its base bucket's ranking says, split or not: an
///   innocent half is back among the others as soon as it is known to be innocent.
/// - A suspected leaf keeps the doors that it was told of, and is given others that its other half
///   was never told of; if it can be, that no other suspect was either. So the next block says
///   which half it came from.
/// - The doors of suspects are told to nobody else, as far as that is a quarter of all, so that few
///   lose by a block.
/// - One client alone, that gave away all that it was told, is told of nothing that it doesn't
///   know.
///
/// While nothing is split, this is [`Doors`], bucket by bucket.
#[derive(Debug, Clone)]
pub struct Deal {
    population: PopulationName,
    ordinary: Doors,
    count: usize,
    apart: BTreeMap<Bucket, Vec<FrontdoorId>>,
}

/// What the doors are dealt by.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// The key.
    pub key: &'a AssignKey,
    /// Whose doors they are.
    pub population: &'a PopulationName,
    /// How many doors a leaf is told of, at most.
    pub count: usize,
    /// What is split, and who is suspected.
    pub splitting: &'a Splitting,
    /// Who was told of what.
    pub learned: &'a Learned,
}

impl Deal {
    /// Deals these doors while nothing is split; `count` of them at most to each bucket.
    pub fn of_all(population: &PopulationName, count: usize, candidates: &[Candidate]) -> Self {
        let (population, ordinary) = (population.clone(), Doors::new(candidates));
        Self { population, ordinary, count, apart: BTreeMap::new() }
    }

    /// Deals these doors.
    pub fn new(table: Table<'_>, candidates: &[Candidate]) -> Self {
        let all = Doors::new(candidates);
        let mut hand = Hand { table, all: &all, told: Halves::of(table), dealt: BTreeMap::new() };
        let split: BTreeSet<Bucket> =
            table.splitting.splits.split_buckets().map(Bucket::its_base).collect();
        for base in split {
            for leaf in table.splitting.splits.leaves_under(base) {
                hand.deal(leaf);
            }
        }
        let apart = hand.dealt;
        let ordinary = match apart.is_empty() {
            true => all,
            false => without(candidates, &apart, table.count),
        };
        let population = table.population.clone();
        Self { population, ordinary, count: table.count, apart }
    }

    /// The doors of one leaf, in the order that its clients should try them.
    pub fn doors_of(&self, key: &AssignKey, leaf: Bucket) -> Vec<FrontdoorId> {
        if let Some(doors) = self.apart.get(&leaf) {
            return doors.clone();
        }
        let bucket = leaf.its_base().number();
        let bucket = BucketRef { population: &self.population, bucket };
        self.ordinary.for_bucket(key, bucket, self.count)
    }

    /// Whether a leaf is told of other doors than its base bucket's.
    pub fn is_apart(&self, leaf: Bucket) -> bool {
        self.apart.contains_key(&leaf)
    }
}

/// The doors that are left to those who are not suspected: all but those of suspects, as far as
/// that is a quarter of all and leaves enough, at as many providers and in as many networks.
fn without(
    candidates: &[Candidate],
    apart: &BTreeMap<Bucket, Vec<FrontdoorId>>,
    count: usize,
) -> Doors {
    let most = (candidates.len() / APART).min(candidates.len().saturating_sub(count));
    let mut kept: BTreeSet<FrontdoorId> = BTreeSet::new();
    // First doors first, so that each suspect has one of its own before another has two.
    let longest = apart.values().map(Vec::len).max().unwrap_or(0);
    for place in 0..longest {
        let doors = apart.values().filter_map(|doors| doors.get(place)).copied();
        for door in doors {
            if kept.len() < most {
                kept.insert(door);
            }
        }
    }
    let left = candidates.iter().filter(|c| !kept.contains(&c.id)).cloned();
    let left: Vec<Candidate> = left.collect();
    match places(&left) == places(candidates) {
        true => Doors::new(&left),
        false => Doors::new(candidates),
    }
}

/// Whether there are two providers, and two networks.
fn places(candidates: &[Candidate]) -> (bool, bool) {
    let mut told = candidates.iter();
    let Some(first) = told.next() else {
        return (false, false);
    };
    told.fold((false, false), |(provider, asn), c| {
        (provider || c.provider != first.provider, asn || c.asn != first.asn)
    })
}

/// What halves were told of each door: the only part of what was learned that dealing looks at
/// beside base buckets, and a small one.
struct Halves<'a> {
    learned: &'a Learned,
    splits: &'a Splits,
}

impl<'a> Halves<'a> {
    const fn of(table: Table<'a>) -> Self {
        Self { learned: table.learned, splits: &table.splitting.splits }
    }

    /// Whether a leaf knows a door: it was told, or what it was a part of.
    fn knows(&self, leaf: Bucket, door: FrontdoorId) -> bool {
        self.learned.told(door).any(|told| told.touches(leaf))
    }

    /// Whether anybody knows a door who is not in the leaf, but in its base bucket.
    fn others_know(&self, leaf: Bucket, door: FrontdoorId) -> bool {
        let beside = |told: Bucket| told.its_base() == leaf.its_base() && !leaf.holds(told);
        self.learned.told(door).any(beside)
    }

    /// Whether a part of a split bucket elsewhere was told of a door.
    fn suspects_know(&self, leaf: Bucket, door: FrontdoorId) -> bool {
        let other = |told: Bucket| told.its_base() != leaf.its_base();
        let split = |told: Bucket| told.depth() > 0 || !self.splits.is_leaf(told);
        self.learned.told(door).any(|told| other(told) && split(told))
    }
}

/// Suspects' doors, while they are dealt.
struct Hand<'a> {
    table: Table<'a>,
    all: &'a Doors,
    told: Halves<'a>,
    dealt: BTreeMap<Bucket, Vec<FrontdoorId>>,
}

impl Hand<'_> {
    fn deal(&mut self, leaf: Bucket) {
        let standing = self.table.splitting.standing(leaf);
        if standing == Standing::Ordinary {
            return;
        }
        let held: BTreeSet<FrontdoorId> = self.dealt.values().flatten().copied().collect();
        let tier = |door| self.tier(leaf, door, &held, standing);
        let population = self.table.population;
        let bucket = BucketRef { population, bucket: leaf.number() };
        let doors = self.all.by_tier(self.table.key, bucket, self.table.count, tier);
        self.dealt.insert(leaf, doors);
    }

    /// The lower, the rather; `None`: not at all.
    fn tier(
        &self,
        leaf: Bucket,
        door: FrontdoorId,
        held: &BTreeSet<FrontdoorId>,
        standing: Standing,
    ) -> Option<u8> {
        let knows = self.told.knows(leaf, door);
        if standing == Standing::Alone {
            return knows.then_some(0);
        }
        let beside = self.told.others_know(leaf, door);
        match (beside, knows) {
            (false, true) => Some(0),
            (false, false) => {
                let shared = held.contains(&door) || self.told.suspects_know(leaf, door);
                Some(1 + u8::from(shared))
            }
            (true, _) => Some(3),
        }
    }
}
