//! What can be seen on the wire: by those who watch clients, and by the internet.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::stage::{Stage, stage};
use crate::traffic::{Traffic, pass, sites};

impl Stage {
    /// The addresses of all front doors, or of all egress addresses.
    pub fn addresses(&self, what: &str) -> BTreeSet<IpAddr> {
        let rows = self.rows(what).into_iter();
        rows.filter_map(|r| r["address"].as_str()?.parse().ok()).collect()
    }

    /// All addresses of the machines of a role, their own ones among them.
    fn addresses_of(&self, role: &str) -> BTreeSet<IpAddr> {
        let nodes = self.rows("nodes");
        let nodes = nodes.iter().filter(|r| r["role"] == role);
        let nodes: BTreeSet<_> = nodes.map(|r| r["id"].as_str().unwrap()).collect();
        let machines = self.lab.status().unwrap().machines.into_iter();
        let machines = machines.filter(|m| nodes.contains(m.subject.as_str()));
        machines.flat_map(|m| m.addresses).collect()
    }
}

/// The addresses in a line of a capture, which writes `address.port`.
fn addresses(line: &str) -> BTreeSet<String> {
    let words = line.split([' ', ',']).map(|w| w.trim_end_matches(':'));
    words
        .flat_map(|w| [Some(w), w.rsplit_once('.').map(|(a, _)| a)])
        .flatten()
        .filter(|w| w.parse::<IpAddr>().is_ok())
        .map(str::to_owned)
        .collect()
}

#[test]
fn clients_never_see_an_egress_address_and_the_internet_never_an_ingress() {
    let Some(stage) = stage() else { return };
    let clients = stage.clients();
    let captures: Vec<_> =
        clients.iter().map(|c| stage.capture(c.place, "any", "ip or ip6")).collect();
    let sources = Traffic::begin(&stage, &clients).end(&stage);
    let egress: BTreeSet<_> =
        stage.addresses_of("egress").iter().map(ToString::to_string).collect();
    for capture in captures {
        let lines = capture.end();
        assert!(lines.lines().count() > 100, "a capture of nothing shows nothing");
        let shown: BTreeSet<_> = lines.lines().flat_map(addresses).collect();
        let leaked: Vec<_> = shown.intersection(&egress).collect();
        assert!(leaked.is_empty(), "a client's network showed {leaked:?}");
    }
    assert!(!sources.is_empty());
    let ingress = stage.addresses_of("ingress");
    let told: Vec<_> = stage.seen().intersection(&ingress).copied().collect();
    assert!(told.is_empty(), "the internet was reached from {told:?}");
}

#[test]
fn a_client_whose_front_door_is_blocked_reaches_the_next_with_the_same_credential() {
    let Some(stage) = stage() else { return };
    let (v4, _) = sites();
    for kind in ["wireguard", "shadowsocks", "trojan"] {
        let first = stage.doors_of(kind).into_iter().next().unwrap();
        // Of the same transport, where the catalog tells of another one that speaks it.
        let others = stage.doors().into_iter().filter(|d| d.at.ip() != first.at.ip());
        let second = others.max_by_key(|d| d.transport == kind).unwrap();
        let blocked = first.at.ip();
        stage.lab.censor("as58224", blocked, true).unwrap();
        let client = stage.client("as58224-1", first);
        let told = stage.ask_briefly(&client, &["short", &v4]);
        assert_eq!(told.done, 0, "{kind}: the door was not blocked");
        drop(client);
        let client = stage.client("as58224-1", second);
        let told = stage.ask(&client, &["bulk", &v4, "1000000"]);
        assert_eq!((told.done, told.failed), (1_000_000, vec![]), "{kind}");
        drop(client);
        stage.lab.censor("as58224", blocked, false).unwrap();
    }
}

#[test]
fn with_the_overlay_cut_no_packet_of_a_client_leaves_by_another_way() {
    let Some(stage) = stage() else { return };
    let (v4, v6) = sites();
    let clients = stage.clients();
    let doors: BTreeSet<_> = clients.iter().map(|c| c.door.at.ip()).collect();
    let held = |m: &damm_lab::MachineStatus| m.addresses.iter().any(|a| doors.contains(a));
    let machines = stage.lab.status().unwrap().machines.into_iter().filter(held);
    let machines: Vec<_> = machines.map(|m| m.name).collect();
    let to_internet = format!("host {v4} or host {v6}");
    let captures: Vec<_> =
        machines.iter().map(|m| stage.capture(m, "eth0", &to_internet)).collect();
    let probes =
        clients.iter().flat_map(|c| [&v4, &v6].map(|site| stage.probe(c, &["short", site])));
    let probes: Vec<_> = probes.collect();
    pass(1);
    machines.iter().for_each(|m| stage.cut_overlay(m));
    pass(5);
    for probe in probes {
        let (what, told) = probe.end();
        assert!(told.done > 0, "{what} never worked");
    }
    for capture in captures {
        let leaked = capture.end();
        assert_eq!(leaked, "", "packets left in clear");
    }
    drop(clients);
    stage.wait_for("the overlay to be whole again", || {
        let client = stage.clients().swap_remove(1);
        let told = stage.ask_briefly(&client, &["short", &v4]);
        drop(client);
        told.done > 0
    });
}

impl Stage {
    /// Kills whatever carries a machine's overlay.
    fn cut_overlay(&self, machine: &str) {
        self.sh(
            machine,
            "for link in $(ip -o link show | grep -o 'wg-e[0-9]*' | sort -u); do\n\
             ip link del $link || true\ndone\n",
        );
    }

    fn ask_briefly(
        &self,
        client: &crate::clients::Client,
        errand: &[&str],
    ) -> damm_lab::probe::Told {
        let probe = self.probe(client, errand);
        pass(2);
        probe.end().1
    }
}
