//! Front doors: opened, drained and closed one by one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{FrontdoorId, Subject};
use damm_protocol::{DoorConfig, Receiving};
use damm_testbed::{Asked, World};

use crate::world;

const DOORS: [&str; 4] = ["198.51.100.71", "198.51.100.72", "2001:db8:1::71", "198.51.100.10"];

fn id(n: u64) -> FrontdoorId {
    FrontdoorId::from_raw(n)
}

fn open(world: &mut World) {
    let door = |address: &str| DoorConfig {
        address: address.parse::<IpAddr>().unwrap(),
        public: None,
        port: 443,
        transport: "shadowsocks".to_owned(),
        receiving: Receiving::Active,
    };
    let doors = DOORS.iter().enumerate().map(|(n, address)| (id(n as u64), door(address)));
    world.ingress_role().frontdoors = doors.collect::<BTreeMap<_, _>>();
    let config = world.ingress_config.clone();
    world.ingress.apply(&config).unwrap();
    assert_eq!(world.ingress.apply(&config).unwrap().changes, 0);
}

/// Asks at a door, from the internet.
fn knock(world: &World, what: &str, door: &str) -> Asked {
    world.server.job_as("0", 443, &[what, door, "3", "-"]).unwrap().end().unwrap()
}

#[test]
fn doors_open_drain_and_close_one_by_one() {
    let Some(mut world) = world(1, 1) else { return };
    open(&mut world);
    let place = world.ingress.namespace.clone();
    let _transport = place.job_as("60710", 20_001, &["serve"]).unwrap();
    for door in DOORS {
        for what in ["ask", "datagrams"] {
            assert_eq!(knock(&world, what, door).errors, 0, "{what} {door}");
        }
    }
    // The transport itself is behind doors only.
    let direct = world.server.job_as("0", 20_001, &["ask", DOORS[0], "1", "-"]).unwrap();
    assert_eq!(direct.end().unwrap().errors, 1);
    let streams = |door| world.server.job_as("0", 443, &["streams", door, "5", "-"]).unwrap();
    let [first, second] = [streams(DOORS[0]), streams(DOORS[1])];
    world.ingress_role().frontdoors.get_mut(&id(0)).unwrap().receiving = Receiving::Draining;
    let config = world.ingress_config.clone();
    world.ingress.apply(&config).unwrap();
    for (door, refused) in [(DOORS[0], 3), (DOORS[1], 0)] {
        assert_eq!(knock(&world, "ask", door).errors, refused, "{door}");
        assert_eq!(knock(&world, "datagrams", door).errors, refused, "{door}");
    }
    let seen = world.ingress.observe().unwrap();
    assert_eq!(seen.sessions[&Subject::Frontdoor(id(0))], 5 + 3, "{seen:?}");
    assert!(seen.counters[&Subject::Frontdoor(id(1))].sessions >= 5, "{seen:?}");
    assert!(seen.counters[&Subject::Frontdoor(id(1))].down > 500, "{seen:?}");
    world.ingress_role().frontdoors.remove(&id(0));
    let config = world.ingress_config.clone();
    world.ingress.apply(&config).unwrap();
    assert_eq!(world.ingress.apply(&config).unwrap().changes, 0);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(first.end().unwrap().errors, 5);
    assert_eq!(second.end().unwrap().errors, 0);
    let addresses = place.run(&["ip", "address", "show", "dev", "w0"], "").unwrap();
    assert!(!addresses.contains(DOORS[0]), "{addresses}");
    // The server's own address was not ours to give, and is not ours to take.
    world.ingress_role().frontdoors.clear();
    let config = world.ingress_config.clone();
    world.ingress.apply(&config).unwrap();
    let addresses = place.run(&["ip", "address", "show", "dev", "w0"], "").unwrap();
    assert!(addresses.contains(DOORS[3]) && !addresses.contains(DOORS[1]), "{addresses}");
}
