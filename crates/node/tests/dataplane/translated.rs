//! A vendor's translation, one address to one, in front of an egress node.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use damm_testbed::{SERVER, World};

use crate::{ask, world};

/// What the vendor's router does for two addresses of the first egress: none of its machines sees
/// them as the internet does.
const TRANSLATION: &str = "table ip vendor {
    map outside { type ipv4_addr : ipv4_addr; elements = {
        172.31.0.100 : 203.0.0.200, 172.31.0.101 : 203.0.0.201 } }
    map inside { type ipv4_addr : ipv4_addr; elements = {
        203.0.0.200 : 172.31.0.100, 203.0.0.201 : 172.31.0.101 } }
    chain come {
        type nat hook prerouting priority dstnat;
        dnat to ip daddr map @inside
    }
    chain leave {
        type nat hook postrouting priority srcnat;
        snat to ip saddr map @outside
    }
}";

#[test]
fn sessions_leave_from_what_stands_behind_a_vendors_translation_and_are_seen_in_front_of_it() {
    let Some(mut world) = world(1, 2) else { return };
    world.wan.run(&["nft", "-f", "-"], TRANSLATION).unwrap();
    // The egress answers for its addresses itself, as on a vendor's network.
    world.wan.ip("address add 172.31.0.254/24 dev br0").unwrap();
    let v4 = |a: &IpAddr| a.is_ipv4();
    let role = world.egress_role(0);
    for (address, n) in role.addresses.values_mut().filter(|a| v4(&a.address)).zip(100..) {
        address.address = Ipv4Addr::new(172, 31, 0, n).into();
        address.public = Some(Ipv4Addr::new(203, 0, 0, n + 100).into());
    }
    let (machine, config) = &mut world.egresses[0];
    config.generation += 1;
    machine.apply(config).unwrap();
    assert_eq!(machine.apply(config).unwrap().changes, 0);
    let asked = ask(&world, SERVER, 60, &World::clients(60));
    assert_eq!(asked.errors, 0, "{asked:?}");
    let seen: BTreeSet<_> = asked.seen.keys().map(String::as_str).collect();
    assert_eq!(seen, BTreeSet::from(["203.0.0.200", "203.0.0.201"]));
    let counted = world.egresses[0].0.observe().unwrap();
    let all: u64 = counted.counters.values().map(|c| c.sessions).sum();
    assert!(all >= 60, "{counted:?}");
}
