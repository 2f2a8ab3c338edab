//! How well and how fast reports of clients are judged.

use anyhow::{Result, ensure};
use damm_reach::{Reach, Standing};
use damm_world::{Plan, World, lines};

use crate::measure::{Cost, Watch};
use crate::table::{Row, Table};

/// The worlds that the lines were drawn for, and one more.
pub const SEEDS: [u64; 3] = [1, 2, 3];
/// Minutes of the reference world that the pace is measured over: seven million reports, and
/// seconds of work.
const MINUTES: u32 = 1_440;
/// Reports a second that one core has to take in.
const PACE: f64 = 1e6;

/// Plays the worlds of these plans, and measures the pace.
pub fn run(plans: &[Plan], table: &mut Table) -> Result<()> {
    pace(plans, table)?;
    lines(plans, &mut |line| {
        let sign = if line.at_most { "at most" } else { "at least" };
        table.add(Row {
            name: format!("{}: {}", line.world, line.what),
            size: format!("{:.4} of {:.4?}", line.mean(), line.measured),
            cost: Cost::default(),
            peak: None,
            line: Some((format!("{sign} {}", line.line), line.met())),
        });
    });
    Ok(())
}

fn pace(plans: &[Plan], table: &mut Table) -> Result<()> {
    let Some(plan) = plans.first() else { return Ok(()) };
    let world = World::new(plan);
    let mut room = Reach::new(world.settings());
    let standing = Standing { provider: "one".parse()?, transport: "shadowsocks".to_owned() };
    world.doors().iter().for_each(|door| room.stand(*door, &standing));
    let stream = world.stream(MINUTES);
    let watch = Watch::start()?;
    let mut minute = None;
    for (now, report) in &stream {
        if minute.replace(*now) != Some(*now) {
            room.tick(*now);
        }
        room.report(*now, report);
    }
    let cost = watch.cost()?;
    ensure!(!stream.is_empty(), "the world is silent: give it more minutes");
    let pace = stream.len() as f64 / cost.cpu.max(0.01);
    table.add(Row {
        name: "reports taken in".to_owned(),
        size: format!("{} reports, {:.2} million a second a core", stream.len(), pace / 1e6),
        cost,
        peak: None,
        line: Some(("1 million a second a core".to_owned(), pace >= PACE)),
    });
    Ok(())
}
