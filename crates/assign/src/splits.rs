//! Which buckets of a population are split.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::clients::Path;

/// The buckets of one population that are split; what is not split is a leaf, and told as one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Splits(BTreeSet<Bucket>);

impl Splits {
    /// Splits a leaf. False when it is none, or at the end of its tree.
    pub fn split(&mut self, bucket: Bucket) -> bool {
        let may = self.is_leaf(bucket) && bucket.halves().is_some();
        may && self.0.insert(bucket)
    }

    /// Makes two leaves one again. False when these halves are not both leaves.
    pub fn merge(&mut self, bucket: Bucket) -> bool {
        let whole = |half: &Bucket| !self.0.contains(half);
        let may = bucket.halves().is_some_and(|halves| halves.iter().all(whole));
        may && self.0.remove(&bucket)
    }

    /// Whether a bucket is told as one: it is not split, and all that it is a part of are.
    pub fn is_leaf(&self, bucket: Bucket) -> bool {
        let mut above = std::iter::successors(bucket.parent(), |b| b.parent());
        !self.0.contains(&bucket) && above.all(|b| self.0.contains(&b))
    }

    /// The buckets that are split, by number.
    pub fn split_buckets(&self) -> impl Iterator<Item = Bucket> {
        self.0.iter().copied()
    }

    /// Whether nothing is split.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The leaf that a client is in.
    pub fn leaf_of(&self, path: Path) -> Bucket {
        let buckets = path.buckets();
        let leaf = buckets.iter().find(|b| !self.0.contains(b));
        // The end of a tree is never split; it is the answer if a state says otherwise.
        leaf.copied().unwrap_or(buckets[buckets.len() - 1])
    }

    /// The leaves of a population of so many base buckets, base by base.
    pub fn leaves(&self, buckets: u32) -> impl Iterator<Item = Bucket> {
        let bases = (0..=u16::MAX).take(buckets as usize).map(Bucket::base);
        bases.flat_map(|base| self.leaves_under(base))
    }

    /// The leaves that a bucket is split into; itself when it is not split.
    pub fn leaves_under(&self, bucket: Bucket) -> Vec<Bucket> {
        match bucket.halves().filter(|_| self.0.contains(&bucket)) {
            Some(halves) => halves.iter().flat_map(|h| self.leaves_under(*h)).collect(),
            None => vec![bucket],
        }
    }

    /// The leaves with clients that are, or were, in a bucket.
    pub(crate) fn leaves_touching(&self, bucket: Bucket) -> Vec<Bucket> {
        let path = std::iter::successors(Some(bucket), |b| b.parent());
        match path.skip(1).find(|b| self.is_leaf(*b)) {
            Some(leaf) => vec![leaf],
            None => self.leaves_under(bucket),
        }
    }
}
