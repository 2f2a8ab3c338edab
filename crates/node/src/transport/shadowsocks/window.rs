//! Packets that were seen before.

/// How far packets may be out of order.
const WIDTH: u64 = 1024;

/// The numbers of packets that a client's association was last seen to send: each counts once
/// (SIP022, "3.2.2"; the sliding window is RFC 6479's, without its blocks).
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// One more than the greatest number.
    next: u64,
    seen: [u64; (WIDTH / 64) as usize],
}

impl Window {
    pub const fn new() -> Self {
        Self { next: 0, seen: [0; (WIDTH / 64) as usize] }
    }

    /// Whether a packet of this number is new; it is not the next time.
    pub fn admits(&mut self, number: u64) -> bool {
        // The last of all numbers can't be counted past.
        if number == u64::MAX || self.next.saturating_sub(number) > WIDTH {
            return false;
        }
        for skipped in self.next..(number + 1).min(self.next.saturating_add(WIDTH)) {
            self.set(skipped, false);
        }
        if number.saturating_sub(self.next) >= WIDTH {
            self.seen = [0; (WIDTH / 64) as usize];
        }
        self.next = self.next.max(number + 1);
        let new = !self.has(number);
        self.set(number, true);
        new
    }

    const fn has(&self, number: u64) -> bool {
        self.seen[(number / 64 % (WIDTH / 64)) as usize] >> (number % 64) & 1 == 1
    }

    fn set(&mut self, number: u64, seen: bool) {
        let word = &mut self.seen[(number / 64 % (WIDTH / 64)) as usize];
        let bit = 1 << (number % 64);
        *word = if seen { *word | bit } else { *word & !bit };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_counts_once_and_one_that_is_far_behind_not_at_all() {
        let mut window = Window::new();
        assert!(window.admits(0) && window.admits(5) && window.admits(3));
        assert!(!window.admits(5) && !window.admits(0));
        assert!(window.admits(5 + 10 * WIDTH) && !window.admits(6));
        assert!(window.admits(6 + 9 * WIDTH) && !window.admits(6 + 9 * WIDTH));
        assert!(!window.admits(u64::MAX));
        assert!(window.admits(u64::MAX - 1) && !window.admits(u64::MAX - 1));
    }

    proptest! {
        #[test]
        fn no_packet_is_ever_admitted_twice_and_none_that_is_new_and_near_is_refused(
            steps in prop::collection::vec((-1100_i64..1100, any::<bool>()), 1..400),
        ) {
            let (mut window, mut seen, mut at) = (Window::new(), BTreeSet::new(), 2000_i64);
            let mut greatest = 0;
            for (step, back) in steps {
                at = if back { greatest - step.abs() } else { at + step }.max(0);
                let number = at as u64;
                let near = at + WIDTH as i64 > greatest;
                let admitted = window.admits(number);
                prop_assert!(!(admitted && seen.contains(&number)));
                prop_assert!(admitted || seen.contains(&number) || !near);
                if admitted {
                    seen.insert(number);
                }
                greatest = greatest.max(at);
            }
        }
    }
}
