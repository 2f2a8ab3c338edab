//! Where sessions go.

use std::collections::BTreeSet;

use damm_fleet::Subject;
use damm_testbed::{PORT, PROXY_UID, SERVER, SERVER6, World};

use crate::{ask, of_egress, world};

#[test]
fn sessions_are_spread_by_weight_and_stay_where_they_are() {
    let Some(mut world) = world(2, 4) else { return };
    world.ingress_role().egresses.get_mut(&World::egress_id(0)).unwrap().weight = 300;
    let config = world.ingress_config.clone();
    world.ingress.apply(&config).unwrap();
    for (host, from) in [(SERVER, World::clients(200)), (SERVER6, World::clients6(200))] {
        let first = ask(&world, host, 200, &from);
        assert_eq!(first.errors, 0, "{first:?}");
        // 150 are expected; five standard deviations are 31.
        assert!((119..=181).contains(&of_egress(&first, 0)), "{first:?}");
        assert_eq!(first.seen.len(), 8, "{first:?}");
        let again = ask(&world, host, 200, &from);
        assert_eq!(first.by_client, again.by_client);
        // What is known stays where it is, whatever weights become.
        world.ingress_role().egresses.get_mut(&World::egress_id(1)).unwrap().weight = 900;
        let config = world.ingress_config.clone();
        world.ingress.apply(&config).unwrap();
        assert_eq!(ask(&world, host, 200, &from).by_client, first.by_client);
        world.ingress.apply(&config).unwrap();
        world.ingress_role().egresses.get_mut(&World::egress_id(1)).unwrap().weight = 100;
        let config = world.ingress_config.clone();
        world.ingress.apply(&config).unwrap();
    }
    counted(&mut world);
}

/// What was counted of it.
fn counted(world: &mut World) {
    let streams = world.job("streams", SERVER, 10, &World::clients(10)).unwrap();
    let (machine, _) = &mut world.egresses[0];
    let seen = machine.observe().unwrap();
    let all: u64 = seen.sessions.values().sum();
    assert!((1..=10).contains(&all), "{seen:?}");
    let first = Subject::EgressIp(World::address_id(0, 0));
    let counters = seen.counters[&first];
    assert!(counters.sessions > 10 && counters.up > 1_000 && counters.down > 1_000, "{seen:?}");
    let towards: u64 = world.ingress.observe().unwrap().towards.values().sum();
    assert_eq!(towards, 10);
    assert_eq!(streams.end().unwrap().errors, 0);
}

#[test]
fn what_proxies_send_goes_by_the_overlay_too() {
    let Some(world) = world(2, 2) else { return };
    let place = world.ingress.namespace.clone();
    let bound: Vec<String> = (2..60).map(|n| format!("10.64.5.{n}")).collect();
    let mut args = vec!["ask", SERVER, "116"];
    args.extend(bound.iter().map(String::as_str));
    let uid = PROXY_UID.to_string();
    let asked = place.job_as(&uid, PORT, &args).unwrap().end().unwrap();
    assert_eq!(asked.errors, 0, "{asked:?}");
    assert_eq!(asked.seen.len(), 4, "{asked:?}");
    assert!(asked.by_client.values().all(|seen| seen[0] == seen[1]), "{asked:?}");
    // One that binds nothing is known by its user.
    for (host, egress) in [(SERVER, "203.0."), (SERVER6, "2001:db8:e")] {
        let asked = place.job_as(&uid, PORT, &["ask", host, "5", "-"]).unwrap().end().unwrap();
        assert_eq!((asked.errors, asked.tried), (0, 5), "{asked:?}");
        assert!(asked.seen.keys().all(|seen| seen.starts_with(egress)), "{asked:?}");
    }
    // The server itself goes its own way.
    let asked = place.traffic(&["ask", SERVER, "1", "-"]).unwrap();
    let seen: BTreeSet<_> = asked.seen.keys().map(String::as_str).collect();
    assert_eq!(seen, BTreeSet::from(["198.51.100.10"]));
}

/// As if nearly all ports were taken: everybody leaves from two.
const TIGHT: &str = "table ip tight {
    chain last {
        type nat hook postrouting priority srcnat - 1;
        meta l4proto tcp snat to 203.0.0.100:5000-5001
    }
}";

#[test]
fn what_finds_no_free_port_is_counted() {
    let Some(mut world) = world(1, 1) else { return };
    assert_eq!(world.egresses[0].0.observe().unwrap().unbegun, 0);
    let place = world.egresses[0].0.namespace.clone();
    place.run(&["nft", "-f", "-"], TIGHT).unwrap();
    let streams = world.job("streams", SERVER, 3, &World::clients(3)).unwrap();
    let seen = world.egresses[0].0.observe().unwrap();
    assert!(seen.unbegun > 0, "{seen:?}");
    // Who came first is not harmed.
    assert_eq!(streams.end().unwrap().errors, 1);
}
