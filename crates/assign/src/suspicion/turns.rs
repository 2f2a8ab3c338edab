//! What becomes of leaves: split, alone, and one again.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use damm_fleet::Timestamp;

use super::bayes::prior;
use super::{MERCY, SPLIT, SURE, SUSPECT, Splitting, Suspicion, Turn};
use crate::bucket::Bucket;
use crate::clients::Census;

impl Splitting {
    /// Splits the leaves that were raised far enough, down to where both halves have clients.
    pub(super) fn split(
        &mut self,
        raised: &BTreeSet<Bucket>,
        census: &Census,
        now: Timestamp,
    ) -> Vec<Turn> {
        let mut turns = Vec::new();
        for leaf in raised {
            let Some(Suspicion { ppm, door, .. }) = self.leaves.get(leaf).cloned() else {
                continue;
            };
            let mut next = Some(*leaf).filter(|_| ppm >= SPLIT);
            let whole = census.clients_in(*leaf) < 2 || leaf.halves().is_none();
            if next.is_some() && whole {
                next = None;
                turns.extend(self.convict(*leaf, census));
            }
            while let Some(bucket) = next {
                match self.halve(bucket, census, now) {
                    Some(fuller) => {
                        turns.push(Turn::Split { bucket, ppm, door });
                        next = fuller;
                    }
                    None => break,
                }
            }
        }
        turns
    }

    /// Takes note that a leaf which can't be split is all but certain to hold an insider. What was
    /// held against its rivals is explained by that, but for those who are suspected as much.
    fn convict(&mut self, leaf: Bucket, census: &Census) -> Option<Turn> {
        let rivals = self.rivals(leaf);
        let s = self.leaves.get_mut(&leaf).filter(|s| s.ppm >= SURE && !s.alone)?;
        s.alone = true;
        let turn = Turn::Alone { bucket: leaf, door: s.door };
        for rival in rivals.into_iter().filter(|r| *r != leaf) {
            if let Some(s) = self.leaves.get_mut(&rival).filter(|s| s.ppm < SPLIT) {
                s.ppm = prior(rival, census);
            }
        }
        Some(turn)
    }

    /// Splits a leaf, and gives the half that has all its clients, if one has. `None` when it can't
    /// be split.
    fn halve(&mut self, leaf: Bucket, census: &Census, now: Timestamp) -> Option<Option<Bucket>> {
        let halves = leaf.halves().filter(|_| self.splits.split(leaf))?;
        let Suspicion { ppm, door, .. } = self.leaves.remove(&leaf)?;
        let counts = halves.map(|h| census.clients_in(h));
        let all = (counts[0] + counts[1]).max(1);
        for (half, clients) in halves.into_iter().zip(counts) {
            let share = (u64::from(ppm) * clients as u64 / all as u64) as u32;
            let new = Suspicion { ppm: share, raised: now, eased: now, door, alone: false };
            self.leaves.insert(half, new);
        }
        let fuller = halves.into_iter().zip(counts).find(|(_, n)| *n == all);
        Some(fuller.map(|(half, _)| half))
    }

    /// Suspicions halve with time. Of a leaf that is none any more, nothing is kept.
    pub(super) fn relent(&mut self, census: &Census, now: Timestamp) {
        let splits = &self.splits;
        self.leaves.retain(|leaf, s| {
            let least = prior(*leaf, census);
            while s.ppm > least && now.since(s.eased) >= MERCY {
                s.ppm = (s.ppm / 2).max(least);
                s.eased = s.eased + MERCY;
            }
            s.alone &= s.ppm >= SPLIT;
            splits.is_leaf(*leaf) && (leaf.depth() > 0 || s.ppm > least)
        });
    }

    /// Halves that have both rested, and are suspected no more, become one: from the end of the
    /// tree up, as far as it goes.
    pub(super) fn merge(&mut self, census: &Census, now: Timestamp) -> Vec<Turn> {
        let mut split: Vec<Bucket> = self.splits.split_buckets().collect();
        split.sort_by_key(|b| Reverse(b.depth()));
        let mut turns = Vec::new();
        for bucket in split {
            let Some(halves) = bucket.halves().filter(|h| self.have_rested(h, now)) else {
                continue;
            };
            if self.splits.merge(bucket) {
                let suspicions = halves.map(|h| self.leaves.remove(&h));
                let raised = suspicions.iter().flatten().map(|s| s.raised).max();
                let ppm = suspicions.iter().flatten().map(|s| s.ppm).sum();
                let raised = raised.unwrap_or(now);
                let whole = Suspicion { ppm, raised, eased: now, door: None, alone: false };
                self.leaves.insert(bucket, whole);
                turns.push(Turn::Merged { bucket });
            }
        }
        self.relent(census, now);
        turns
    }

    fn have_rested(&self, halves: &[Bucket; 2], now: Timestamp) -> bool {
        halves.iter().all(|half| {
            let rested = |s: &Suspicion| s.ppm < SUSPECT && now.since(s.raised) >= MERCY;
            self.splits.is_leaf(*half) && self.leaves.get(half).is_none_or(rested)
        })
    }
}
