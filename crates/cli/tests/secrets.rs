//! No secret is ever printed or stored.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;

use support::Fleet;

/// The parts of the key files that are secret, as they stand in them and as bytes.
fn marks(fleet: &Fleet) -> Vec<Vec<u8>> {
    let mut marks = Vec::new();
    for name in ["online.pem", "root.pem", "fleet.secret", "join.secret"] {
        let text = fs::read_to_string(fleet.path(&format!("keys/{name}"))).unwrap();
        let lines = text.lines().filter(|l| !l.starts_with("-----"));
        for line in lines {
            let secret = line.rsplit(':').next().unwrap();
            assert!(secret.len() >= 32, "{name} holds no secret to look for");
            marks.push(secret.as_bytes().to_vec());
            marks.extend(unhex(secret));
        }
    }
    assert!(marks.len() >= 6);
    marks
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8], marks: &[Vec<u8>]) {
    for mark in marks {
        let found = bytes.windows(mark.len()).any(|w| w == mark.as_slice());
        assert!(!found, "{what} holds a secret");
    }
}

#[test]
fn no_output_no_state_and_no_plan_file_holds_a_secret() {
    let fleet = Fleet::built();
    let marks = marks(&fleet);
    let doors = fleet.run(&["show", "frontdoors", "--json"]).json();
    let door = doors["frontdoors"][0]["id"].as_str().unwrap().to_owned();
    for args in [
        &["status"][..],
        &["plan", "topology.json", "-vv", "--out", "next.plan"],
        &["apply", "topology.json", "--yes", "-vv", "--json"],
        &["show", "nodes", "--json"],
        &["show", "ledger", "--json"],
        &["show", "blueprints", "--json"],
        &["audit", "--json"],
        &["explain", &door, "-v"],
        &["check", "topology.json", "-v"],
        &["drain-frontdoor", &door, "-vv"],
    ] {
        let ran = fleet.run(args);
        assert_clean(&format!("{args:?}"), ran.stdout.as_bytes(), &marks);
        assert_clean(&format!("{args:?}"), ran.stderr.as_bytes(), &marks);
    }
    for name in ["damm.db", "next.plan"] {
        assert_clean(name, &fs::read(fleet.path(name)).unwrap(), &marks);
    }
    for entry in fs::read_dir(fleet.path("published")).unwrap() {
        let path = entry.unwrap().path();
        assert_clean(&path.display().to_string(), &fs::read(&path).unwrap(), &marks);
    }
}

#[test]
fn a_damaged_key_is_named_without_its_contents() {
    let fleet = Fleet::new();
    let path = fleet.path("keys/join.secret");
    let text = fs::read_to_string(&path).unwrap();
    let secret = text.trim().rsplit(':').next().unwrap().to_owned();
    fs::write(&path, format!("{text}{secret}")).unwrap();
    let ran = fleet.run(&["apply", "topology.json", "--yes"]).refuses(1, &["join.secret"]);
    assert!(!ran.stderr.contains(&secret));
}

#[cfg(unix)]
#[test]
fn keys_can_be_read_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fleet = Fleet::new();
    for name in ["online.pem", "root.pem", "fleet.secret", "join.secret"] {
        let mode = fs::metadata(fleet.path(&format!("keys/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
