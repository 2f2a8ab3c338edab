//! The fault dial's dice: the same seed, provider and call give the same throw.

use damm_fleet::Span;

/// What a throw decides. Each has its own dice, so that turning one fault up or down leaves the
/// others where they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Throw {
    Throttled = 1,
    ThrottledSilent,
    ErrorBefore,
    ErrorAfter,
    LostResponse,
    LateListing,
    StuckCreate,
    OutOfStock,
    AttachedElsewhere,
    SlowDelete,
    Busy,
    /// How long a listing is late.
    Lateness,
    /// How slow a delete is.
    Slowness,
}

/// The dice of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, provider: &str, call: u64) -> Self {
        Self(mix(mix(seed, hash(provider)), call))
    }

    /// Whether something with these odds happens.
    pub(super) fn hit(self, odds: f64, throw: Throw) -> bool {
        self.unit(throw) < odds
    }

    /// A length of time between two others.
    pub(super) fn between(self, low: Span, high: Span, throw: Throw) -> Span {
        let width = high.as_millis().saturating_sub(low.as_millis());
        let part = (width as f64 * self.unit(throw)) as u64;
        Span::from_millis(low.as_millis().saturating_add(part))
    }

    /// A number in `[0, 1)`.
    fn unit(self, throw: Throw) -> f64 {
        unit(mix(self.0, throw as u64))
    }
}

/// A number in `[0, 1)` from 64 bits.
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// FNV-1a of a text (draft-eastlake-fnv).
pub(super) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014) over both.
pub(super) const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a ^ b.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_comes_as_often_as_its_odds_say() {
        let hits = |odds: f64, throw| {
            (0..10_000).filter(|n| Dice::new(7, "a", *n).hit(odds, throw)).count()
        };
        assert_eq!(hits(0.0, Throw::Busy), 0);
        assert_eq!(hits(1.0, Throw::Busy), 10_000);
        for throw in [Throw::Busy, Throw::LostResponse, Throw::Throttled] {
            let n = hits(0.2, throw);
            assert!((1_850..2_150).contains(&n), "{n} of 10000 at 0.2");
        }
    }

    #[test]
    fn faults_of_one_call_are_independent() {
        let both = (0..10_000)
            .map(|n| Dice::new(1, "a", n))
            .filter(|d| d.hit(0.5, Throw::Busy) && d.hit(0.5, Throw::ErrorAfter))
            .count();
        assert!((2_300..2_700).contains(&both), "{both} of 10000");
    }
}
