//! `damm serve` and what clients prove themselves with.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use damm_fleet::{Source, State, Timestamp, Verdict, Verdicts};
use damm_store::{Access, Store};
use support::{Fleet, stop};

#[test]
fn the_controller_builds_the_fleet_holds_the_state_and_stops_cleanly() {
    let fleet = Fleet::new();
    let (child, _stderr) = fleet.serve(&["--every", "1s"], "nothing is left to do");
    fleet.run(&["apply", "topology.json", "--yes"]).refuses(1, &["in use by process"]);
    let ran = stop(child);
    assert!(ran.stdout.contains("Stopped"), "{ran:?}");
    // What it left is what apply would have left.
    fleet.run(&["plan", "topology.json"]).expect(0);
}

#[test]
fn a_clients_secret_is_printed_once_and_stored_nowhere() {
    let fleet = Fleet::built();
    let made = [0, 1].map(|_| fleet.run(&["credentials", "new"]).expect(0).json());
    let secrets = made.each_ref().map(|m| m["secret"].as_str().unwrap().to_owned());
    assert_ne!(secrets[0], secrets[1]);
    assert_eq!((&made[0]["number"], &made[1]["number"]), (&0.into(), &1.into()));
    assert_eq!(made[1]["addresses"][0], "100.64.0.17");
    for name in ["damm.db", "damm.db-wal"] {
        let state = std::fs::read(fleet.path(name)).unwrap_or_default();
        for secret in &secrets {
            assert!(!state.windows(secret.len()).any(|w| w == secret.as_bytes()), "{name}");
        }
    }
    let list = || fleet.run(&["credentials", "list", "--json"]).expect(0).json();
    assert_eq!(list()["credentials"], serde_json::json!([0, 1]));
    fleet.run(&["credentials", "revoke", "0"]).expect(0);
    assert_eq!(list()["credentials"], serde_json::json!([1]));
    fleet.run(&["credentials", "revoke", "0"]).refuses(1, &["no credential 0"]);
    let audit = fleet.run(&["audit", "--json"]).expect(0).stdout;
    assert!(audit.contains("credential revoked"), "{audit}");
    assert!(secrets.iter().all(|s| !audit.contains(s.as_str())));
}

#[tokio::test]
async fn who_hears_no_clients_is_reminded_of_what_they_said() {
    let fleet = Fleet::built();
    let doors = fleet.run(&["show", "frontdoors", "--json"]).expect(0).json();
    let door = doors["frontdoors"][0]["id"].as_str().unwrap().parse().unwrap();
    let since = Timestamp::from_millis(1_700_000_000_000);
    let mut verdict = Verdict::new(State::Blocked, since, "score 16.2 of 16.0");
    verdict.source = Source::Clients;
    let mut verdicts = Verdicts::default();
    let network = "IR/AS58224".parse().unwrap();
    verdicts.0.entry(door).or_default().insert(network, verdict);
    let store = Store::open(&fleet.path("damm.db"), Access::Write).await.unwrap();
    store.put_verdicts(&verdicts).await.unwrap();
    store.close().await.unwrap();
    let (child, _stderr) =
        fleet.serve(&["--every", "1s"], "by what clients reported: 1 of the front doors");
    stop(child);
}
