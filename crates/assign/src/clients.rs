//! From a client's number to its buckets. Nothing of it is stored: it follows from the key.

use damm_fleet::PopulationName;

use crate::bucket::{Bucket, MAX_DEPTH};
use crate::key::AssignKey;
use crate::siphash::SipKey;

/// A client's base bucket and the halves that lead down from it, all of them.
///
/// Ordered so that the clients of any bucket follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(u32);

impl Path {
    /// Its base bucket, and then each half down to the end of the tree.
    pub fn buckets(self) -> [Bucket; MAX_DEPTH as usize + 1] {
        let (base, turns) = (self.0 >> MAX_DEPTH, self.0 & ((1 << MAX_DEPTH) - 1));
        std::array::from_fn(|depth| {
            let heap = 1 << depth | turns >> (MAX_DEPTH as usize - depth);
            Bucket::of(base, heap)
        })
    }

    /// The first path in a bucket, and the first behind it.
    const fn bounds(bucket: Bucket) -> (u32, u32) {
        let below = MAX_DEPTH - bucket.depth();
        let turns = bucket.heap() - (1 << bucket.depth());
        let first = bucket.its_base().number() << MAX_DEPTH | turns << below;
        (first, first + (1 << below))
    }
}

/// Where the clients of one population belong.
///
/// HMAC gives the population two keys of its own, and SipHash-2-4 under them a client's base bucket
/// and its turns, as with the ranking of doors: an HMAC for each client would take ten times as
/// long, and who lacks the key is no wiser of either.
#[derive(Clone, Copy)]
pub struct Paths {
    base: SipKey,
    turns: SipKey,
    buckets: u64,
}

impl Paths {
    /// For a population that is divided into this many base buckets: 1 to 65,536.
    pub fn new(key: &AssignKey, population: &PopulationName, buckets: u32) -> Self {
        let derived = key.derive("clients", &[population.as_str().as_bytes()]);
        let half = |from: usize| SipKey::new(std::array::from_fn(|i| derived[from + i]));
        Self { base: half(0), turns: half(16), buckets: u64::from(buckets.clamp(1, 1 << 16)) }
    }

    /// Where the client of a credential's number belongs.
    pub fn of(&self, client: u32) -> Path {
        let client = u64::from(client);
        let base = self.base.hash(client) % self.buckets;
        let turns = self.turns.hash(client) >> (64 - MAX_DEPTH);
        // Below 2^16 and below 2^15.
        Path((base << MAX_DEPTH | turns) as u32)
    }
}

/// The numbers of all buckets that a client can ever be in: its base bucket, then half after half.
///
/// For many clients, make [`Paths`] once.
pub fn path_of(
    key: &AssignKey,
    population: &PopulationName,
    buckets: u32,
    client: u32,
) -> [u32; MAX_DEPTH as usize + 1] {
    Paths::new(key, population, buckets).of(client).buckets().map(Bucket::number)
}

/// How many clients of a population there are in each bucket; of no client which.
#[derive(Debug, Clone, Default)]
pub struct Census(Vec<Path>);

impl Census {
    /// Counts clients.
    pub fn new(clients: impl IntoIterator<Item = Path>) -> Self {
        let mut all: Vec<Path> = clients.into_iter().collect();
        all.sort_unstable();
        Self(all)
    }

    /// The clients of a bucket.
    pub fn clients_in(&self, bucket: Bucket) -> usize {
        let (first, end) = Path::bounds(bucket);
        let before = |bound| self.0.partition_point(|p| p.0 < bound);
        before(end) - before(first)
    }

    /// All clients.
    pub const fn clients(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(buckets: u32) -> Paths {
        Paths::new(&AssignKey::new([1; 32]), &PopulationName::new("ir").unwrap(), buckets)
    }

    #[test]
    fn each_step_of_a_path_is_a_half_of_the_one_before() {
        for client in 0..1_000 {
            let path = paths(64).of(client).buckets();
            assert!(path[0].number() < 64 && path[0].depth() == 0);
            for pair in path.windows(2) {
                assert_eq!(pair[1].parent(), Some(pair[0]));
            }
        }
    }

    #[test]
    fn a_census_counts_what_paths_say() {
        let all: Vec<Path> = (0..2_000).map(|client| paths(8).of(client)).collect();
        let census = Census::new(all.iter().copied());
        for bucket in all.iter().take(40).flat_map(|p| p.buckets()) {
            let counted = all.iter().filter(|p| p.buckets().contains(&bucket)).count();
            assert_eq!(census.clients_in(bucket), counted, "{bucket}");
        }
        assert_eq!(census.clients(), 2_000);
    }

    #[test]
    fn the_last_bucket_of_all_can_be_counted() {
        let last = Path(u32::MAX >> 1);
        let census = Census::new([last]);
        assert!(last.buckets().iter().all(|b| census.clients_in(*b) == 1));
    }

    #[test]
    fn clients_are_spread_evenly_over_buckets_and_halves() {
        let census = Census::new((0..64_000).map(|client| paths(64).of(client)));
        let counts: Vec<usize> = (0..64).map(|b| census.clients_in(Bucket::base(b))).collect();
        // 1,000 each; chi² with 63 degrees of freedom passes 103.4 once in a thousand keys.
        let chi: f64 = counts.iter().map(|n| (*n as f64 - 1_000.0).powi(2) / 1_000.0).sum();
        assert!(chi < 103.4, "chi² is {chi}");
        let left = (0..64).map(|b| Bucket::base(b).halves().unwrap()[0]);
        let left: usize = left.map(|b| census.clients_in(b)).sum();
        // 32,000, with a standard deviation of 126.
        assert!((31_600..=32_400).contains(&left), "{left} turn left");
    }

    #[test]
    fn without_the_key_one_clients_place_tells_nothing_of_anothers() {
        let name = PopulationName::new("ir").unwrap();
        let other = Paths::new(&AssignKey::new([2; 32]), &name, 64);
        let base = |p: Path| p.buckets()[0];
        let agree = (0..64_000).filter(|c| base(paths(64).of(*c)) == base(other.of(*c))).count();
        let next = (0..64_000).filter(|c| base(paths(64).of(*c)) == base(paths(64).of(c + 1)));
        // 1,000 by chance, with a standard deviation of 31.
        assert!((900..=1_100).contains(&agree), "{agree} agree over keys");
        let next = next.count();
        assert!((900..=1_100).contains(&next), "{next} agree over numbers");
    }

    #[test]
    fn a_clients_place_never_changes() {
        // A change here would move every client of every fleet.
        let path = path_of(&AssignKey::new([1; 32]), &PopulationName::new("ir").unwrap(), 64, 7);
        assert_eq!(path[0], PLACE.0);
        assert_eq!(path[15], PLACE.1);
    }

    // Computed with Python's hmac, and a SipHash-2-4 written from its paper.
    const PLACE: (u32, u32) = (48, 2_701_852_720);
}
