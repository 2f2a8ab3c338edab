//! The bound on false alarms holds against whoever chooses what comes next.

use damm_reach::score::{Pair, contaminated};

/// Numbers that follow from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((n ^ (n >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What somebody who knows the score does next: how likely a failure is, as a share of what the
/// null allows, and what the report weighs.
type Strategy = fn(score: f64, h: f64, n: u64) -> (f64, f64);

const STRATEGIES: [Strategy; 5] = [
    |_, _, _| (1.0, 1.0),
    // Pushes on only when it is close.
    |score, h, _| (if score > h / 2.0 { 1.0 } else { 0.2 }, 1.0),
    // Comes in bursts.
    |_, _, n| (if n % 1_000 < 60 { 1.0 } else { 0.0 }, 1.0),
    // Weighs less when it has something to lose.
    |score, _, _| (1.0, if score > 2.0 { 0.25 } else { 1.0 }),
    |_, _, n| (1.0, [1.0, 0.25, 0.6][n as usize % 3]),
];

#[test]
fn alarms_stay_below_reports_times_e_to_the_minus_h_for_every_strategy() {
    const REPORTS: u64 = 2_000_000;
    for (at, strategy) in STRATEGIES.iter().enumerate() {
        for (b, h) in [(0.02, 6.0), (0.1, 6.0), (0.3, 6.0), (0.1, 9.0)] {
            let seed = 77 + at as u64;
            let mut chance = Chance(seed);
            let q0 = contaminated(b, 0.05);
            let pair = Pair::of(q0, 0.95 * 0.85);
            let (mut score, mut alarms) = (0.0f64, 0u64);
            for n in 0..REPORTS {
                let (share, weight) = strategy(score, h, n);
                let failed = chance.unit() < share * q0;
                score = (score + weight * pair.said(failed)).max(0.0);
                if score >= h {
                    (score, alarms) = (0.0, alarms + 1);
                }
            }
            let most = REPORTS as f64 * (-h).exp();
            // Three standard deviations of a count that is as large as the bound allows.
            let most = most + 3.0 * most.sqrt();
            assert!(
                alarms as f64 <= most,
                "strategy {at}, b {b}, h {h}, seed {seed}: {alarms} of at most {most:.0}"
            );
        }
    }
}
