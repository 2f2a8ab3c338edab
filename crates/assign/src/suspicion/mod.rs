//! Who may have told a censor: how likely each leaf of a population's buckets holds an insider.
//!
//! # How
//!
//! Under each base bucket, at most one insider is thought of: a probability for each leaf that it
//! is the one, and the rest that there is none. A blocked door was known to some leaves, and either
//! one of them gave it away, or the censor found it on its own (one block in twenty is granted to
//! that). Bayes' rule then gives the probabilities after the block: with `h_b` the probability that
//! the insider of base bucket `b` knew the door,
//!
//! ```text
//! q      = 1 - (1 - noise) Π_b (1 - h_b)              of the block
//! p'     = p / q                                      of a leaf that knew the door
//! p'     = p (1 - (1 - noise) Π_(c≠b) (1 - h_c)) / q  of a leaf of b that did not
//! ```
//!
//! So a block that one half can't have caused speaks for it, which is how innocents come out; and a
//! block of a door that both halves know says nothing of either. A leaf that reaches one half is
//! split, and its halves share its probability by their clients. Probabilities halve with each week
//! without a block; halves that both have rested are made one again.
//!
//! # The bound
//!
//! A block of a door that only one suspected leaf knows raises it above one half, whatever it had
//! (0.06 becomes 0.56), so that it is split: one block halves the clients among whom the insider
//! is. Halves without clients cost no block. So an insider among the `n` clients of its bucket is
//! alone after `log₂ n + c` blocks but for a chance of `2^-c` (each client's turns are keyed and
//! random, and at depth `log₂ n + c` a given other one still goes with it with a chance of `2^-c /
//! n`), and those that it takes to suspect the bucket in the first place: two where nobody else was
//! told of its doors, and `log(buckets) / log(share)` about where each door is told to a share of
//! all.
//!
//! `k` insiders in as many base buckets each halve their own: `k (⌈log₂(n / k)⌉ + c)` in all. Two
//! in one base bucket take longer, because a block of one speaks for the other until one is alone;
//! then it stands for itself, and the other is found like a first. Mahdian ("Fighting censorship
//! with algorithms", FUN 2010) proves `k (1 + ⌈log₂(n / k)⌉)` for such halving with fresh doors,
//! and that no way needs fewer than `Ω(k log(n / k) / log(k + log n))`.
//!
//! What is granted to chance is why one unlucky block alone splits nothing, as in Salmon (Douglas
//! et al., PETS 2016), which bans at a suspicion of one third, and never on one block.

mod bayes;
mod turns;

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{FrontdoorId, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::clients::Census;
use crate::learned::Learned;
use crate::splits::Splits;
use crate::sweep::{Watched, sweeps};

/// Millionths, as probabilities are stored: a state reads back as the number that was written.
const ONE: u32 = 1_000_000;
/// That a base bucket, of which nothing is known, holds an insider.
const PRIOR: u32 = 20_000;
/// No less is ever held against a leaf, so that a second insider beside a first is found.
const LEAST: u32 = 100;
/// That a censor finds a door on its own.
const NOISE: f64 = 0.05;
/// Nothing is ever certain.
const MOST: u32 = 990_000;
/// A leaf is split from here on.
const SPLIT: u32 = 500_000;
/// A half is told of doors of its own from here on.
const SUSPECT: u32 = 60_000;
/// A client alone is told of no more doors from here on.
const SURE: u32 = 900_000;
/// How long a block waits for others that show it to be part of a sweep.
const HOLD: Span = Span::from_mins(10);
/// In what time without a block a suspicion halves, and how long halves rest before they are one.
const MERCY: Span = Span::from_days(7);

/// What is held against one leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Millionths of a probability that the insider is here.
    pub ppm: u32,
    /// When a block last raised it, or the split that made the leaf.
    pub raised: Timestamp,
    /// When it was last raised, or halved for want of blocks.
    pub eased: Timestamp,
    /// The door whose block raised it last.
    pub door: Option<FrontdoorId>,
    /// Whether it came out alone: one client, all but certain to be an insider.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
}

