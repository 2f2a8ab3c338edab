//! Two things measured in turn, so that whatever else the machine does meets both alike.

use anyhow::{Context as _, Result};
use damm_testbed::Namespace;

use crate::dataplane::median;

/// What was measured of one run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// How much in a second, whatever it is.
    pub rate: f64,
    /// CPU seconds for as much.
    pub cpu: f64,
}

/// The ratios of many pairs of runs, with damm to without.
#[derive(Debug, Default)]
pub struct Ratios {
    rate: Vec<f64>,
    cpu: Vec<f64>,
}

impl Ratios {
    /// Measures with damm and without, so many times each, every other pair the other way around.
    /// What follows each other in a round stays as it is for the next: setting up is rare.
    ///
    /// # Errors
    /// What `run` fails with.
    pub fn of(rounds: usize, mut run: impl FnMut(bool) -> Result<Run>) -> Result<Self> {
        let mut ratios = Self::default();
        for round in 0..rounds {
            let first = round % 2 == 0;
            let (one, other) = (run(first)?, run(!first)?);
            let (with, without) = if first { (one, other) } else { (other, one) };
            ratios.rate.push(with.rate / without.rate);
            ratios.cpu.push(with.cpu / without.cpu);
        }
        Ok(ratios)
    }

    /// The median of the rates' ratios.
    pub fn rate(&self) -> f64 {
        median(self.rate.clone())
    }
}

/// The medians, and between which ratios half of all pairs were.
impl std::fmt::Display for Ratios {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.rate.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |part: usize| sorted.get(sorted.len() * part / 4).copied().unwrap_or(0.0);
        let (rate, cpu, pairs) = (self.rate(), median(self.cpu.clone()), self.rate.len());
        let (low, high) = (at(1), at(3));
        write!(f, "{rate:.2} ({low:.2} to {high:.2} in {pairs} pairs; CPU {cpu:.2})")
    }
}

/// CPU seconds of the processes that run in these namespaces, of those that have not ended.
pub fn cpu(of: &[&Namespace]) -> Result<f64> {
    let mut all = 0.0;
    for namespace in of {
        let pids = std::process::Command::new("ip").args(["netns", "pids", &namespace.0]).output();
        let pids = String::from_utf8(pids.context("`ip` is missing")?.stdout)?;
        // One that has ended meanwhile used nothing that matters.
        all +=
            pids.split_whitespace().filter_map(|pid| crate::measure::cpu_of(pid).ok()).sum::<f64>();
    }
    Ok(all)
}
