//! What the detector is tuned to. Each value carries its argument.

use std::ops::Deref;

use damm_fleet::Span;

/// How the room judges. [`Settings::default`] is what the committed figures were measured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// False alarms a day, over all cells together, that the threshold is drawn for.
    pub false_alarms: f64,
    /// Reports a day that are expected, over all cells together.
    pub reports_a_day: f64,
    /// The share of reporters that is taken to lie, from 0 to 0.4.
    ///
    /// It is the contamination of both hypotheses. The share at which liars win is about 0.45 for
    /// any value here; a small one decides earlier, as each report then says more.
    pub liars: f64,
    /// The share taken to lie by the soft score, which looks for throttling.
    pub soft_liars: f64,
    /// How much of the attempts a throttling censor stops: the "fully encrypted" rule of the Great
    /// Firewall hits 26 % (Wu et al., USENIX Security 2023).
    pub soft_rise: f64,
    /// How often attempts fail behind a block. Many blocks let a part through, and liars who keep
    /// silent on failures make it more; a failure rate of about 0.45 and above counts for a block.
    pub blocked_share: f64,
    /// The network's own failures count like so many of the cell's reports in its baseline.
    pub shrinkage: f64,
    /// After what time half of a baseline is forgotten.
    pub memory: Span,
    /// After what time half of what a network shows now is forgotten.
    pub glimpse: Span,
    /// What a failure counts whose reporter failed before and did not get through since: liars
    /// fail for good, honest reporters only behind a block.
    pub repeat: f64,
    /// No cell with fewer reporters in a period leaves the room.
    pub k: u32,
    /// How long reporters are counted, and how long their numbers stay the same.
    pub period: Span,
    /// At this score a cell is suspected: `ln 100`, odds of 100 to 1.
    pub suspect: f64,
    /// From this evidence on that a door works again, a block is over: odds of 400 to 1.
    pub recovery: f64,
    /// From this score on a baseline stands still, so that a slow block does not teach it.
    pub frozen: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            false_alarms: 0.81,
            reports_a_day: 7.2e6,
            liars: 0.035,
            soft_liars: 0.03,
            soft_rise: 0.22,
            blocked_share: 0.80,
            shrinkage: 30.0,
            memory: Span::from_hours(6),
            glimpse: Span::from_mins(5),
            repeat: 0.5,
            k: 20,
            period: Span::from_hours(12),
            suspect: 4.605,
            recovery: 6.0,
            frozen: 3.0,
        }
    }
}

impl Settings {
    /// The score `h` at which a cell is called blocked, in nats.
    ///
    /// Under the null, whatever the liars say and however reports depend on each other, a cell's
    /// score comes to `h` at most once in `e^h` counted reports, so all cells together raise at
    /// most `reports * e^-h` false alarms (the argument is in [`crate::score`]).
    pub fn threshold(&self) -> f64 {
        (self.reports_a_day.max(1.0) / self.false_alarms.max(1e-9)).ln().max(2.0 * self.suspect)
    }
}

/// Settings with what follows from them, worked out once.
#[derive(Debug, Clone)]
pub(crate) struct Tuned {
    set: Settings,
    /// The threshold.
    pub(crate) h: f64,
}

impl Tuned {
    pub(crate) fn of(set: Settings) -> Self {
        Self { h: set.threshold(), set }
    }
}

impl Deref for Tuned {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.set
    }
}
