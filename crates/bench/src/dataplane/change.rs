//! How evenly sessions are spread, what a change costs, and what counting does.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use damm_protocol::Receiving;
use damm_testbed::{Bed, Machine, Order, SERVER, World};

use crate::dataplane::{figure, median};
use crate::table::Table;

/// Connections in the kernel while sessions are counted.
const FLOWS: &str = "100000";
/// The mark of the address that drains meanwhile; see `Order::Count`.
const DRAINS: u32 = 7;
/// Changes of a config, one after the other.
const CHANGES: u64 = 40;

/// 250 clients that visit 64 sites each.
pub fn spread(bed: Bed, table: &mut Table) -> Result<()> {
    let mut world = World::new(bed, 1, 64)?;
    world.apply()?;
    world.server.ip("route add local 198.18.0.0/24 dev lo")?;
    world.wan.ip("route add 198.18.0.0/24 via 203.0.113.10")?;
    let sprayed = world.job("spray", "198.18.0.", 64, &World::clients(250))?.end()?;
    std::thread::sleep(Duration::from_secs(1));
    let seen = world.egresses[0].0.observe()?;
    let sessions: Vec<u64> =
        seen.counters.values().map(|c| c.sessions).filter(|sessions| *sessions > 0).collect();
    let all: u64 = sessions.iter().sum();
    ensure!(sessions.len() == 64 && all * 10 > sprayed.tried * 9, "{all} of {}", sprayed.tried);
    let busiest = sessions.iter().max().copied().unwrap_or(0) as f64;
    let ratio = busiest * 64.0 / all as f64;
    let name = "busiest of 64 addresses / mean";
    figure(table, name, format!("{ratio:.2} ({all} sessions)"), "at most 1.3", ratio <= 1.3);
    Ok(())
}

/// One address of 256 is drained or taken back, under load: by an agent that runs, and by one that
/// was started just now.
pub fn change(bed: Bed, table: &mut Table) -> Result<()> {
    let mut world = World::new(bed, 1, 128)?;
    world.apply()?;
    let rain = world.job("rain", SERVER, 500, &World::clients(40))?;
    let running = changes(&mut world, CHANGES, |_| ())?;
    let asked = rain.end()?;
    let name = "change of a config with 256 addresses";
    figure(table, name, running.to_string(), "50 ms", running.middle() < 50.0);
    let name = format!("packets lost over {CHANGES} such changes");
    let is = format!("{} of {}", asked.errors, asked.tried);
    figure(table, &name, is, "none", asked.errors == 0);
    let started = changes(&mut world, CHANGES / 4, Machine::kill)?;
    let name = "the same by an agent that was started just now";
    figure(table, name, started.to_string(), "50 ms", started.middle() < 50.0);
    Ok(())
}

/// What changes took.
struct Took {
    /// Of each in milliseconds.
    wall: Vec<f64>,
    /// On a CPU, of all in milliseconds, with the programs that were run.
    cpu: f64,
}

impl Took {
    fn middle(&self) -> f64 {
        median(self.wall.clone())
    }
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let least = self.wall.iter().copied().fold(f64::INFINITY, f64::min);
        let cpu = self.cpu / self.wall.len().max(1) as f64;
        write!(f, "{:.0} ms (least {least:.0}; {cpu:.0} ms CPU)", self.middle())
    }
}

fn changes(world: &mut World, rounds: u64, before: impl Fn(&mut Machine)) -> Result<Took> {
    let mut took = Took { wall: Vec::new(), cpu: 0.0 };
    for round in 0..rounds {
        let id = World::address_id(0, round / 2);
        let on = round % 2 == 1;
        if let Some(address) = world.egress_role(0).addresses.get_mut(&id) {
            address.receiving = if on { Receiving::Active } else { Receiving::Draining };
        }
        let (machine, config) = &mut world.egresses[0];
        before(machine);
        let answer = machine.apply(config)?;
        ensure!(answer.changes == 1, "{} commands for one change", answer.changes);
        took.wall.push(answer.micros as f64 / 1_000.0);
        took.cpu += (answer.cpu + answer.programs) as f64 / 1_000.0;
    }
    Ok(took)
}

/// CPU of a count among 100,000 connections: as agents do it, and of every single one.
pub fn count(bed: Bed, table: &mut Table) -> Result<()> {
    let mut world = World::new(bed, 1, 1)?;
    world.apply()?;
    let (machine, _) = &mut world.egresses[0];
    let filled = machine.namespace.traffic(&["fill", FLOWS])?;
    ensure!(filled.errors == 0, "{} connections were refused", filled.errors);
    let (whole, each) = counted(machine, true)?;
    let (some, as_agents) = counted(machine, false)?;
    ensure!(each.len() == 256 && as_agents.get(&DRAINS) == each.get(&DRAINS), "{as_agents:?}");
    let name = format!("count of sessions among {FLOWS} connections while one address drains");
    let off = off(&each, &as_agents);
    let is = format!("{some:.0} ms CPU (exact for that one; the others' estimates are {off})");
    figure(table, &name, is, "100 ms CPU", some < 100.0);
    let name = "the same while more than three drain: every connection is looked at";
    figure(table, name, format!("{whole:.0} ms CPU"), "none (rarer)", true);
    Ok(())
}

/// Counts some times over: the median of its CPU in milliseconds, and the last count.
fn counted(machine: &mut Machine, all: bool) -> Result<(f64, BTreeMap<u32, u64>)> {
    let (mut took, mut tally) = (Vec::new(), BTreeMap::new());
    for _ in 0..7 {
        let answer = machine.order(&Order::Count { all })?;
        took.push(answer.cpu as f64 / 1_000.0);
        tally = answer.tally;
    }
    Ok((median(took), tally))
}

/// How far estimates are off.
fn off(exact: &BTreeMap<u32, u64>, estimates: &BTreeMap<u32, u64>) -> String {
    let off = |(mark, n): (&u32, &u64)| {
        let estimate = estimates.get(mark).copied().unwrap_or(0) as f64;
        (estimate / *n as f64 - 1.0).abs() * 100.0
    };
    let all: Vec<f64> = exact.iter().map(off).collect();
    let most = all.iter().copied().fold(0.0, f64::max);
    format!("off by {:.0} % in the middle and {most:.0} % at most", median(all))
}
