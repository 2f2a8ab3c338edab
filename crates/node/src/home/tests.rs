//! What is found again after whatever happened to the files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use damm_fleet::NodeId;
use damm_protocol::{EgressConfig, OverlayConfig, RoleConfig};
use tempfile::TempDir;

use super::*;

const NODE: NodeId = NodeId::from_raw(7);

fn config(generation: u64) -> NodeConfig {
    let address = "fd00::1".parse().unwrap();
    let role = EgressConfig { ingresses: BTreeMap::new(), addresses: BTreeMap::new() };
    let overlay = OverlayConfig { port: 51_820, mtu: 1420, address };
    NodeConfig { generation, orders: 1, node: NODE, overlay, role: RoleConfig::Egress(role) }
}

fn home(dir: &TempDir) -> Home {
    Home::open(dir.path(), NODE, Tripwire::default()).unwrap()
}

fn next(home: &mut Home) -> u64 {
    home.reserve_sequence().unwrap();
    home.next_sequence()
}

fn held(dir: &TempDir) -> Option<u64> {
    home(dir).recall().unwrap().held.map(|c| c.generation)
}

/// What a bad disk or a careless hand may do to a file.
fn damages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut flipped = bytes.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let half = bytes[..middle].to_vec();
    vec![Vec::new(), half, flipped, vec![0; bytes.len()], [bytes, b"{}"].concat()]
}

#[test]
fn keys_are_made_once_and_only_their_owner_can_read_them() {
    let dir = tempfile::tempdir().unwrap();
    let first = home(&dir).keys().overlay().clone();
    assert_eq!(*home(&dir).keys().overlay(), first);
    for entry in ["keys", "keys.old"] {
        let mode = fs::metadata(dir.path().join(entry)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{entry}");
    }
    let text = format!("{:?}", home(&dir));
    assert!(!text.contains(&first.expose()), "{text}");
}

#[test]
fn damaged_keys_are_taken_from_their_copy() {
    let dir = tempfile::tempdir().unwrap();
    let first = home(&dir).keys().overlay().clone();
    let path = dir.path().join("keys");
    for damaged in damages(&fs::read(&path).unwrap()) {
        fs::write(&path, damaged).unwrap();
        assert_eq!(*home(&dir).keys().overlay(), first);
    }
}

#[test]
fn lost_keys_are_made_anew_before_the_join_and_named_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let lose = || ["keys", "keys.old"].map(|n| fs::write(dir.path().join(n), "x").unwrap());
    let first = home(&dir).keys().overlay().clone();
    lose();
    assert_ne!(*home(&dir).keys().overlay(), first);
    home(&dir).keep_joined(&Joined { transports: BTreeMap::new() }).unwrap();
    lose();
    let error = Home::open(dir.path(), NODE, Tripwire::default()).unwrap_err();
    assert!(matches!(error, HomeError::KeysLost { .. }), "{error}");
}

#[test]
fn a_disk_that_was_copied_from_another_server_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(home(&dir));
    let other = NodeId::from_raw(8);
    let error = Home::open(dir.path(), other, Tripwire::default()).unwrap_err();
    assert!(matches!(error, HomeError::AnothersHome { .. }), "{error}");
}

#[test]
fn two_agents_cannot_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let _first = home(&dir);
    let error = Home::open(dir.path(), NODE, Tripwire::default()).unwrap_err();
    assert!(matches!(error, HomeError::InUse { .. }), "{error}");
}

#[test]
fn a_damaged_config_is_named_and_the_one_before_it_taken() {
    let dir = tempfile::tempdir().unwrap();
    home(&dir).keep_held(&config(1)).unwrap();
    home(&dir).keep_held(&config(2)).unwrap();
    let path = dir.path().join("held");
    for damaged in damages(&fs::read(&path).unwrap()) {
        fs::write(&path, damaged).unwrap();
        let memory = home(&dir).recall().unwrap();
        assert_eq!(memory.held, Some(config(1)));
        assert_eq!(memory.problems.len(), 1);
        assert_eq!(memory.problems[0].part, "disk");
    }
    home(&dir).keep_held(&config(3)).unwrap();
    assert_eq!(home(&dir).recall().unwrap().problems, []);
    fs::write(&path, "x").unwrap();
    assert_eq!(held(&dir), Some(1), "a damaged file took the place of a good one");
}

