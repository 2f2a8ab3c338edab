//! The process is killed at random moments, for real, and run again to the end.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use damm_clouds::WallClock;
use damm_clouds::sim::SimWorld;
use damm_engine::InState;
use damm_store::{Access, Store};
use support::{Fleet, Ran, TOPOLOGY};

/// Kills in each of the three phases; 51 in all.
const KILLS: u32 = 17;
/// The longest that a process lives before it is killed: about as long as a build takes.
const LONGEST: u64 = 1_500;

/// A small generator (splitmix64), so that a printed seed gives the same moments again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// The tests' fleet at slow vendors, so that a process is mostly killed with calls under way.
fn slow(topology: &str) -> String {
    let slow = topology.replace("\"latency\": \"2ms\"", "\"latency\": \"120ms\"");
    let slow = slow.replace("\"parallel\": 16", "\"parallel\": 1");
    assert_ne!(slow, topology);
    slow
}

/// Kills processes; returns how many died between a call's two ledger rows.
fn kill_some(fleet: &Fleet, dice: &mut Dice) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let path = fleet.path("damm.db");
    let mut interrupted = 0;
    for _ in 0..KILLS {
        let mut command = fleet.command(&["apply", "topology.json", "--yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + dice.below(LONGEST)));
        // SIGKILL on Unix: nothing in the process gets to run any more.
        child.kill().unwrap();
        child.wait().unwrap();
        let open = runtime.block_on(async {
            // The first ones may die before there is a state.
            let store = Store::open(&path, Access::Read).await.ok()?;
            let open = store.open_intents().await.unwrap().len();
            store.close().await.unwrap();
            Some(open)
        });
        interrupted += usize::from(open.unwrap_or(0) > 0);
    }
    interrupted
}

/// What the embedded cloud holds, read from the state without damm's own ledger.
fn assert_nothing_is_twice_or_lost(fleet: &Fleet, seed: u64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&fleet.path("damm.db"), Access::Write).await.unwrap();
        let topology = damm_fleet::topology::load("topology.json", TOPOLOGY).unwrap();
        let storage = Arc::new(InState(store.clone()));
        let world = SimWorld::open(storage, Arc::new(WallClock), &topology).await.unwrap();
        assert_eq!(world.duplicates(), [], "seed {seed}");
        let standing = world.audit();
        let mut tags: Vec<_> = standing
            .values()
            .flat_map(|s| {
                let machines = s.machines.iter().map(|m| m.tag.clone());
                machines.chain(s.addresses.iter().map(|a| a.tag.clone()))
            })
            .map(|tag| tag.unwrap().subject)
            .collect();
        tags.sort();
        let rows = store.resources().await.unwrap();
        let known: BTreeSet<_> =
            rows.iter().filter(|r| r.phase.may_exist()).map(|r| r.subject).collect();
        assert_eq!(tags, Vec::from_iter(known), "seed {seed}: orphans or ghosts");
        let target = store.target().await.unwrap();
        assert!(!target.nodes.is_empty());
        store.verify_audit().await.unwrap();
        drop(world);
        store.close().await.unwrap();
    });
}

#[test]
fn fifty_one_kills_leave_no_orphan_and_no_duplicate() {
    let seed = std::env::var("DAMM_KILL_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}: DAMM_KILL_SEED={seed} gives the same moments again");
    let mut dice = Dice(seed);
    let fleet = Fleet::new();
    std::fs::write(fleet.path("topology.json"), slow(TOPOLOGY)).unwrap();
    let mut interrupted = kill_some(&fleet, &mut dice);
    finish(&fleet, seed);
    assert_nothing_is_twice_or_lost(&fleet, seed);
    burn(&fleet, 2);
    interrupted += kill_some(&fleet, &mut dice);
    let smaller = TOPOLOGY.replace("\"live\": 4", "\"live\": 3");
    std::fs::write(fleet.path("topology.json"), slow(&smaller)).unwrap();
    interrupted += kill_some(&fleet, &mut dice);
    println!("{interrupted} of {} kills left a call without an answer", 3 * KILLS);
    assert!(interrupted > 0, "seed {seed}: no kill hit a call, so nothing was tested");
    finish(&fleet, seed);
    assert_nothing_is_twice_or_lost(&fleet, seed);
}

/// Runs to the end; what waits for hours may wait.
fn finish(fleet: &Fleet, seed: u64) {
    for _ in 0..3 {
        let ran = fleet.run(&["apply", "topology.json", "--yes"]);
        match ran.code {
            0 => return,
            5 => {}
            _ => panic!("seed {seed}: {ran:#?}"),
        }
    }
    panic!("seed {seed}: three runs did not end it");
}

/// Some front doors are blocked for everybody: they are to be replaced.
fn burn(fleet: &Fleet, count: usize) {
    let doors = fleet.run(&["show", "frontdoors", "--json"]).expect(0).json();
    let doors = doors["frontdoors"].as_array().unwrap().iter().filter(|d| d["told"] == true);
    let verdicts: Vec<_> = doors
        .take(count)
        .map(
            |d| serde_json::json!({ "door": d["id"], "network": "IR/AS58224", "state": "blocked" }),
        )
        .collect();
    assert_eq!(verdicts.len(), count);
    std::fs::write(fleet.path("v.json"), serde_json::to_vec(&verdicts).unwrap()).unwrap();
    fleet.run(&["verdicts", "import", "v.json"]).expect(0);
}

#[cfg(unix)]
#[test]
fn the_first_interrupt_stops_cleanly_and_the_same_command_goes_on() {
    let fleet = Fleet::new();
    std::fs::write(fleet.path("topology.json"), slow(TOPOLOGY)).unwrap();
    let mut command = fleet.command(&["apply", "topology.json", "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Until it is at work: then the state and its ledger are there.
    while !fleet.path("damm.db").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_secs(1));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ran = Ran::of(child.wait_with_output().unwrap()).expect(5);
    assert!(ran.stderr.contains("is finished and written down first"), "{ran:#?}");
    assert!(ran.stdout.contains("Run the same command again"), "{ran:#?}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let open = runtime.block_on(async {
        let store = Store::open(&fleet.path("damm.db"), Access::Read).await.unwrap();
        store.open_intents().await.unwrap()
    });
    assert_eq!(open, [], "a call was left without its answer");
    finish(&fleet, 0);
    assert_nothing_is_twice_or_lost(&fleet, 0);
}
