//! How evenly sessions are spread, what a change costs, and what counting does.

use std::time::Duration;

use anyhow::{Result, ensure};
use damm_protocol::Receiving;
use damm_testbed::{Bed, Order, SERVER, World};

use crate::dataplane::{figure, median};
use crate::table::Table;

/// Connections in the kernel while sessions are counted.
const FLOWS: &str = "100000";

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

/// One address of 256 is drained or taken back, under load.
pub fn change(bed: Bed, table: &mut Table) -> Result<()> {
    let mut world = World::new(bed, 1, 128)?;
    world.apply()?;
    let rain = world.job("rain", SERVER, 500, &World::clients(40))?;
    let mut took = Vec::new();
    for round in 0..20_u64 {
        let id = World::address_id(0, round / 2);
        let on = round % 2 == 1;
        if let Some(address) = world.egress_role(0).addresses.get_mut(&id) {
            address.receiving = if on { Receiving::Active } else { Receiving::Draining };
        }
        let (machine, config) = &mut world.egresses[0];
        let answer = machine.apply(config)?;
        ensure!(answer.changes > 0, "nothing was changed");
        took.push(answer.micros as f64 / 1_000.0);
    }
    let asked = rain.end()?;
    let least = took.iter().copied().fold(f64::INFINITY, f64::min);
    let middle = median(took);
    let name = "change of a config with 256 addresses";
    figure(table, name, format!("{middle:.0} ms (least {least:.0})"), "50 ms", middle < 50.0);
    let name = "packets lost over 20 such changes";
    let is = format!("{} of {}", asked.errors, asked.tried);
    figure(table, name, is, "none", asked.errors == 0);
    Ok(())
}

/// CPU of a count among 100,000 connections: as agents do it, and exactly.
pub fn count(bed: Bed, table: &mut Table) -> Result<()> {
    let mut world = World::new(bed, 1, 1)?;
    world.apply()?;
    let (machine, _) = &mut world.egresses[0];
    let filled = machine.namespace.traffic(&["fill", FLOWS])?;
    ensure!(filled.errors == 0, "{} connections were refused", filled.errors);
    for (all, name) in [(false, "count of sessions"), (true, "exact count of all sessions")] {
        let mut took = Vec::new();
        for _ in 0..5 {
            took.push(machine.order(&Order::Count { all })?.cpu as f64 / 1_000.0);
        }
        let middle = median(took);
        let name = format!("{name} among {FLOWS} connections");
        let line = if all { "none (rare)" } else { "100 ms CPU" };
        figure(table, &name, format!("{middle:.0} ms CPU"), line, all || middle < 100.0);
    }
    Ok(())
}
