//! Real packets through real data planes, in network namespaces. It needs root, and is skipped with
//! the reason where it can't run.
#![allow(clippy::unwrap_used)]

mod apply;
mod doors;
mod drain;
mod guard;
mod spread;
mod translated;
mod witness;

use damm_testbed::{Asked, Bed, World};

/// Not a test: what the machines of the others are.
#[test]
fn machine() {
    damm_testbed::serve_if_asked();
}

/// A world with all applied, when there can be one.
fn world(egresses: u8, addresses: u8) -> Option<World> {
    if damm_needs::unmet(&damm_testbed::NEEDS) {
        return None;
    }
    let bed = Bed::new(&["--exact", "machine", "--nocapture"]).unwrap();
    let mut world = World::new(bed, egresses, addresses).unwrap();
    world.apply().unwrap();
    Some(world)
}

/// Asks the server so often, and gives what it saw.
fn ask(world: &World, host: &str, count: u32, from: &[String]) -> Asked {
    world.job("ask", host, count, from).unwrap().end().unwrap()
}

/// How often the server saw addresses of an egress.
fn of_egress(asked: &Asked, n: u8) -> u64 {
    let prefixes = [format!("203.0.{n}."), format!("2001:db8:e{n:x}:")];
    let of = asked.seen.iter().filter(|(a, _)| prefixes.iter().any(|p| a.starts_with(p)));
    of.map(|(_, times)| times).sum()
}