/// How a leaf is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is told as its base bucket is, split or not.
    Ordinary,
    /// It is told of doors of its own, so that the next block tells more.
    Suspect,
    /// One client, which gave away all that it was told: it is told of nothing new for now.
    Alone,
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turn", rename_all = "snake_case")]
pub enum Turn {
    /// A bucket was split.
    Split {
        /// The bucket.
        bucket: Bucket,
        /// Millionths of a probability that the insider is here.
        ppm: u32,
        /// The door whose block decided it.
        door: Option<FrontdoorId>,
    },
    /// One client is alone, and all but certain to be the insider.
    Alone {
        /// Its bucket.
        bucket: Bucket,
        /// The door whose block decided it.
        door: Option<FrontdoorId>,
    },
    /// Two halves are one bucket again.
    Merged {
        /// That bucket.
        bucket: Bucket,
    },
}

/// All that blocks are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The population's doors, blocked or not.
    pub watched: &'a [Watched],
    /// Who was told of them.
    pub learned: &'a Learned,
    /// The population's clients.
    pub census: &'a Census,
    /// Whether rotation is halted: then what looks blocked may be the observer's fault, and nothing
    /// is judged yet.
    pub halted: bool,
    /// Now.
    pub now: Timestamp,
}

/// One population's splits, with what led to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splitting {
    /// The buckets that are split.
    pub splits: Splits,
    #[serde(default)]
    leaves: BTreeMap<Bucket, Suspicion>,
    /// The blocks that were judged, by when they began.
    #[serde(default)]
    judged: BTreeMap<FrontdoorId, Timestamp>,
}

impl Splitting {
    /// Takes in what is blocked now. Each block counts once, ten minutes after it began; those that
    /// are part of a sweep count for nothing.
    ///
    /// The same evidence again changes nothing, and its order does not matter.
    pub fn judge(&mut self, evidence: Evidence<'_>) -> Vec<Turn> {
        let now = evidence.now;
        let mut raised = BTreeSet::new();
        self.relent(evidence.census, now);
        if !evidence.halted {
            for (since, door) in self.ripe(evidence) {
                self.judged.insert(door, since);
                raised.extend(self.raise(door, evidence));
            }
        }
        let mut turns = self.merge(evidence.census, now);
        turns.extend(self.split(&raised, evidence.census, now));
        turns
    }

    /// Whether a block was not judged yet, so that [`judge`](Self::judge) has something to do.
    pub fn is_new(&self, door: FrontdoorId, since: Timestamp) -> bool {
        self.judged.get(&door) != Some(&since)
    }

    /// Whether somebody is suspected or something is split, so that time alone may change it.
    pub fn is_calm(&self) -> bool {
        self.splits.is_empty() && self.leaves.is_empty()
    }

    /// How a leaf is to be treated.
    pub fn standing(&self, leaf: Bucket) -> Standing {
        match self.leaves.get(&leaf) {
            Some(s) if s.alone => Standing::Alone,
            Some(s) if s.ppm >= SUSPECT && leaf.depth() > 0 => Standing::Suspect,
            _ => Standing::Ordinary,
        }
    }

    /// What is held against leaves, by number: those of which more is known than of any.
    pub fn suspicions(&self) -> impl Iterator<Item = (Bucket, &Suspicion)> {
        self.leaves.iter().map(|(bucket, of)| (*bucket, of))
    }

    /// The blocks that are to be judged now, the earliest first. Forgets the judged ones that have
    /// ended, and passes over what a sweep explains.
    fn ripe(&mut self, evidence: Evidence<'_>) -> BTreeSet<(Timestamp, FrontdoorId)> {
        let blocked = evidence.watched.iter().filter_map(|w| Some((w.door, w.blocked?)));
        let blocked: BTreeMap<FrontdoorId, Timestamp> = blocked.collect();
        self.judged.retain(|door, since| blocked.get(door) == Some(since));
        let swept = sweeps(evidence.watched);
        let mut ripe = BTreeSet::new();
        for (door, since) in blocked {
            if !self.is_new(door, since) {
                continue;
            }
            // A sweep is remembered as soon as it is seen: its doors are replaced one by one, and
            // the last of them would look like somebody's.
            if swept.contains_key(&door) {
                self.judged.insert(door, since);
            } else if evidence.now.since(since) >= HOLD {
                ripe.insert((since, door));
            }
        }
        ripe
    }
}

const _: () = assert!(MOST < ONE && SURE < MOST && SPLIT < SURE && SUSPECT < SPLIT);
