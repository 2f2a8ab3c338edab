//! From a random word and a weight to a place in a ranking.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fearless_simd::{Level, Simd, dispatch};

use crate::siphash::SipKey;

/// A door's cost, its id's bits, and its place in the list of doors.
pub(crate) type Ranked = (u64, u64, usize);

/// Doors, of which the one of least cost is taken first.
pub(crate) type Ranking = BinaryHeap<Reverse<Ranked>>;

/// How many doors are expected to pass the bars.
const FEW: f64 = 64.0;

/// So many doors are hashed at once: what their hashes take stays in the nearest cache.
const BLOCK: usize = 256;

/// What a door's random word has to reach for the door to be among the first few of a ranking:
/// integers are compared much faster than costs are computed.
#[derive(Debug, Clone)]
pub(crate) struct Bars {
    ids: Vec<u64>,
    weights: Vec<u32>,
    bars: Vec<u64>,
    /// No door of a higher cost is among the few.
    most: u64,
    /// What this machine's processor can do at once.
    level: Level,
}

impl Bars {
    /// For doors by their ids' bits and weights.
    pub(crate) fn new(doors: impl Iterator<Item = (u64, u32)>) -> Self {
        let (ids, weights): (Vec<u64>, Vec<u32>) = doors.unzip();
        let sum: f64 = weights.iter().map(|w| f64::from(*w)).sum();
        // A door of weight w passes with the probability 1 - exp(-most w), about most × w.
        let most = FEW / sum.max(1.0);
        let bars = weights.iter().map(|w| {
            // A little lower than it is, so that no rounding keeps a door out that belongs in:
            // those that pass are looked at more closely.
            let bar = (-most * f64::from(*w)).exp() * (1.0 - 1e-9);
            ((bar * 2f64.powi(64)) as u64).saturating_sub(1 << 12)
        });
        let (bars, level) = (bars.collect(), Level::new());
        Self { ids, weights, bars, most: most.to_bits(), level }
    }

    /// The first of the ranking under a key, in no order: a few dozen, or fewer, or none.
    pub(crate) fn first(&self, key: SipKey) -> Vec<Reverse<Ranked>> {
        let mut first = Vec::with_capacity(2 * FEW as usize);
        let mut hashes = [0; BLOCK];
        for (block, ids) in self.ids.chunks(BLOCK).enumerate() {
            let hashes = &mut hashes[..ids.len()];
            dispatch!(self.level, simd => hash_all(simd, key, ids, hashes));
            let from = block * BLOCK;
            for ((place, hash), bar) in (from..).zip(hashes).zip(&self.bars[from..]) {
                if *hash >= *bar {
                    first.extend(self.ranked(place, *hash));
                }
            }
        }
        first
    }

    fn ranked(&self, place: usize, hash: u64) -> Option<Reverse<Ranked>> {
        let cost = cost(hash, self.weights[place]);
        (cost <= self.most).then(|| Reverse((cost, self.ids[place], place)))
    }
}

/// Hashes words, as many at once as the processor can; the compiler sees to it.
#[inline(always)]
fn hash_all<S: Simd>(_: S, key: SipKey, words: &[u64], hashes: &mut [u64]) {
    for (hash, word) in hashes.iter_mut().zip(words) {
        *hash = key.hash(*word);
    }
}

/// The cost of a door: `-ln(u) / w` for the number `u` in (0, 1) that the hash stands for; the
/// smallest is ranked first. It is the inverse of the score `-w / ln(u)`, and orders the same.
///
/// Written as the bits of a positive IEEE 754 number, whose order as integers is their own.
pub(crate) fn cost(hash: u64, weight: u32) -> u64 {
    // 52 bits and a half: exact in 53 bits of mantissa, never 0 and never 1.
    let unit = ((hash >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
    (-ln(unit) / f64::from(weight)).to_bits()
}

/// The natural logarithm of a positive normal number, to a few units in the last place.
///
/// The standard library's may differ between platforms, and then two controllers would disagree on
/// who is told what. This uses only operations that IEEE 754 rounds in one way:
/// `ln(m) = 2 artanh((m - 1) / (m + 1))` for `m` between √½ and √2, and its series.
fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const ONE: u64 = 1023 << 52;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits(bits & MANTISSA | ONE);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    // |s| < 0.1716, so the first term left out is below 2^-58 of the sum.
    let series = (0..11).rev().fold(0.0, |sum, k| sum * z + 1.0 / f64::from(2 * k + 1));
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hashed_at_once_have_the_hashes_of_each() {
        let key = SipKey::new([9; 16]);
        let words: Vec<u64> = (0..67).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        for count in 0..words.len() {
            let mut hashes = vec![0; count];
            dispatch!(Level::new(), simd => hash_all(simd, key, &words[..count], &mut hashes));
            let each: Vec<u64> = words[..count].iter().map(|word| key.hash(*word)).collect();
            assert_eq!(hashes, each);
        }
    }

    #[test]
    fn the_logarithm_is_the_standard_librarys_within_rounding() {
        let step = 0x0123_4567_89ab_cdef_u64;
        for n in 0..200_000u64 {
            let hash = n.wrapping_mul(step);
            let u = ((hash >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
            let (mine, theirs) = (ln(u), u.ln());
            let error = ((mine - theirs) / theirs).abs();
            assert!(error < 1e-14, "ln({u}) = {mine}, not {theirs}");
        }
    }

    #[test]
    fn the_ends_of_the_range_have_a_cost() {
        let of = |h| f64::from_bits(cost(h, 1));
        assert!(of(0) > 36.0 && of(0).is_finite());
        assert!(of(u64::MAX) > 0.0 && of(u64::MAX) < 1e-15);
        assert!(cost(u64::MAX, 1000) < cost(u64::MAX, 1));
    }
}
