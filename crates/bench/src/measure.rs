//! What this process has used so far, as the kernel counts it.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Ticks of `/proc/self/stat` in a second (`USER_HZ`, which is 100 wherever Linux runs).
const TICKS: f64 = 100.0;

/// What a piece of work took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Seconds of CPU, user and system, of all threads; to the hundredth.
    pub cpu: f64,
    /// Seconds on the clock.
    pub wall: f64,
}

/// A piece of work that is being measured.
#[derive(Debug)]
pub struct Watch {
    cpu: f64,
    wall: Instant,
}

impl Watch {
    /// Begins.
    pub fn start() -> Result<Self> {
        Ok(Self { cpu: cpu()?, wall: Instant::now() })
    }

    /// What was used since.
    pub fn cost(&self) -> Result<Cost> {
        Ok(Cost { cpu: cpu()? - self.cpu, wall: self.wall.elapsed().as_secs_f64() })
    }
}

/// Seconds of CPU that this process has used.
pub fn cpu() -> Result<f64> {
    cpu_of("self")
}

/// Seconds of CPU that a process has used, by its number.
pub fn cpu_of(process: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    let stat = stat.context("the bench needs Linux's /proc")?;
    // The second field is the program's name in brackets; user and system time are the 14th and
    // the 15th.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS)
}

/// The most memory that this process ever held, in MiB.
pub fn peak_mib() -> Result<f64> {
    Ok(kib("VmHWM:")? / 1_024.0)
}

/// The memory that this process holds now, in bytes.
pub fn rss_bytes() -> Result<f64> {
    Ok(kib("VmRSS:")? * 1_024.0)
}

/// A line of `/proc/self/status` that is in kB.
fn kib(name: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix(name));
    let line = line.with_context(|| format!("the kernel does not tell {name}"))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
