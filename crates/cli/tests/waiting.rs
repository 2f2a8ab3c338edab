//! Commands that stay: until all is done, for a while, or until they are told to stop.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;
use support::{Fleet, Ran, TOPOLOGY};

/// The tests' fleet, in which what clients were told expires soon and sessions end soon.
fn brisk() -> String {
    let brisk = TOPOLOGY.replace("\"ttl\": \"6h\"", "\"ttl\": \"30s\"").replace(
        "\"ingress\": { \"max_disrupted\": \"50%\" }",
        "\"ingress\": { \"max_disrupted\": \"50%\", \"drain\": \"4s\", \"burned_drain\": \"2s\" }",
    );
    assert_eq!(brisk.matches("30s").count() + brisk.matches("\"4s\"").count(), 2);
    brisk
}

/// A fleet that stands, of which one node fewer is wanted now.
fn shrinking() -> Fleet {
    let fleet = Fleet::new();
    std::fs::write(fleet.path("topology.json"), brisk()).unwrap();
    fleet.run(&["apply", "topology.json", "--yes"]).expect(0);
    std::fs::write(fleet.path("topology.json"), brisk().replace("\"live\": 4", "\"live\": 3"))
        .unwrap();
    fleet
}

/// How many nodes the state holds, leaving ones included.
fn nodes(fleet: &Fleet) -> usize {
    fleet.run(&["show", "nodes", "--json"]).expect(0).json()["nodes"].as_array().unwrap().len()
}

#[test]
fn wait_ends_when_its_time_is_up_and_until_done_stays_to_the_end() {
    let fleet = shrinking();
    let before = nodes(&fleet);
    let ran = fleet.run(&["apply", "topology.json", "--yes", "--wait", "3s", "--json"]).expect(0);
    let applied = ran.json();
    // It ends when its time is up, or at once when nothing is due before that.
    let ended = applied["ended"].as_str().unwrap();
    assert!(["stopped", "waiting"].contains(&ended), "{applied:#}");
    assert_eq!(applied["settled"], false);
    assert!(!applied["waits"].as_array().unwrap().is_empty(), "{applied:#}");
    assert_eq!(nodes(&fleet), before, "what clients may still know is not taken down");

    let ran = fleet.run(&["apply", "topology.json", "--yes", "--until-done", "--json"]).expect(0);
    let applied = ran.json();
    assert_eq!((&applied["ended"], &applied["settled"]), (&"done".into(), &true.into()));
    assert_eq!(applied["waits"], Value::Array(Vec::new()));
    assert_eq!(nodes(&fleet), before - 1);
}

#[test]
fn wait_and_until_done_exclude_each_other_and_a_time_has_a_unit() {
    let fleet = Fleet::new();
    let both = fleet.run(&["apply", "topology.json", "--until-done", "--wait", "1s"]);
    assert!(both.code != 0 && both.stderr.contains("cannot be used with"), "{both:#?}");
    let bare = fleet.run(&["apply", "topology.json", "--wait", "12"]);
    assert!(bare.code != 0 && bare.stderr.contains("--wait"), "{bare:#?}");
    assert!(!fleet.path("damm.db").exists(), "nothing was begun");
}

#[test]
fn machines_that_never_join_end_an_apply_that_would_stay_for_ever() {
    let fleet = Fleet::new();
    let stuck = "\"boot_time\": \"50ms\", \"faults\": { \"stuck_create\": 1.0 },";
    let topology = TOPOLOGY
        .replace("\"boot_time\": \"50ms\",", stuck)
        .replace("\"rotation\": {", "\"rotation\": { \"join_timeout\": \"1s\",");
    std::fs::write(fleet.path("topology.json"), topology).unwrap();
    let ran = fleet.run(&["apply", "topology.json", "--yes", "--until-done"]).expect(5);
    let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for account in ["✗ sim-a: ", "✗ sim-b: "] {
        assert!(told.contains(account), "{ran:#?}");
    }
    for text in ["agent did not join within 1s", "Run the same command again"] {
        assert!(told.contains(text), "{ran:#?}");
    }
    let ran = fleet.run(&["apply", "topology.json", "--yes", "--json"]).expect(5).json();
    assert_eq!((&ran["ended"], &ran["complete"]), (&"fruitless".into(), &false.into()));
    assert!(!ran["given_up"].as_array().unwrap().is_empty(), "{ran:#}");
}

/// `damm status --watch`, with its pages as they come.
struct Watched {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watched {
    fn of(fleet: &Fleet) -> Self {
        let mut command = fleet.command(&["status", "--watch"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads until a line holds a text; in vain after as many pages.
    fn until(&mut self, text: &str, mut pages: u32) -> bool {
        while pages > 0 {
            let Some(line) = self.lines.next() else { break };
            let line = line.unwrap();
            if line.contains(text) {
                return true;
            }
            pages -= u32::from(line.starts_with("tested "));
        }
        false
    }
}

#[cfg(unix)]
#[test]
fn status_watches_the_fleet_until_it_is_told_to_stop() {
    let fleet = Fleet::built();
    let doors = fleet.run(&["show", "frontdoors", "--json"]).expect(0).json();
    let door = doors["frontdoors"][0]["id"].as_str().unwrap().to_owned();
    let mut watched = Watched::of(&fleet);
    assert!(watched.until("tested ", 1), "no page was drawn");
    fleet.run(&["drain-frontdoor", &door]).expect(0);
    assert!(watched.until(&door, 30), "no page tells that {door} drains");
    let pid = watched.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    // What it still had to say is read, so that it is not held up in saying it.
    drop(watched.lines);
    let ran = Ran::of(watched.child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:#?}");
}

#[test]
fn a_watch_in_json_is_one_object_and_without_a_state_an_error() {
    let fleet = Fleet::built();
    let value = fleet.run(&["status", "--watch", "--json"]).expect(0).json();
    assert_eq!(value["kind"], "status");
    let fresh = Fleet::new();
    let ran = fresh.run(&["status", "--watch"]).expect(1);
    assert!(ran.stderr.contains("error"), "{ran:#?}");
}
