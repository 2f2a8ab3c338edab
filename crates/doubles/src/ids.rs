//! Names that vendors give to things.

use std::sync::atomic::{AtomicU64, Ordering};

/// Draws names, each once; the same in each run.
#[derive(Debug, Default)]
pub struct Ids {
    drawn: AtomicU64,
}

impl Ids {
    /// The next number: large, as vendors' are, and not one after the other.
    pub fn number(&self) -> u64 {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        40_000_000 + n * 7
    }

    /// The next text of so many hexadecimal digits, 17 for AWS.
    pub fn hex(&self, digits: usize) -> String {
        let (high, low) = self.bits();
        let all = format!("{high:016x}{low:016x}");
        all.chars().cycle().take(digits).collect()
    }

    /// The next UUID of version 4 (RFC 9562), in shape.
    pub fn uuid(&self) -> String {
        let (high, low) = self.bits();
        let all = format!("{high:016x}{low:016x}");
        let (a, b, c, d, e) = (&all[..8], &all[8..12], &all[13..16], &all[17..20], &all[20..]);
        format!("{a}-{b}-4{c}-8{d}-{e}")
    }

    /// Bits that differ for each number drawn: multiplying by an odd number loses none.
    fn bits(&self) -> (u64, u64) {
        let n = self.number();
        (n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n.wrapping_mul(0xbf58_476d_1ce4_e5b9))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_come_once_and_have_their_shape() {
        let ids = Ids::default();
        let drawn: Vec<_> = (0..1_000).map(|_| ids.uuid()).collect();
        assert_eq!(BTreeSet::from_iter(&drawn).len(), 1_000);
        assert!(drawn.iter().all(|u| u.len() == 36 && &u[14..15] == "4"), "{}", drawn[0]);
        let hex: BTreeSet<_> = (0..1_000).map(|_| ids.hex(17)).collect();
        assert_eq!(hex.len(), 1_000);
    }
}
