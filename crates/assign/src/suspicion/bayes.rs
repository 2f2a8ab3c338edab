//! What a block says of each leaf.

use std::collections::BTreeSet;

use damm_fleet::{FrontdoorId, Timestamp};

use super::{Evidence, LEAST, MOST, NOISE, ONE, PRIOR, Splitting, Suspicion};
use crate::bucket::Bucket;
use crate::clients::Census;

impl Splitting {
    fn ppm(&self, leaf: Bucket, census: &Census) -> u32 {
        self.leaves.get(&leaf).map_or_else(|| prior(leaf, census), |s| s.ppm)
    }

    /// The leaves of which at most one is thought to hold an insider: those of a base bucket, but
    /// for who came out alone, which stands for itself.
    pub(super) fn rivals(&self, leaf: Bucket) -> Vec<Bucket> {
        let alone = |b: &Bucket| self.leaves.get(b).is_some_and(|s| s.alone);
        match alone(&leaf) {
            true => vec![leaf],
            false => {
                let all = self.splits.leaves_under(leaf.its_base());
                all.into_iter().filter(|b| !alone(b)).collect()
            }
        }
    }

    /// One block: Bayes' rule over all leaves that knew the door, and their rivals. Gives the
    /// leaves that knew it.
    pub(super) fn raise(&mut self, door: FrontdoorId, evidence: Evidence<'_>) -> BTreeSet<Bucket> {
        let census = evidence.census;
        let told = evidence.learned.told(door);
        let knew = told.flat_map(|b| self.splits.leaves_touching(b));
        let knew: BTreeSet<Bucket> = knew.filter(|b| census.clients_in(*b) > 0).collect();
        let groups: BTreeSet<Vec<Bucket>> = knew.iter().map(|leaf| self.rivals(*leaf)).collect();
        // That the insider of each group knew the door.
        let knowing = |group: &Vec<Bucket>| {
            let knew = group.iter().filter(|leaf| knew.contains(leaf));
            let sum: u64 = knew.map(|leaf| u64::from(self.ppm(*leaf, census))).sum();
            sum.min(u64::from(MOST)) as f64 / f64::from(ONE)
        };
        let groups: Vec<(f64, Vec<Bucket>)> =
            groups.into_iter().map(|group| (knowing(&group), group)).collect();
        let all = groups.iter().fold(1.0 - NOISE, |none, (knew, _)| none * (1.0 - knew));
        for (knowing, group) in groups {
            // That it was somebody else, or chance, if it was not one of these.
            let others = (1.0 - all / (1.0 - knowing)) / (1.0 - all);
            for leaf in &group {
                match knew.contains(leaf) {
                    true => self.set(*leaf, 1.0 / (1.0 - all), Some((evidence.now, door)), census),
                    false => self.set(*leaf, others, None, census),
                }
            }
            self.cap(&group, census);
        }
        knew
    }

    /// Multiplies what is held against a leaf, and notes a block that did.
    fn set(
        &mut self,
        leaf: Bucket,
        factor: f64,
        raised: Option<(Timestamp, FrontdoorId)>,
        census: &Census,
    ) {
        let ppm = (f64::from(self.ppm(leaf, census)) * factor).round().min(f64::from(MOST)) as u32;
        let ppm = ppm.max(prior(leaf, census));
        match (self.leaves.get_mut(&leaf), raised) {
            (Some(s), None) => s.ppm = ppm,
            (None, None) => {}
            (Some(s), Some((now, door))) => {
                *s = Suspicion { ppm, raised: now, eased: now, door: Some(door), alone: s.alone };
            }
            (None, Some((now, door))) => {
                let door = Some(door);
                let new = Suspicion { ppm, raised: now, eased: now, door, alone: false };
                self.leaves.insert(leaf, new);
            }
        }
    }

    /// Rivals together are never certain.
    fn cap(&mut self, group: &[Bucket], census: &Census) {
        let sum: u64 = group.iter().map(|l| u64::from(self.ppm(*l, census))).sum();
        if sum <= u64::from(MOST) {
            return;
        }
        for leaf in group {
            let least = prior(*leaf, census);
            if let Some(s) = self.leaves.get_mut(leaf) {
                // A share of at most a million.
                s.ppm = ((u64::from(s.ppm) * u64::from(MOST) / sum) as u32).max(least);
            }
        }
    }
}

/// The least that is held against a leaf, and what is while nothing is known of it: its share, by
/// clients, of its base bucket's.
pub(super) fn prior(leaf: Bucket, census: &Census) -> u32 {
    if leaf.depth() == 0 {
        return PRIOR;
    }
    let (mine, all) = (census.clients_in(leaf), census.clients_in(leaf.its_base()));
    // At most PRIOR.
    let share = u64::from(PRIOR) * mine as u64 / all.max(1) as u64;
    (share as u32).max(LEAST)
}
