//! A whole egress node is replaced: its sessions live on, and nobody else notices.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::stage::{Stage, stage};
use crate::traffic::{Traffic, pass};

/// Longer than a count of no sessions is not believed after a drain has begun (one minute): what
/// stands now stands because of its sessions.
const BELIEVED: u64 = 65;

/// Where the server that plays the internet listens for streams, and for short connections.
const STREAMS: &str = "7";
const SHORT: &str = "80";

impl Stage {
    /// Who came to the server that plays the internet, by the port's number, in order.
    fn arrivals(&self) -> Vec<(String, IpAddr)> {
        let log = fs::read_to_string(self.lab.log("internet")).unwrap();
        let arrival = |line: &str| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        };
        log.lines().filter_map(arrival).collect()
    }

    /// The addresses that clients of an egress node leave from.
    fn sources(&self, node: &str) -> BTreeSet<IpAddr> {
        let rows = self.rows("egress-ips").into_iter().filter(|r| r["node"] == node);
        rows.filter_map(|r| r["address"].as_str()?.parse().ok()).collect()
    }

    fn row(&self, node: &str) -> Option<Value> {
        self.rows("nodes").into_iter().find(|r| r["id"] == node)
    }

    /// An egress node that one of these streams goes through.
    fn node_of_a_stream(&self, arrivals: &[(String, IpAddr)]) -> String {
        let mut streams = arrivals.iter().filter(|(port, _)| port == STREAMS);
        let (_, from) = streams.next_back().unwrap();
        let rows = self.rows("egress-ips").into_iter();
        let mut of = rows.filter(|r| r["address"] == from.to_string());
        of.next().unwrap()["node"].as_str().unwrap().to_owned()
    }

    /// Takes an account out of the egress pool, as an operator would who is done with it.
    fn leave(&self, account: &Value) {
        let file = self.dir.join("topology.json");
        let mut topology: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let of = &mut topology["regions"]["north"]["egress"]["providers"];
        of.as_array_mut().unwrap().retain(|name| name != account);
        assert_ne!(*of, json!([]), "no account is left");
        self.stop_controller();
        fs::write(&file, topology.to_string()).unwrap();
        self.start_controller();
    }
}

#[test]
fn an_egress_node_is_replaced_unnoticed_and_goes_once_its_last_stream_has_ended() {
    let Some(stage) = stage() else { return };
    let clients = stage.clients();
    let earlier = stage.arrivals().len();
    let mut traffic = Traffic::begin(&stage, &clients);
    let old = stage.node_of_a_stream(&stage.arrivals()[earlier..]);
    let old_sources = stage.sources(&old);
    let before = stage.live("nodes");

    stage.leave(&stage.row(&old).unwrap()["provider"]);
    stage.wait_for("the old node to drain", || {
        stage.row(&old).is_some_and(|r| r["stage"] == "draining")
    });
    let after = stage.live("nodes");
    let new = after.difference(&before).next().expect("it drains after its replacement stands");
    let new_sources = stage.sources(new);
    stage.wait_for("new sessions to go to the new node, and none to the old", || {
        let earlier = stage.arrivals().len();
        pass(1);
        let short = stage.arrivals().into_iter().skip(earlier).filter(|(port, _)| port == SHORT);
        let from: BTreeSet<_> = short.map(|(_, from)| from).collect();
        from.is_disjoint(&old_sources) && !from.is_disjoint(&new_sources)
    });

    pass(BELIEVED);
    let row = stage.row(&old).expect("the old node stands while its stream does");
    assert_eq!(row["stage"], "draining", "{row}");
    assert!(row["sessions"].as_u64() > Some(0), "{row}");
    traffic.end_streams(&stage);
    stage.wait_for("the old node to go", || {
        let machines = stage.machines();
        stage.row(&old).is_none() && machines.iter().all(|(_, subject)| *subject != old)
    });
    let sources = traffic.end(&stage);
    assert!(!sources.is_disjoint(&new_sources), "{sources:?} and not {new_sources:?}");
}
