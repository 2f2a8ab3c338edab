//! The lines that a room is held against, and what it comes to in a world.

use std::fmt;

use crate::plan::Plan;
use crate::score::Figures;
use crate::world::World;

/// One figure with its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Which line, and in what world.
    pub world: &'static str,
    /// What is measured.
    pub what: &'static str,
    /// By seed.
    pub measured: Vec<f64>,
    /// The mean of the seeds is held against this,
    pub line: f64,
    /// and has to be at most it; or at least.
    pub at_most: bool,
}

impl Line {
    /// The mean over the seeds.
    pub fn mean(&self) -> f64 {
        self.measured.iter().sum::<f64>() / self.measured.len().max(1) as f64
    }

    /// Whether the line is met.
    pub fn met(&self) -> bool {
        if self.at_most { self.mean() <= self.line } else { self.mean() >= self.line }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.at_most { "<=" } else { ">=" };
        let met = if self.met() { "yes" } else { "**no**" };
        let each: Vec<String> = self.measured.iter().map(|m| shown(*m)).collect();
        write!(f, "| {} | {} | {} ", self.world, self.what, shown(self.mean()))?;
        write!(f, "| {} | {sign} {} | {met} |", each.join(", "), shown(self.line))
    }
}

/// Minutes whole, shares with the digits that matter.
fn shown(n: f64) -> String {
    match n {
        n if n == n.round() => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n if n >= 1.0 => format!("{n:.2}"),
        n => format!("{n:.4}"),
    }
}

type Measure = (&'static str, fn(&Figures) -> f64, f64, bool);

/// A world's name, what is changed of the plan, and what is measured in it.
type Part = (&'static str, fn(Plan) -> Plan, &'static [Measure]);

const CALM: &[Measure] = &[
    ("T1 median delay, minutes", |f| f.hard.0, 26.0, true),
    ("T1 nine in ten, minutes", |f| f.hard.1, 69.0, true),
    ("T1 found within an hour", |f| f.in_an_hour, 0.85, false),
    ("T1 false blocks a day, quiet", |f| f.false_blocks[0], 0.81, true),
    ("T1 false blocks a day, brownout", |f| f.false_blocks[2], 0.0, true),
    ("T1 cells mislabelled in an outage", |f| f.mislabelled, 0.001, true),
    ("T6 throttling seen within two hours", |f| f.throttled, 0.35, false),
    ("T7 median delay of cells with few reports", |f| f.slow, 94.0, true),
    ("bytes for a cell", |f| f.bytes_a_key as f64, 165.0, true),
];

const BUSY: &[Measure] = &[
    ("T2 median delay, minutes", |f| f.hard.0, 13.0, true),
    ("T2 nine in ten, minutes", |f| f.hard.1, 28.0, true),
    ("T2 false blocks a day, quiet", |f| f.false_blocks[0], 0.0, true),
    ("T6 throttling seen within two hours", |f| f.throttled, 0.79, false),
];

const THIRD: &[Measure] = &[
    ("T3 attacked cells called blocked", |f| f.attacked, 0.01, true),
    ("T3 balanced accuracy", |f| f.balanced, 0.95, false),
];

const FIFTH_LOUD: &[Measure] = &[
    ("T4 attacked cells called blocked", |f| f.attacked, 0.003, true),
    ("T4 balanced accuracy", |f| f.balanced, 0.945, false),
];

const THIRD_LOUD: &[Measure] = &[
    ("T5 attacked cells called blocked", |f| f.attacked, 0.10, true),
    ("T5 recall", |f| f.recall, 0.9, false),
];

const PARTS: [Part; 5] = [
    ("no liars", |p| p, CALM),
    ("30 % lie", |p| p.with_liars(0.3, 1.0), THIRD),
    ("20 % lie, five times as often", |p| p.with_liars(0.2, 5.0), FIFTH_LOUD),
    ("30 % lie, five times as often", |p| p.with_liars(0.3, 5.0), THIRD_LOUD),
    ("four times the reports", |p| p.with_traffic(4.0), BUSY),
];

/// Plays every world with every plan, one after another, and tells each line as it is known.
pub fn lines(plans: &[Plan], tell: &mut dyn FnMut(&Line)) {
    for (world, change, measures) in PARTS {
        let play = |plan: &Plan| {
            let world = World::new(&change(plan.clone()));
            let settings = world.settings();
            world.play(settings)
        };
        let figures: Vec<Figures> = plans.iter().map(play).collect();
        for (what, measure, line, at_most) in measures {
            let measured = figures.iter().map(measure).collect();
            tell(&Line { world, what, measured, line: *line, at_most: *at_most });
        }
    }
}
