//! What all doors of a network have in common now, and so is no door's trouble.
//!
//! The baseline follows a network's weather after some minutes, and by then a few doors may have
//! gathered enough against them all. So before a cell is called blocked it is held against the
//! doors of its network that fail least, over the same minutes. Where these fail as it does, the
//! ISP is to blame.

use std::collections::BTreeMap;

use crate::cell::Cell;
use crate::door::Door;

/// With less than this weight of reports of late a door is not compared with.
const SPEAKS: f64 = 1.0;
/// The doors that fail least, one in so many, are held against the others,
const BEST: usize = 3;
/// and more until they have this weight of reports of late.
const ENOUGH: f64 = 8.0;
/// A door's own share is drawn towards its network's, as if so many reports said so.
const DRAWN: f64 = 4.0;
/// Evidence that even these fail more than usual, in nats: without it nothing is common.
const NOTABLE: f64 = 1.5;
/// Evidence that a door fails more than these do, in nats: without it all is common.
const CONTRAST: f64 = 6.0;
/// This share of what speaks against a door has to remain when it is held against these.
const REMAINS: f64 = 0.25;
/// Where no more than this remains, the contrast has to be certain too.
const MIXED: f64 = 0.6;
/// Where the middle of all scores is this share of a door's, they rise together.
const ALIKE: f64 = 0.3;
/// A brownout lets so much through at least; a censor who stops every door lets nothing through.
const BROWNOUT: f64 = 0.2;
/// Behind a block of all doors so much gets through still.
const BLOCK: f64 = 0.03;
/// Evidence for such a block rather than a brownout, in nats: odds of 20 to 1.
const TOTAL: f64 = 3.0;

/// What was tried of late, and what of it failed, by weight.
type Counts = (f64, f64);

/// One network, over all of its doors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Common {
    /// At the doors that fail least.
    best: Counts,
    /// The middle of all doors' scores, in nats.
    middle: f64,
    /// Evidence that somebody stops all of them, in nats.
    total: f64,
}

/// What doors have in common, everywhere.
#[derive(Debug)]
pub(crate) struct Shared {
    /// By the places of networks.
    pub(crate) networks: Vec<Common>,
    /// By country, the middle of its doors' scores, in nats.
    pub(crate) countries: BTreeMap<[u8; 2], f64>,
}

impl Shared {
    /// Of so many networks.
    pub(crate) fn of(doors: &[Door], networks: usize, now: u32) -> Self {
        Self { networks: Common::of(doors, networks, now), countries: middles(doors) }
    }
}

impl Common {
    /// Of each of so many networks, by their places.
    fn of(doors: &[Door], networks: usize, now: u32) -> Vec<Self> {
        let mut windows = vec![Vec::new(); networks];
        let mut total = vec![0.0; networks];
        for door in doors.iter().filter(|d| !d.is_down()) {
            for (network, cell) in door.networks.iter().zip(&door.cells) {
                let counts = cell.of_late(now);
                total[*network as usize] += totality(counts);
                if counts.0 >= SPEAKS && !cell.is_blocked() {
                    windows[*network as usize].push((counts, cell.hard.get()));
                }
            }
        }
        let both = windows.into_iter().zip(total);
        both.map(|(of, total)| Self { middle: middle(&of), best: best(of), total }).collect()
    }

    /// Whether what the cell shows is what the others show too; `usual` is how often attempts fail
    /// when all is well.
    pub(crate) fn explains(&self, cell: &Cell, usual: f64, now: u32) -> bool {
        let (own, usual) = (cell.of_late(now), usual.clamp(0.01, 0.99));
        let (here, there) = (rate(own), rate(self.best));
        if self.best.0 <= 0.0 || own.0 <= 0.0 || self.total >= TOTAL {
            return false;
        }
        let both = rate(add(own, self.best));
        let contrast = own.0 * divergence(here, both) + self.best.0 * divergence(there, both);
        // It began just now: what came before outweighs it still, but all scores rise together.
        if alike(cell.hard.get(), self.middle) && contrast < CONTRAST {
            return true;
        }
        if there <= usual || self.best.0 * divergence(there, usual) < NOTABLE {
            return false;
        }
        let remains = divergence(here, there.min(0.99)) / divergence(here, usual).max(f64::EPSILON);
        here <= there || remains < REMAINS || remains < MIXED && contrast < CONTRAST
    }
}

fn rate((tries, fails): Counts) -> f64 {
    fails / tries.max(f64::EPSILON)
}

fn add(a: Counts, b: Counts) -> Counts {
    (a.0 + b.0, a.1 + b.1)
}

/// What these reports say for a block of all doors against a brownout, in nats.
fn totality((tries, fails): Counts) -> f64 {
    let (fail, ok) = ((1.0 - BLOCK) / (1.0 - BROWNOUT), BLOCK / BROWNOUT);
    fails * fail.ln() + (tries - fails) * ok.ln()
}

/// The sums over the doors that fail least; of one alone there is nothing to say.
fn best(of: Vec<(Counts, f64)>) -> Counts {
    if of.len() < 2 {
        return (0.0, 0.0);
    }
    let mut of: Vec<Counts> = of.into_iter().map(|(counts, _)| counts).collect();
    let all = rate(of.iter().copied().fold((0.0, 0.0), add));
    let drawn = |(tries, fails): &Counts| (fails + DRAWN * all) / (tries + DRAWN);
    of.sort_unstable_by(|a, b| drawn(a).total_cmp(&drawn(b)));
    let least = of.len().div_ceil(BEST);
    let mut sum = (0.0, 0.0);
    for (at, counts) in of.into_iter().enumerate() {
        if at >= least && sum.0 >= ENOUGH {
            break;
        }
        sum = add(sum, counts);
    }
    sum
}

/// The score that so many others are below; of one alone there is none.
fn score_at(mut scores: Vec<f64>, at: usize) -> f64 {
    match scores.len() {
        0 | 1 => 0.0,
        _ => *scores.select_nth_unstable_by(at, f64::total_cmp).1,
    }
}

/// The middle of the doors' scores, and of two in the middle the lower one.
fn middle(of: &[(Counts, f64)]) -> f64 {
    let scores: Vec<f64> = of.iter().map(|(_, score)| *score).collect();
    let half = scores.len().saturating_sub(1) / 2;
    score_at(scores, half)
}

/// By country, the middle of its doors' scores, and of two in the middle the higher one: there
/// little of a door's own is asked for, so it has to stand out from half of the others.
fn middles(doors: &[Door]) -> BTreeMap<[u8; 2], f64> {
    let mut scores: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for pool in doors.iter().filter(|d| !d.is_down()).flat_map(|d| &d.pools) {
        scores.entry(pool.country).or_default().push(f64::from(pool.hard));
    }
    let middle = |scores: Vec<f64>| {
        let half = scores.len() / 2;
        score_at(scores, half)
    };
    scores.into_iter().map(|(country, scores)| (country, middle(scores))).collect()
}

/// Whether a score rises together with the middle one.
pub(crate) fn alike(score: f64, middle: f64) -> bool {
    middle >= ALIKE * score
}

/// What one report of a failure rate `p` says against one of `q` in the mean, in nats.
fn divergence(p: f64, q: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    term(p, q) + term(1.0 - p, 1.0 - q)
}
