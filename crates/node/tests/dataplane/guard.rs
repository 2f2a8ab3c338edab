//! What may not leave, and by which way nothing may.

use damm_testbed::{Namespace, PORT, PROXY_UID, SERVER, SERVER6, World};

use crate::{ask, world};

/// Counts what comes from the ingress for the internet's server, or with an address that is not
/// the ingress' own: nothing of the overlay is among it.
fn watch(world: &World) {
    world
        .wan
        .run(
            &["nft", "-f", "-"],
            "table netdev watch {
        counter clear { }
        chain from { type filter hook ingress device \"in\" priority 0;
            ip daddr 203.0.113.10 counter name clear
            ip6 daddr 2001:db8:2::10 counter name clear
            ip saddr != 198.51.100.0/24 counter name clear
            ip6 saddr != { 2001:db8:1::/64, fe80::/10, :: } counter name clear
        }
    }",
        )
        .unwrap();
}

pub fn counter(namespace: &Namespace, table: [&str; 2], name: &str) -> u64 {
    let [family, table] = table;
    let text = namespace.run(&["nft", "-j", "list", "counter", family, table, name], "").unwrap();
    let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
    listing["nftables"][1]["counter"]["packets"].as_u64().unwrap()
}

#[test]
fn with_the_overlay_cut_nothing_leaves_by_another_way() {
    let Some(mut world) = world(1, 2) else { return };
    watch(&world);
    let place = world.ingress.namespace.clone();
    let uid = PROXY_UID.to_string();
    let proxied = |host, from| {
        place.job_as(&uid, PORT, &["ask", host, "1", from]).unwrap().end().unwrap().errors
    };
    let streams = world.job("streams", SERVER, 10, &World::clients(10)).unwrap();
    assert_eq!(proxied(SERVER, "10.64.4.9") + proxied(SERVER, "-") + proxied(SERVER6, "-"), 0);
    // With its interface a process' routes are lost as well.
    place.ip("link del wg-e1").unwrap();
    for (host, from) in [(SERVER, World::clients(3)), (SERVER6, World::clients6(3))] {
        let asked = ask(&world, host, 3, &from);
        assert_eq!(asked.errors, 3, "{asked:?}");
    }
    assert_eq!(proxied(SERVER, "10.64.4.9") + proxied(SERVER, "-") + proxied(SERVER6, "-"), 3);
    // The ruleset alone is enough: without a single rule of routing.
    for family in ["-4", "-6"] {
        let rules = "ip FAMILY rule | grep -v -e local -e main -e default | cut -d: -f1 |
            while read -r p; do ip FAMILY rule del priority $p; done";
        place.run(&["sh", "-c", &rules.replace("FAMILY", family)], "").unwrap();
    }
    assert_eq!(ask(&world, SERVER, 2, &World::clients(2)).errors, 2);
    assert_eq!(proxied(SERVER, "10.64.4.9") + proxied(SERVER, "-") + proxied(SERVER6, "-"), 3);
    assert_eq!(counter(&world.wan, ["netdev", "watch"], "clear"), 0);
    assert!(counter(&place, ["inet", "damm"], "leak") > 0);
    drop(streams);
    // Watching mends it.
    assert!(!world.ingress.observe().unwrap().problems.is_empty());
    assert_eq!(ask(&world, SERVER, 3, &World::clients(3)).errors, 0);
}

#[test]
fn mail_private_ranges_other_clients_and_the_nodes_are_refused() {
    let Some(world) = world(1, 1) else { return };
    let within = |seconds: &str, host: &str, port: u16| {
        let connect = format!("exec 3<>/dev/tcp/{host}/{port}");
        world.client.run(&["timeout", seconds, "bash", "-c", &connect], "").is_ok()
    };
    let try_ = |host: &str, port: u16| within("2", host, port);
    let ingress = &world.ingress.namespace;
    let counts = |name| counter(ingress, ["inet", "damm"], name);
    // The overlay's first handshake may take a retransmission or two on a busy machine.
    for host in [SERVER, SERVER6] {
        assert!(within("20", host, PORT), "{host} is not reached at all");
    }
    assert!(!try_(SERVER, 25));
    assert_eq!(counts("smtp"), 1);
    for host in ["192.168.1.1", "169.254.169.254", "10.64.4.1", "fd00:da::1:1", "::ffff:10.0.0.1"] {
        assert!(!try_(host, PORT), "{host}");
    }
    assert!(counts("bogon") >= 4);
    // Nothing of the nodes' own, though something listens everywhere.
    let _ingress = ingress.job(&["serve"]).unwrap();
    let _egress = world.egresses[0].0.namespace.job(&["serve"]).unwrap();
    for host in ["100.64.0.1", "198.51.100.10", "203.0.0.10", "203.0.0.100", "100.64.0.2"] {
        assert!(!try_(host, PORT), "{host}");
    }
}

#[test]
fn segments_fit_the_overlay() {
    let Some(world) = world(1, 1) else { return };
    let bulk = "import socket,sys
s=socket.create_connection((sys.argv[1],7000))
s.setsockopt(socket.SOL_SOCKET,socket.SO_RCVBUF,1<<20)
import threading
n=3000000
threading.Thread(target=lambda:(s.sendall(b'x'*n),s.shutdown(1))).start()
t=0
while d:=s.recv(65536): t+=len(d)
print(t>=n)";
    for host in [SERVER, SERVER6] {
        let done = world.client.run(&["timeout", "30", "/usr/bin/python3", "-c", bulk, host], "");
        assert_eq!(done.unwrap().trim(), "True");
    }
}
