//! Applying: only the difference, under load, and killed anywhere.

use std::time::Duration;

use damm_protocol::Receiving;
use damm_testbed::{Order, SERVER, SERVER6, World};

use crate::{ask, world};

#[test]
fn a_second_apply_changes_nothing_nor_does_one_after_a_restart() {
    let Some(mut world) = world(2, 2) else { return };
    let config = world.ingress_config.clone();
    assert_eq!(world.ingress.apply(&config).unwrap().changes, 0);
    world.ingress.kill();
    assert_eq!(world.ingress.apply(&config).unwrap().changes, 0);
    let (machine, config) = &mut world.egresses[0];
    assert_eq!(machine.apply(config).unwrap().changes, 0);
    for (host, from) in [(SERVER, World::clients(4)), (SERVER6, World::clients6(4))] {
        let asked = ask(&world, host, 20, &from);
        assert_eq!(asked.errors, 0, "{asked:?}");
    }
}

#[test]
fn two_hundred_and_fifty_six_addresses_are_swapped_under_load_without_a_lost_packet() {
    let Some(mut world) = world(1, 128) else { return };
    let rain = world.job("rain", SERVER, 300, &World::clients(40)).unwrap();
    for round in 0..8 {
        for (index, address) in world.egress_role(0).addresses.values_mut().enumerate() {
            let on = (index + round) % 2 == 0;
            address.receiving = if on { Receiving::Active } else { Receiving::Draining };
        }
        let (machine, config) = &mut world.egresses[0];
        let answer = machine.apply(config).unwrap();
        println!("256 addresses changed in {} us, {} commands", answer.micros, answer.changes);
        std::thread::sleep(Duration::from_millis(150));
    }
    let asked = rain.end().unwrap();
    assert!(asked.tried > 100, "{asked:?}");
    assert_eq!(asked.errors, 0, "{asked:?}");
}

/// Drains an address of the first egress; says how many commands that took.
fn drain(world: &mut World, address: u64) -> u64 {
    let id = World::address_id(0, address);
    world.egress_role(0).addresses.get_mut(&id).unwrap().receiving = Receiving::Draining;
    let (machine, config) = &mut world.egresses[0];
    machine.apply(config).unwrap().changes
}

#[test]
fn learned_sessions_stay_where_they_are_by_whichever_way_a_change_is_sent() {
    let Some(mut world) = world(1, 8) else { return };
    let first = ask(&world, SERVER, 60, &World::clients(60));
    assert_eq!(drain(&mut world, 0), 1);
    // One that was started just now does not know the ruleset in each word.
    world.egresses[0].0.kill();
    assert_eq!(drain(&mut world, 1), 1);
    assert_eq!(drain(&mut world, 2), 1);
    let then = ask(&world, SERVER, 60, &World::clients(60));
    assert_eq!(first.errors + then.errors, 0, "{first:?} {then:?}");
    let gone = ["203.0.0.100", "203.0.0.101", "203.0.0.102"];
    for (client, seen) in &first.by_client {
        let (before, after) = (&seen[0], &then.by_client[client][0]);
        assert!(!gone.contains(&after.as_str()), "{client}");
        assert!(before == after || gone.contains(&before.as_str()), "{client}");
    }
}

#[test]
fn what_somebody_changed_by_hand_is_mended_when_a_change_meets_it() {
    let Some(mut world) = world(1, 8) else { return };
    let place = world.egresses[0].0.namespace.clone();
    place.run(&["nft", "flush map inet damm slots4"], "").unwrap();
    assert_eq!(ask(&world, SERVER, 5, &World::clients(5)).errors, 5);
    // Sent in vain, then all of it.
    assert_eq!(drain(&mut world, 0), 2);
    assert_eq!(ask(&world, SERVER, 20, &World::clients(20)).errors, 0);
    assert_eq!(drain(&mut world, 1), 1);
}

#[test]
fn an_agent_that_is_killed_anywhere_is_finished_by_the_next() {
    let Some(mut world) = world(2, 3) else { return };
    let streams = world.job("streams", SERVER, 20, &World::clients(20)).unwrap();
    let whole = world.ingress_config.clone();
    world.ingress_role().egresses.remove(&World::egress_id(2));
    for step in 0..14 {
        // Another egress comes and goes, whose interface and rules have to be made and removed.
        let mut config = whole.clone();
        if step % 2 == 0
            && let damm_protocol::RoleConfig::Ingress(ingress) = &mut config.role
        {
            let mut third = ingress.egresses[&World::egress_id(0)].clone();
            third.weight = 0;
            ingress.egresses.insert(World::egress_id(2), third);
        }
        world.ingress.tell(&Order::Apply(Box::new(config), world.ingress.key.clone())).unwrap();
        std::thread::sleep(Duration::from_millis(3 + step * 9));
        world.ingress.kill();
    }
    world.ingress.apply(&whole).unwrap();
    assert_eq!(world.ingress.apply(&whole).unwrap().changes, 0);
    let asked = ask(&world, SERVER, 20, &World::clients(20));
    assert_eq!(asked.errors, 0, "{asked:?}");
    assert_eq!(streams.end().unwrap().errors, 0);
}

#[test]
fn a_damaged_memory_is_no_end() {
    let Some(mut world) = world(1, 2) else { return };
    world.ingress.kill();
    std::fs::write(world.ingress.home().join("dataplane"), "rubbish").unwrap();
    let _ = std::fs::remove_file(world.ingress.home().join("dataplane.old"));
    let config = world.ingress_config.clone();
    world.ingress.apply(&config).unwrap();
    assert_eq!(ask(&world, SERVER, 8, &World::clients(8)).errors, 0);
}
