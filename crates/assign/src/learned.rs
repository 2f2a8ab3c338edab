//! What buckets have learned: who was ever told of a door, and how many clients that is.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::FrontdoorId;

use crate::bucket::Bucket;
use crate::clients::Census;

/// The buckets of one population that were ever told of each door.
///
/// What a bucket was told, its halves know for ever: no clients are told to forget.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned(BTreeMap<FrontdoorId, BTreeSet<Bucket>>);

impl Learned {
    /// Notes that a bucket is told of a door. False when that was known.
    pub fn tell(&mut self, bucket: Bucket, door: FrontdoorId) -> bool {
        self.0.entry(door).or_default().insert(bucket)
    }

    /// Drops a door that is no more.
    pub fn forget(&mut self, door: FrontdoorId) {
        self.0.remove(&door);
    }

    /// The buckets that were told of a door, by number.
    pub fn told(&self, door: FrontdoorId) -> impl Iterator<Item = Bucket> {
        self.0.get(&door).into_iter().flatten().copied()
    }

    /// The doors that were ever told of.
    pub fn doors(&self) -> impl Iterator<Item = FrontdoorId> {
        self.0.keys().copied()
    }

    /// How many clients have ever learned a door: all clients of all buckets that were told of it.
    ///
    /// More than there are, never fewer, as long as clients stay: who came after a door had left a
    /// bucket is counted too, and so is who never fetched the catalog. Clients that were revoked
    /// are counted no more.
    pub fn clients(&self, door: FrontdoorId, census: &Census) -> usize {
        let told = self.0.get(&door);
        let told = || told.into_iter().flatten().copied();
        // What a larger bucket was told is counted there.
        let whole = |b: &Bucket| {
            let mut above = std::iter::successors(b.parent(), |b| b.parent());
            !above.any(|a| self.0.get(&door).is_some_and(|t| t.contains(&a)))
        };
        told().filter(whole).map(|b| census.clients_in(b)).sum()
    }
}

impl FromIterator<(Bucket, FrontdoorId)> for Learned {
    fn from_iter<I: IntoIterator<Item = (Bucket, FrontdoorId)>>(told: I) -> Self {
        let mut learned = Self::default();
        for (bucket, door) in told {
            learned.tell(bucket, door);
        }
        learned
    }
}

#[cfg(test)]
mod tests {
    use damm_fleet::{PopulationName, Seed};

    use super::*;
    use crate::{AssignKey, Paths};

    #[test]
    fn a_half_adds_nobody_to_what_the_whole_has_learned() {
        let name = PopulationName::new("ir").unwrap();
        let paths = Paths::new(&AssignKey::new([1; 32]), &name, 4);
        let census = Census::new((0..400).map(|c| paths.of(c)));
        let door = Seed::from_number(1).frontdoor();
        let base = Bucket::base(2);
        let [left, right] = base.halves().unwrap();
        let mut learned: Learned = [(left, door)].into_iter().collect();
        assert_eq!(learned.clients(door, &census), census.clients_in(left));
        learned.tell(right, door);
        assert_eq!(learned.clients(door, &census), census.clients_in(base));
        learned.tell(base, door);
        assert_eq!(learned.clients(door, &census), census.clients_in(base));
        learned.tell(Bucket::base(0), door);
        let both = census.clients_in(base) + census.clients_in(Bucket::base(0));
        assert_eq!(learned.clients(door, &census), both);
        learned.forget(door);
        assert_eq!(learned.clients(door, &census), 0);
    }
}