#[test]
fn without_any_held_config_the_one_that_was_applied_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    home(&dir).keep_held(&config(4)).unwrap();
    home(&dir).keep_applied(&config(4)).unwrap();
    fs::write(dir.path().join("held"), "x").unwrap();
    let memory = home(&dir).recall().unwrap();
    assert_eq!(memory.held, Some(config(4)));
    assert_eq!(memory.problems.len(), 1);
}

#[test]
fn no_file_passes_for_another() {
    let dir = tempfile::tempdir().unwrap();
    home(&dir).keep_held(&config(4)).unwrap();
    fs::copy(dir.path().join("held"), dir.path().join("applied")).unwrap();
    let memory = home(&dir).recall().unwrap();
    assert_eq!((memory.applied, memory.problems.len()), (None, 1));
}

#[test]
fn numbers_rise_over_every_restart_and_loss() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = 0;
    let path = dir.path().join("sequence");
    for round in 0..8_u64 {
        let mut home = home(&dir);
        for _ in 0..(700 * round) {
            let next = next(&mut home);
            assert!(next > last, "{next} after {last}, round {round}");
            last = next;
        }
        if round == 5 {
            fs::write(&path, "x").unwrap();
        }
    }
    fs::remove_file(&path).unwrap();
    fs::remove_file(dir.path().join("sequence.old")).unwrap();
    let mut home = home(&dir);
    assert!(next(&mut home) < last, "nothing was lost");
    home.rise(last);
    assert_eq!(next(&mut home), last + 1);
    drop(home);
    assert!(next(&mut self::home(&dir)) > last + 1);
}

#[test]
fn a_full_disk_is_told_and_numbers_go_on_rising() {
    let dir = tempfile::tempdir().unwrap();
    let mut home = home(&dir);
    fs::create_dir(dir.path().join("sequence.new")).unwrap();
    assert!(home.reserve_sequence().is_err());
    assert_eq!((home.next_sequence(), home.next_sequence()), (1, 2));
    fs::remove_dir(dir.path().join("sequence.new")).unwrap();
    assert_eq!(next(&mut home), 3);
    drop(home);
    assert!(next(&mut self::home(&dir)) > 3);
}

/// Stops at the n-th point, as far as files can tell; whether it came to it.
fn interrupted(dir: &TempDir, n: usize) -> bool {
    let passed = AtomicUsize::new(0);
    let tripwire = Tripwire::new(move |_| {
        if passed.fetch_add(1, Ordering::Relaxed) == n {
            // Not a panic: nothing is printed for it.
            resume_unwind(Box::new("stopped"));
        }
    });
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        let home = Home::open(dir.path(), NODE, tripwire).unwrap();
        home.keep_held(&config(2)).unwrap();
    }));
    stopped.is_err()
}

#[test]
fn whatever_step_a_write_stops_at_the_old_or_the_new_is_found() {
    let mut seen = Vec::new();
    for n in 0.. {
        let dir = tempfile::tempdir().unwrap();
        home(&dir).keep_held(&config(1)).unwrap();
        if !interrupted(&dir, n) {
            break;
        }
        let memory = home(&dir).recall().unwrap();
        assert_eq!(memory.problems, [], "at step {n}");
        seen.push(memory.held.unwrap().generation);
        home(&dir).keep_held(&config(3)).unwrap();
        assert_eq!(held(&dir), Some(3), "at step {n}");
    }
    assert!(seen.is_sorted() && seen.contains(&1) && seen.contains(&2), "{seen:?}");
}

#[test]
fn a_seat_that_is_none_is_refused_without_showing_its_token() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.json");
    for text in ["", "{}", r#"{"join_token": "hush", "node": 3}"#, r#"{"join_token": ["hush"]}"#] {
        fs::write(&path, text).unwrap();
        let error = format!("{:?}", seat(&path).unwrap_err());
        assert!(error.contains("node.json") && !error.contains("hush"), "{error}");
    }
}
