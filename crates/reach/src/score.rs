//! Two hypotheses on one report, and what it says for the one against the other.
//!
//! A share `e` of the reporters lies. If all is well an honest report tells of a failure with the
//! baseline's probability `b`, and at worst every liar tells of one: `q0 = e + (1 - e) b`. Behind a
//! block honest reports fail with probability `p`, and at worst every liar tells of a success:
//! `q1 = (1 - e) p`. A report adds `z = ln(q1 / q0)` for a failure and `ln((1 - q1) / (1 - q0))`
//! for a success, and the sum is cut at zero: Page's CUSUM (Biometrika 41, 1954) of a contaminated
//! pair (Huber, Ann. Math. Statist. 36, 1965).
//!
//! # The error bound
//!
//! If a failure has at most the probability `q0` given all that went before, then `E[exp(z)] <= 1`:
//! the mean is linear in that probability, grows with it, and is 1 at `q0`. A weight `w` in [0, 1]
//! keeps that (`exp(w z)` is concave in `exp(z)`), also when the past decides it. So `exp(S)` lies
//! below an e-detector (Shin, Ramdas and Rinaldo, arXiv 2203.03532), and the mean number of counted
//! reports to a false alarm is at least `e^h`, whatever depends on what.

/// What a failure and a success each add to a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// What a failure adds, in nats; never negative.
    pub fail: f64,
    /// What a success adds; never positive.
    pub ok: f64,
}

impl Pair {
    /// The scores of a failure rate `q1` against one of `q0`. When the two are so close, or in such
    /// an order, that no report could tell them apart, no report says anything.
    pub fn of(q0: f64, q1: f64) -> Self {
        match q1 > q0 + TELLING {
            true => Self { fail: (q1 / q0).ln(), ok: ((1.0 - q1) / (1.0 - q0)).ln() },
            false => Self { fail: 0.0, ok: 0.0 },
        }
    }

    /// What an outcome adds.
    pub fn said(self, failed: bool) -> f64 {
        if failed { self.fail } else { self.ok }
    }
}

/// Below this distance of the hypotheses nothing is told.
const TELLING: f64 = 0.02;

/// The worst failure rate of a cell that is well: its baseline `b` and a share `liars`.
pub fn contaminated(b: f64, liars: f64) -> f64 {
    liars + (1.0 - liars) * b
}

/// What a network shows now, put on top of a cell's baseline: if an honest attempt fails on its own
/// with `b`, and the network now stops a share `e` more of all attempts than it used to, it fails
/// with `1 - (1 - b)(1 - e)`. `usual` and `now` are the network's own rates.
pub fn weathered(b: f64, usual: f64, now: f64) -> f64 {
    let more = ((now - usual) / (1.0 - usual).max(0.05)).clamp(0.0, 1.0);
    b + (1.0 - b) * more
}

/// What is left after `passed` seconds when half is gone after `half`.
pub fn left(passed: u32, half: f64) -> f64 {
    match passed {
        0 => 1.0,
        passed => (-f64::from(passed) / half).exp2(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_the_likelihood_ratio_is_at_most_one_below_the_null_rate() {
        for b in [0.01, 0.1, 0.3, 0.6] {
            let q0 = contaminated(b, 0.06);
            let pair = Pair::of(q0, 0.94 * 0.82);
            for p in [0.0, 0.5 * q0, q0] {
                for w in [0.0, 0.25, 0.6, 1.0] {
                    let mean = p * (w * pair.fail).exp() + (1.0 - p) * (w * pair.ok).exp();
                    assert!(mean <= 1.0 + 1e-12, "b {b}, p {p}, w {w}: {mean}");
                }
            }
        }
    }

    #[test]
    fn hypotheses_that_lie_together_say_nothing() {
        assert_eq!(Pair::of(0.8, 0.79), Pair { fail: 0.0, ok: 0.0 });
        assert_eq!(Pair::of(0.8, 0.81), Pair { fail: 0.0, ok: 0.0 });
    }

    #[test]
    fn a_brownout_is_put_on_top_and_good_weather_takes_nothing_away() {
        assert!((weathered(0.05, 0.1, 0.55) - 0.525).abs() < 1e-9);
        assert_eq!(weathered(0.05, 0.1, 0.02), 0.05);
    }
}
