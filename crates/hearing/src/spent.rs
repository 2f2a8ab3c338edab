//! Which tokens are spent.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::Timestamp;
use damm_protocol::evidence::Epoch;

/// Tokens that are remembered in one epoch at most: at about 12 bytes each, 200 MB.
const MOST: usize = 16_000_000;

/// Which tokens were used, by epoch. Epochs that are taken no longer are forgotten whole.
#[derive(Default)]
pub(crate) struct Spent {
    epochs: BTreeMap<Epoch, BTreeSet<u64>>,
    most: Option<usize>,
}

impl Spent {
    /// With room for fewer, as tests need it.
    #[cfg(test)]
    pub(crate) fn with_room_for(most: usize) -> Self {
        Self { most: Some(most), ..Self::default() }
    }

    /// Spends a word; `false` when it was spent, or is not taken now, or there is no room for it.
    pub(crate) fn spend(&mut self, epoch: Epoch, word: u64, now: Timestamp) -> bool {
        if !epoch.is_taken(now) {
            return false;
        }
        self.epochs.retain(|e, _| e.is_taken(now));
        let words = self.epochs.entry(epoch).or_default();
        words.len() < self.most.unwrap_or(MOST) && words.insert(word)
    }

    /// How many words are remembered.
    pub(crate) fn len(&self) -> usize {
        self.epochs.values().map(BTreeSet::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use damm_fleet::Span;

    use super::*;

    #[test]
    fn a_word_is_spent_once_in_each_epoch_and_forgotten_with_it() {
        let mut spent = Spent::default();
        let now = Epoch::new(1_000).begins();
        assert!(spent.spend(Epoch::new(1_000), 7, now));
        assert!(!spent.spend(Epoch::new(1_000), 7, now));
        assert!(spent.spend(Epoch::new(1_001), 7, now));
        assert!(!spent.spend(Epoch::new(1_002), 7, now));
        assert!(spent.spend(Epoch::new(1_003), 8, now + Span::from_hours(1)));
        assert_eq!(spent.len(), 2);
    }

    #[test]
    fn what_there_is_no_room_for_does_not_count() {
        let mut spent = Spent::with_room_for(2);
        let epoch = Epoch::new(1_000);
        let taken = (0..5).filter(|w| spent.spend(epoch, *w, epoch.begins()));
        assert_eq!(taken.count(), 2);
    }
}
