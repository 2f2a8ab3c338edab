//! Numbers that stand for peers and addresses on packets and connections.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::dataplane::DataplaneError;

/// How long a mark rests before it may stand for something else, in seconds. The kernel remembers
/// an idle TCP connection for 7,440 seconds, and a learned session for 600.
pub const QUARANTINE: u64 = 9_000;

/// The marks of one kind of thing: each keeps its own as long as it is there.
///
/// What goes away is `leaving` until everything that its mark stood for has been taken down, and
/// then rests for [`QUARANTINE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks<Id: Ord> {
    held: BTreeMap<Id, u16>,
    leaving: BTreeMap<Id, u16>,
    /// Since when they rest, in seconds since 1970.
    resting: BTreeMap<u16, u64>,
    /// The one that was given last: they are given in a circle, so the longest out of use first.
    last: u16,
}

impl<Id: Ord> Default for Marks<Id> {
    fn default() -> Self {
        Self { held: BTreeMap::new(), leaving: BTreeMap::new(), resting: BTreeMap::new(), last: 0 }
    }
}

impl<Id: Ord + Copy> Marks<Id> {
    /// Makes exactly these hold a mark. The time is in seconds since 1970.
    ///
    /// # Errors
    /// When all marks are held or resting.
    pub fn hold(
        &mut self,
        wanted: impl IntoIterator<Item = Id>,
        now: u64,
    ) -> Result<(), DataplaneError> {
        // A clock that was set back must not make a rest endless.
        self.resting.retain(|_, since| now.abs_diff(*since) < QUARANTINE);
        let mut gone = std::mem::take(&mut self.held);
        let mut taken: BTreeSet<u16> = gone.values().copied().chain(self.dead()).collect();
        for id in wanted {
            let known = gone.remove(&id).or_else(|| self.leaving.remove(&id));
            let mark = match known.or_else(|| self.held.get(&id).copied()) {
                Some(mark) => mark,
                None => self.fresh(&mut taken).ok_or(DataplaneError::Marks)?,
            };
            self.held.insert(id, mark);
        }
        self.leaving.append(&mut gone);
        Ok(())
    }

    /// The next mark in the circle that stands for nothing.
    fn fresh(&mut self, taken: &mut BTreeSet<u16>) -> Option<u16> {
        let mut circle = (self.last..u16::MAX).map(|m| m + 1).chain(1..=self.last);
        self.last = circle.find(|mark| taken.insert(*mark))?;
        Some(self.last)
    }

    /// Everything that these marks stood for has been taken down: they rest from now on.
    pub fn rest(&mut self, now: u64) {
        self.resting.extend(self.leaving.values().map(|mark| (*mark, now)));
        self.leaving.clear();
    }

    /// The mark of what is here.
    pub fn get(&self, id: Id) -> Option<u16> {
        self.held.get(&id).copied()
    }

    /// All that is here.
    pub fn held(&self) -> impl Iterator<Item = (Id, u16)> {
        self.held.iter().map(|(id, mark)| (*id, *mark))
    }

    /// What is still to be taken down.
    pub fn leaving(&self) -> impl Iterator<Item = (Id, u16)> {
        self.leaving.iter().map(|(id, mark)| (*id, *mark))
    }

    /// Marks that stand for nothing any more, and may still be on connections.
    pub fn dead(&self) -> impl Iterator<Item = u16> {
        self.leaving.values().chain(self.resting.keys()).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mark_stays_with_its_holder_whoever_comes_and_goes() {
        let mut marks = Marks::default();
        marks.hold([7, 8], 0).unwrap();
        let eight = marks.get(8);
        marks.hold([1, 8, 9], 0).unwrap();
        assert_eq!(marks.get(8), eight);
        assert_eq!(marks.leaving().collect::<Vec<_>>(), [(7, 1)]);
    }

    #[test]
    fn who_comes_back_before_its_mark_was_cleared_gets_it_back() {
        let mut marks = Marks::default();
        marks.hold([7], 0).unwrap();
        marks.hold([8], 0).unwrap();
        marks.hold([7, 8], 0).unwrap();
        assert_eq!(marks.get(7), Some(1));
        assert_eq!(marks.dead().count(), 0);
    }

    #[test]
    fn a_mark_rests_before_it_stands_for_something_else() {
        let mut marks = Marks { last: u16::MAX - 1, ..Marks::default() };
        marks.hold([1], 0).unwrap();
        assert_eq!(marks.get(1), Some(u16::MAX));
        marks.hold([2], 10).unwrap();
        marks.rest(10);
        assert_eq!(marks.dead().collect::<Vec<_>>(), [u16::MAX]);
        marks.last = u16::MAX - 1;
        marks.hold([2, 3], QUARANTINE + 9).unwrap();
        assert_eq!(marks.get(3), Some(2), "{marks:?}");
        marks.last = u16::MAX - 1;
        marks.hold([2, 3, 4], QUARANTINE + 10).unwrap();
        assert_eq!(marks.get(4), Some(u16::MAX));
    }

    #[test]
    fn when_all_rest_there_is_none() {
        let mut marks = Marks::default();
        marks.hold(0..u16::MAX.into(), 0).unwrap();
        marks.hold(Vec::<u32>::new(), 0).unwrap();
        marks.rest(0);
        assert!(matches!(marks.hold([1_u32], 5), Err(DataplaneError::Marks)));
    }

    proptest! {
        #[test]
        fn no_two_hold_one_mark_and_none_that_is_dead(
            steps in prop::collection::vec(prop::collection::btree_set(0..40_u32, 0..20), 1..20)
        ) {
            let mut marks = Marks::default();
            for (step, wanted) in steps.into_iter().enumerate() {
                marks.hold(wanted.iter().copied(), step as u64 * 4_000).unwrap();
                if step % 2 == 0 {
                    marks.rest(step as u64 * 4_000);
                }
                let held: BTreeSet<u16> = marks.held().map(|(_, mark)| mark).collect();
                prop_assert_eq!(held.len(), wanted.len());
                prop_assert!(marks.dead().all(|mark| !held.contains(&mark)));
                let read = serde_json::from_str(&serde_json::to_string(&marks).unwrap()).unwrap();
                prop_assert_eq!(&marks, &read);
            }
        }
    }
}
