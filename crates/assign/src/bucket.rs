//! Numbers of buckets: base buckets, and the halves that they are split into.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Times that a base bucket can be split, one after the other.
pub const MAX_DEPTH: u32 = 15;

/// A bucket: a base bucket, or a half, a quarter, … of one.
///
/// Under each base bucket hangs a binary tree, whose places are counted as in a heap: the base
/// itself is 1, the halves of `h` are `2h` and `2h + 1`. A bucket's number is
/// `(h - 1) << 16 | base`, so a base bucket's number is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket(u32);

impl Bucket {
    /// The base bucket of this number, of which there are at most 65,536.
    pub const fn base(number: u16) -> Self {
        Self(number as u32)
    }

    /// The bucket of a number; `None` for the few numbers that no bucket has.
    pub const fn new(number: u32) -> Option<Self> {
        match number >> 16 {
            0xffff => None,
            _ => Some(Self(number)),
        }
    }

    /// The bucket at a place of a base bucket's tree, where `1 <= heap`.
    pub(crate) const fn of(base: u32, heap: u32) -> Self {
        Self((heap - 1) << 16 | base)
    }

    /// The bucket's number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The base bucket that it is a part of.
    pub const fn its_base(self) -> Self {
        Self(self.0 & 0xffff)
    }

    /// Its place in the tree, from 1.
    pub(crate) const fn heap(self) -> u32 {
        (self.0 >> 16) + 1
    }

    /// How often its base was halved to get to it, 0 to [`MAX_DEPTH`].
    pub const fn depth(self) -> u32 {
        self.heap().ilog2()
    }

    /// What it is a half of; `None` of a base bucket.
    pub const fn parent(self) -> Option<Self> {
        match self.heap() {
            1 => None,
            heap => Some(Self::of(self.its_base().0, heap / 2)),
        }
    }

    /// Its halves; `None` where the tree ends.
    pub const fn halves(self) -> Option<[Self; 2]> {
        if self.depth() == MAX_DEPTH {
            return None;
        }
        let (base, heap) = (self.its_base().0, self.heap());
        Some([Self::of(base, 2 * heap), Self::of(base, 2 * heap + 1)])
    }

    /// The other half of what it is a half of.
    pub const fn sibling(self) -> Option<Self> {
        match self.heap() {
            1 => None,
            heap => Some(Self::of(self.its_base().0, heap ^ 1)),
        }
    }

    /// Whether all clients of the other are clients of this one, which may be the other itself.
    pub const fn holds(self, other: Self) -> bool {
        let (mine, theirs) = (self.depth(), other.depth());
        self.its_base().0 == other.its_base().0
            && theirs >= mine
            && other.heap() >> (theirs - mine) == self.heap()
    }

    /// Whether one holds the other.
    pub const fn touches(self, other: Self) -> bool {
        self.holds(other) || other.holds(self)
    }
}

/// Written as the base and the halves taken: `17`, `17/0`, `17/01`.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.its_base().0)?;
        let (heap, depth) = (self.heap(), self.depth());
        if depth > 0 {
            let halves = heap - (1 << depth);
            write!(f, "/{halves:0width$b}", width = depth as usize)?;
        }
        Ok(())
    }
}

/// A text that is no bucket's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a bucket is written as 17, or with the halves that lead to it as 17/01")]
pub struct NoBucket;

impl FromStr for Bucket {
    type Err = NoBucket;

    /// Reads what it is written as.
    fn from_str(text: &str) -> Result<Self, NoBucket> {
        let (base, halves) = text.split_once('/').unwrap_or((text, ""));
        let digits = !base.is_empty() && base.bytes().all(|b| b.is_ascii_digit());
        let base: u16 = base.parse().ok().filter(|_| digits).ok_or(NoBucket)?;
        let deep = halves.len() > MAX_DEPTH as usize || text.ends_with('/');
        let turns = halves.bytes().try_fold(1, |heap, turn| match turn {
            b'0' | b'1' => Some(2 * heap + u32::from(turn - b'0')),
            _ => None,
        });
        let heap = turns.filter(|_| !deep).ok_or(NoBucket)?;
        Ok(Self::of(u32::from(base), heap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_buckets_number_is_its_own() {
        assert_eq!(Bucket::base(65_535).number(), 65_535);
        assert_eq!(Bucket::base(7).depth(), 0);
    }

    #[test]
    fn all_places_of_a_tree_have_numbers_and_come_back() {
        let mut level = vec![Bucket::base(40_000)];
        let mut seen = 0;
        while !level.is_empty() {
            for bucket in &level {
                assert_eq!(Bucket::new(bucket.number()), Some(*bucket));
                assert_eq!(bucket.its_base(), Bucket::base(40_000));
                seen += 1;
            }
            let halves = level.iter().filter_map(|b| Some((*b, b.halves()?)));
            for (b, [left, right]) in halves.clone() {
                assert_eq!((left.parent(), right.parent()), (Some(b), Some(b)));
                assert_eq!((left.sibling(), right.sibling()), (Some(right), Some(left)));
                assert!(b.holds(left) && !left.holds(b) && !left.touches(right));
            }
            level = halves.flat_map(|(_, halves)| halves).collect();
        }
        assert_eq!(seen, 65_535);
        assert_eq!(Bucket::new(0xffff_0000), None);
    }

    #[test]
    fn a_bucket_is_written_with_the_halves_that_lead_to_it() {
        let [left, right] = Bucket::base(17).halves().unwrap();
        let [_, last] = left.halves().unwrap();
        let written = [Bucket::base(17), left, right, last].map(|b| b.to_string());
        assert_eq!(written, ["17", "17/0", "17/1", "17/01"]);
        let read = written.map(|text| text.parse::<Bucket>().unwrap());
        assert_eq!(read, [Bucket::base(17), left, right, last]);
    }

    #[test]
    fn what_is_written_otherwise_is_no_bucket() {
        let deep = format!("1/{}", "0".repeat(16));
        for text in ["", "/", "17/", "65536", "+1", "-1", "1/2", "1/0/1", "x", &deep] {
            assert_eq!(text.parse::<Bucket>(), Err(NoBucket), "{text}");
        }
        assert!(deep[..17].parse::<Bucket>().is_ok());
    }
}
