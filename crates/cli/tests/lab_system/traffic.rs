//! What clients do works, whatever they go through.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use damm_lab::Site;
use damm_lab::probe::Told;

use crate::clients::{Client, Probe};
use crate::stage::{Stage, stage};

/// Where the server that plays the internet is: two of its addresses, one of each family.
pub fn sites() -> (String, String) {
    let site = Site::internet().nth(3).unwrap();
    (site.v4.to_string(), site.v6.to_string())
}

/// What must not notice a change of the fleet: for each client a long-lived stream and short
/// connections, in both families.
pub struct Traffic {
    streams: Vec<Probe>,
    short: Vec<Probe>,
}

impl Traffic {
    /// Begins, and returns once all of it has had time to get going.
    pub fn begin(stage: &Stage, clients: &[Client]) -> Self {
        let (v4, v6) = sites();
        let all = |errand| {
            let all = clients.iter().flat_map(|c| [(c, &v4), (c, &v6)]);
            all.map(|(client, site)| stage.probe(client, &[errand, site])).collect()
        };
        let (streams, short) = (all("stream"), all("short"));
        pass(1);
        Self { streams, short }
    }

    /// Ends the streams: none may have failed.
    #[track_caller]
    pub fn end_streams(&mut self, stage: &Stage) {
        went_well(stage, self.streams.drain(..));
    }

    /// Ends it: nothing may have failed, and something must have been done. The addresses that
    /// short connections came from.
    #[track_caller]
    pub fn end(self, stage: &Stage) -> BTreeSet<IpAddr> {
        pass(1);
        let told = went_well(stage, self.streams.into_iter().chain(self.short));
        told.into_iter().flat_map(|t| t.sources.into_keys()).collect()
    }
}

#[track_caller]
fn went_well(stage: &Stage, probes: impl Iterator<Item = Probe>) -> Vec<Told> {
    let told: Vec<_> = probes.map(Probe::end).collect();
    let bad = told.iter().filter(|(_, t)| !t.failed.is_empty() || t.done == 0);
    let bad: Vec<_> = bad.map(|(what, t)| format!("{what}: {t:?}\n")).collect();
    assert!(bad.is_empty(), "{}{}", bad.concat(), stage.logs());
    told.into_iter().map(|(_, t)| t).collect()
}

/// Lets the fleet and its traffic go on for some seconds.
pub fn pass(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// What an errand saw that has to go well.
#[track_caller]
pub fn well(stage: &Stage, client: &Client, errand: &[&str]) -> Told {
    let told = stage.ask(client, errand);
    let transport = &client.door.transport;
    let words = errand.join(" ");
    assert!(told.failed.is_empty(), "{words} by {transport}: {told:?}\n{}", stage.logs());
    told
}

#[test]
fn downloads_streams_short_connections_and_names_work_by_every_transport_in_both_families() {
    let Some(stage) = stage() else { return };
    let (v4, v6) = sites();
    let clients = stage.clients();
    for client in &clients {
        for site in [&v4, &v6] {
            let told = well(&stage, client, &["bulk", site, "20000000"]);
            assert_eq!(told.done, 20_000_000);
        }
        let told = well(&stage, client, &["names", "site3.lab.example"]);
        let found: BTreeSet<_> = told.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(found, [v4.clone(), v6.clone()].into(), "{}", client.door.transport);
        if client.door.transport != "wireguard" {
            // Proxies look names up themselves, by the resolver of the egress.
            well(&stage, client, &["bulk", "site3.lab.example", "1000"]);
        }
    }
    let sources = Traffic::begin(&stage, &clients).end(&stage);
    let egress = stage.addresses("egress-ips");
    assert!(sources.is_subset(&egress), "{sources:?} are not all of {egress:?}");
}
