//! Real packets through real data planes, in network namespaces. It needs root, and is skipped with
//! the reason where it can't run.
#![allow(clippy::unwrap_used)]

use damm_testbed::{Bed, SERVER, SERVER6, World};

/// Not a test: what the machines of the others are.
#[test]
fn machine() {
    damm_testbed::serve_if_asked();
}

/// A world, when there can be one.
fn world(egresses: u8, addresses: u8) -> Option<World> {
    match Bed::new(&["--exact", "machine", "--nocapture"]) {
        Ok(bed) => Some(World::new(bed, egresses, addresses).unwrap()),
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    }
}

#[test]
fn a_second_apply_changes_nothing() {
    let Some(mut world) = world(1, 2) else { return };
    world.apply().unwrap();
    let config = world.ingress_config.clone();
    assert_eq!(world.ingress.apply(&config).unwrap().changes, 0);
    let (machine, config) = &mut world.egresses[0];
    assert_eq!(machine.apply(config).unwrap().changes, 0);
    for host in [SERVER, SERVER6] {
        let from = if host == SERVER { World::clients(4) } else { World::clients6(4) };
        let asked = world.job("ask", host, 20, &from).unwrap().end().unwrap();
        println!("{asked:?}");
        assert_eq!(asked.errors, 0, "{asked:?}");
    }
}
