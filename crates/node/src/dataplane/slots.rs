//! Which of 1,024 slots belongs to whom: new sessions are hashed into a slot.
//!
//! # Guarantees
//!
//! - Everybody holds exactly the number of slots that its weight asks for, by largest remainder.
//! - As few slots move as can be, so as few new sessions as can be go elsewhere than before.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many there are. 256 addresses of one weight have four each, and a weight is kept to within
/// a thousandth of all sessions.
pub const SLOTS: usize = 1024;

/// Who holds each slot; 0 is nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(Vec<u16>);

impl Default for Slots {
    fn default() -> Self {
        Self(vec![0; SLOTS])
    }
}

impl Slots {
    /// The slots in order; 0 is nobody's.
    pub fn holders(&self) -> impl Iterator<Item = u16> {
        self.0.iter().copied().chain(std::iter::repeat(0)).take(SLOTS)
    }

    /// Deals them anew, by weight; without any weight they are nobody's.
    #[must_use]
    pub fn deal(&self, weights: &BTreeMap<u16, u32>) -> Self {
        let mut missing = quotas(&self.counts(), weights);
        let mut dealt: Vec<u16> = self.holders().map(|holder| keep(&mut missing, holder)).collect();
        let mut takers = missing.iter().flat_map(|(mark, n)| std::iter::repeat_n(*mark, *n));
        for slot in dealt.iter_mut().filter(|holder| **holder == 0) {
            *slot = takers.next().unwrap_or(0);
        }
        Self(dealt)
    }

    /// How many slots everybody holds.
    pub fn counts(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for holder in self.holders().filter(|holder| *holder != 0) {
            *counts.entry(holder).or_default() += 1;
        }
        counts
    }
}

/// The slot's holder, as long as it may hold more; else nobody.
fn keep(missing: &mut BTreeMap<u16, usize>, holder: u16) -> u16 {
    match missing.get_mut(&holder) {
        Some(n) if *n > 0 => {
            *n -= 1;
            holder
        }
        _ => 0,
    }
}

/// Slots by weight: the whole part each, and the rest to the largest remainders (Hamilton's
/// method). Of equal remainders those win that hold one more now, so that nothing moves for a tie.
fn quotas(held: &BTreeMap<u16, usize>, weights: &BTreeMap<u16, u32>) -> BTreeMap<u16, usize> {
    let total: u64 = weights.values().map(|w| u64::from(*w)).sum();
    if total == 0 {
        return BTreeMap::new();
    }
    let share = |weight: u32| u64::from(weight) * SLOTS as u64;
    let mut quotas: BTreeMap<u16, usize> =
        weights.iter().map(|(mark, w)| (*mark, (share(*w) / total) as usize)).collect();
    let rest = SLOTS - quotas.values().sum::<usize>();
    let mut order: Vec<_> = weights.iter().filter(|(_, w)| **w > 0).collect();
    let has_more = |mark: &u16| held.get(mark) > quotas.get(mark);
    order.sort_by_key(|(mark, w)| (Reverse(share(**w) % total), !has_more(mark), **mark));
    for (mark, _) in order.into_iter().take(rest) {
        *quotas.entry(*mark).or_default() += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weights() -> impl Strategy<Value = BTreeMap<u16, u32>> {
        prop::collection::btree_map(1..400_u16, 0..1_000_u32, 0..300)
    }

    fn moved(from: &Slots, to: &Slots) -> usize {
        from.holders().zip(to.holders()).filter(|(a, b)| *b != 0 && a != b).count()
    }

    proptest! {
        #[test]
        fn everybody_holds_what_its_weight_asks_for(first in weights(), then in weights()) {
            let slots = Slots::default().deal(&first).deal(&then);
            let total: u64 = then.values().map(|w| u64::from(*w)).sum();
            let counts = slots.counts();
            prop_assert_eq!(counts.values().sum::<usize>(), if total == 0 { 0 } else { SLOTS });
            for (mark, weight) in &then {
                let held = counts.get(mark).copied().unwrap_or(0) as f64;
                let exact = f64::from(*weight) * SLOTS as f64 / (total.max(1) as f64);
                prop_assert!((held - exact).abs() < 1.0, "{mark}: {held} of {exact}");
                prop_assert!(*weight > 0 || held == 0.0);
            }
        }

        #[test]
        fn as_few_slots_move_as_can_be(first in weights(), then in weights()) {
            let before = Slots::default().deal(&first);
            let after = before.deal(&then);
            let (had, has) = (before.counts(), after.counts());
            let gained = |(mark, n): (&u16, &usize)| {
                n.saturating_sub(had.get(mark).copied().unwrap_or(0))
            };
            prop_assert_eq!(moved(&before, &after), has.iter().map(gained).sum::<usize>());
        }

        #[test]
        fn dealing_again_moves_nothing(first in weights(), then in weights()) {
            let slots = Slots::default().deal(&first).deal(&then);
            prop_assert_eq!(slots.deal(&then), slots);
        }
    }

    #[test]
    fn three_equals_share_what_does_not_divide() {
        let slots = Slots::default().deal(&BTreeMap::from([(1, 1), (2, 1), (3, 1)]));
        assert_eq!(slots.counts(), BTreeMap::from([(1, 342), (2, 341), (3, 341)]));
        // The one more stays where it is, whoever comes first.
        let two = slots.deal(&BTreeMap::from([(2, 1), (3, 1)]));
        assert_eq!(two.counts(), BTreeMap::from([(2, 512), (3, 512)]));
        assert_eq!(moved(&slots, &two), 342);
    }

    #[test]
    fn a_damaged_memory_of_slots_is_dealt_anew() {
        let slots: Slots = serde_json::from_str("[1,1,7]").unwrap();
        assert_eq!(slots.deal(&BTreeMap::from([(1, 5)])).counts(), BTreeMap::from([(1, SLOTS)]));
    }
}
