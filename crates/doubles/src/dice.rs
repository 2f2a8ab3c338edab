//! The dice of the dial: the same seed and the same request give the same throw.

/// The dice of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    pub(crate) const fn new(seed: u64, request: u64) -> Self {
        Self { state: mix(seed) ^ mix(request.wrapping_add(0x5851_f42d_4c95_7f2d)) }
    }

    /// Whether something with these odds happens; each call is another throw.
    pub(crate) fn hit(&mut self, odds: f64) -> bool {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let unit = (mix(self.state) >> 11) as f64 / (1u64 << 53) as f64;
        unit < odds
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_comes_as_often_as_its_odds_say() {
        let hits = |odds| (0..10_000).filter(|n| Dice::new(7, *n).hit(odds)).count();
        assert_eq!((hits(0.0), hits(1.0)), (0, 10_000));
        let n = hits(0.2);
        assert!((1_850..2_150).contains(&n), "{n} of 10000 at 0.2");
    }

    #[test]
    fn throws_of_one_request_are_independent() {
        let both = (0..10_000).filter(|n| {
            let mut dice = Dice::new(1, *n);
            dice.hit(0.5) & dice.hit(0.5)
        });
        let n = both.count();
        assert!((2_300..2_700).contains(&n), "{n} of 10000");
    }
}
