//! What drains keeps its sessions; what is removed loses them, and nobody else.

use damm_fleet::Subject;
use damm_protocol::Receiving;
use damm_testbed::{SERVER, SERVER6, World};

use crate::{ask, of_egress, world};

#[test]
fn a_draining_egress_keeps_its_streams_and_gets_no_new_sessions() {
    let Some(mut world) = world(2, 2) else { return };
    let six = world.job("streams", SERVER6, 20, &World::clients6(20)).unwrap();
    let streams = world.job("streams", SERVER, 30, &World::clients(30)).unwrap();
    let drained = World::egress_id(0);
    world.ingress_role().egresses.get_mut(&drained).unwrap().receiving = Receiving::Draining;
    let config = world.ingress_config.clone();
    world.ingress.apply(&config).unwrap();
    for (host, from) in [(SERVER, World::clients(30)), (SERVER6, World::clients6(30))] {
        let asked = ask(&world, host, 30, &from);
        assert_eq!((asked.errors, of_egress(&asked, 0)), (0, 0), "{asked:?}");
    }
    let towards = world.ingress.observe().unwrap().towards;
    let (streams, six) = (streams.end().unwrap(), six.end().unwrap());
    assert_eq!(streams.errors + six.errors, 0, "{streams:?} {six:?}");
    assert_eq!(towards[&drained], of_egress(&streams, 0) + of_egress(&six, 0));
    assert!(towards[&drained] > 0);
}

#[test]
fn a_removed_egress_takes_its_streams_with_it_and_no_others() {
    let Some(mut world) = world(2, 2) else { return };
    let streams = world.job("streams", SERVER, 30, &World::clients(30)).unwrap();
    world.ingress_role().egresses.remove(&World::egress_id(0));
    let config = world.ingress_config.clone();
    world.ingress.apply(&config).unwrap();
    assert_eq!(world.ingress.apply(&config).unwrap().changes, 0);
    let asked = ask(&world, SERVER, 60, &World::clients(60));
    assert_eq!((asked.errors, of_egress(&asked, 0)), (0, 0), "{asked:?}");
    let ended = streams.end().unwrap();
    assert!(of_egress(&ended, 0) > 0, "{ended:?}");
    assert_eq!(ended.errors, of_egress(&ended, 0), "{ended:?}");
}

#[test]
fn an_address_drains_and_is_removed_with_its_streams_only() {
    let Some(mut world) = world(1, 4) else { return };
    let streams = world.job("streams", SERVER, 60, &World::clients(60)).unwrap();
    let (gone, address) = (World::address_id(0, 1), "203.0.0.101");
    world.egress_role(0).addresses.get_mut(&gone).unwrap().receiving = Receiving::Draining;
    let (machine, config) = &mut world.egresses[0];
    machine.apply(config).unwrap();
    let sessions = machine.observe().unwrap().sessions[&Subject::EgressIp(gone)];
    let asked = ask(&world, SERVER, 60, &World::clients(60));
    assert_eq!(asked.errors, 0, "{asked:?}");
    assert!(!asked.seen.contains_key(address), "{asked:?}");
    world.egress_role(0).addresses.remove(&gone);
    let (machine, config) = &mut world.egresses[0];
    machine.apply(config).unwrap();
    assert_eq!(machine.apply(config).unwrap().changes, 0);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let ended = streams.end().unwrap();
    assert_eq!(ended.seen[address], sessions, "{ended:?}");
    assert_eq!(ended.errors, sessions, "{ended:?}");
    let here = machine_addresses(&world);
    assert!(!here.contains(address) && here.contains("203.0.0.102"), "{here}");
}

#[test]
fn an_egress_that_drains_as_a_whole_refuses_nobody_who_has_not_heard_of_it() {
    let Some(mut world) = world(1, 2) else { return };
    let sites = [(SERVER, World::clients(20)), (SERVER6, World::clients6(20))];
    let before = sites.each_ref().map(|(host, from)| ask(&world, host, 20, from));
    for address in world.egress_role(0).addresses.values_mut() {
        address.receiving = Receiving::Draining;
    }
    let (machine, config) = &mut world.egresses[0];
    machine.apply(config).unwrap();
    for ((host, from), before) in sites.iter().zip(before) {
        let after = ask(&world, host, 20, from);
        assert_eq!((after.errors, &after.by_client), (0, &before.by_client), "{after:?}");
    }
}

fn machine_addresses(world: &World) -> String {
    world.egresses[0].0.namespace.run(&["ip", "-4", "address", "show", "dev", "w0"], "").unwrap()
}

#[test]
fn an_egress_that_does_not_answer_is_taken_out_and_comes_back() {
    let Some(mut world) = world(2, 1) else { return };
    let _ = ask(&world, SERVER, 20, &World::clients(20));
    let place = world.egresses[0].0.namespace.clone();
    place.ip("link set w0 down").unwrap();
    let dead = World::egress_id(0);
    let rain = world.job("rain", SERVER, 50, &World::clients(20)).unwrap();
    let is = |world: &mut World, wanted| {
        let began = std::time::Instant::now();
        while began.elapsed().as_secs() < 60 {
            if world.ingress.observe().unwrap().peers[&dead] == wanted {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        false
    };
    assert!(is(&mut world, damm_protocol::PeerHealth::Down));
    let asked = ask(&world, SERVER, 40, &World::clients(40));
    assert_eq!((asked.errors, of_egress(&asked, 0)), (0, 0), "{asked:?}");
    place.ip("link set w0 up\nroute add default via 203.0.0.254").unwrap();
    assert!(is(&mut world, damm_protocol::PeerHealth::Up));
    drop(rain);
}
