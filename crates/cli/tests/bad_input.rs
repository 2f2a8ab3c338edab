//! Damaged states, full disks, edited plans: each a clear error with its exit code, nothing lost.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;

use support::{Fleet, TOPOLOGY};

#[test]
fn a_topology_with_mistakes_is_told_all_of_them_with_their_places() {
    let fleet = Fleet::new();
    let bad =
        TOPOLOGY.replace("\"fleet\"", "\"flet\"").replace("\"min_fronts\": 4", "\"min_fronts\": 0");
    fs::write(fleet.path("bad.json"), bad).unwrap();
    for command in ["check", "plan"] {
        let ran = fleet.run(&[command, "bad.json"]);
        ran.refuses(1, &["bad.json:2:", "`flet`", "fleet", "nothing was done"]);
    }
    let told = fleet.run(&["check", "bad.json", "--json"]).expect(1).json();
    assert_eq!(told["kind"], "error");
    assert!(told["details"].as_array().unwrap().len() >= 2, "{told}");
}

#[test]
fn a_missing_file_is_named() {
    let fleet = Fleet::new();
    fleet.run(&["plan", "none.json"]).refuses(1, &["none.json", "help: "]);
    fleet.run(&["status"]).refuses(1, &["no state at damm.db"]);
    fleet.run(&["verdicts", "import", "none.json"]).refuses(1, &["none.json"]);
    assert!(!fleet.path("damm.db").exists(), "reading made a state");
}

#[test]
fn misuse_is_an_error_and_not_the_code_for_changes() {
    let fleet = Fleet::new();
    for args in [&["plan"][..], &["no-such"], &["show", "things"], &["drain-node", "door-1"]] {
        fleet.run(args).refuses(1, &[]);
    }
    let told = fleet.run(&["drain-node", "door-1", "--json"]).expect(1).json();
    assert_eq!(told["kind"], "error");
}

#[test]
fn init_overwrites_nothing() {
    let fleet = Fleet::new();
    let before = fs::read(fleet.path("keys/online.pem")).unwrap();
    fleet.run(&["init"]).refuses(1, &["topology.json", "keys", "nothing is overwritten"]);
    fleet.run(&["init", "--keys-for", "topology.json"]).refuses(1, &["keys"]);
    assert_eq!(fs::read(fleet.path("keys/online.pem")).unwrap(), before);
    assert_eq!(fs::read_to_string(fleet.path("topology.json")).unwrap(), TOPOLOGY);
}

#[test]
fn missing_keys_are_named_before_anything_is_made() {
    let fleet = Fleet::new();
    fs::remove_file(fleet.path("keys/online.pem")).unwrap();
    let ran = fleet.run(&["apply", "topology.json", "--yes"]);
    ran.refuses(1, &["keys/online.pem", "init --keys-for"]);
    assert!(!fleet.path("damm.db").exists());
}

#[test]
fn nobody_is_asked_where_nobody_can_answer() {
    let fleet = Fleet::new();
    fleet.run(&["apply", "topology.json"]).refuses(1, &["--yes", "nothing was changed"]);
    fleet.run(&["plan", "topology.json"]).expect(2);
}

#[test]
fn a_truncated_or_corrupted_state_is_refused_and_left_alone() {
    let fleet = Fleet::built();
    let whole = fs::read(fleet.path("damm.db")).unwrap();
    let mut flipped = whole.clone();
    flipped[..64].iter_mut().for_each(|b| *b ^= 0x5a);
    let damaged = [whole[..whole.len() / 2].to_vec(), flipped, b"no state at all".to_vec()];
    for bytes in damaged {
        for left in ["damm.db-wal", "damm.db-shm"] {
            drop(fs::remove_file(fleet.path(left)));
        }
        fs::write(fleet.path("damm.db"), &bytes).unwrap();
        for args in
            [&["status"][..], &["plan", "topology.json"], &["apply", "topology.json", "--yes"]]
        {
            fleet.run(args).refuses(1, &["damm.db"]);
        }
        assert_eq!(fs::read(fleet.path("damm.db")).unwrap(), bytes, "the state was written to");
    }
    fs::write(fleet.path("damm.db"), whole).unwrap();
    fleet.run(&["plan", "topology.json"]).expect(0);
}

#[test]
fn another_fleets_state_is_refused() {
    let fleet = Fleet::built();
    let other = TOPOLOGY.replace("\"tested\"", "\"another\"");
    fs::write(fleet.path("other.json"), other).unwrap();
    for args in [&["plan", "other.json"][..], &["apply", "other.json", "--yes"]] {
        fleet.run(args).refuses(1, &["belongs to the fleet `tested`", "`another`"]);
    }
    fleet.run(&["plan", "topology.json"]).expect(0);
}

#[test]
fn a_plan_file_that_was_edited_is_refused() {
    let fleet = Fleet::new();
    fleet.run(&["plan", "topology.json", "--out", "next.plan"]).expect(2);
    let whole = fs::read_to_string(fleet.path("next.plan")).unwrap();
    let edits = [
        (whole.replacen("sim-a", "sim-b", 1), "was changed"),
        (whole.replacen("\"version\": 1", "\"version\": 9", 1), "version 9"),
        (whole[..whole.len() / 2].to_owned(), "damaged"),
    ];
    for (text, words) in edits {
        assert_ne!(text, whole);
        fs::write(fleet.path("next.plan"), text).unwrap();
        fleet.run(&["apply", "next.plan", "--yes"]).refuses(1, &["next.plan", words]);
        assert!(!fleet.path("damm.db").exists());
    }
}

#[test]
fn a_plan_file_is_carried_out_as_it_was_reviewed_and_only_once() {
    let fleet = Fleet::new();
    fleet.run(&["plan", "topology.json", "--out", "next.plan"]).expect(2);
    let plan: serde_json::Value =
        serde_json::from_slice(&fs::read(fleet.path("next.plan")).unwrap()).unwrap();
    fleet.run(&["apply", "next.plan", "--yes"]).expect(0);
    let nodes = fleet.run(&["show", "nodes", "--json"]).expect(0).json();
    let planned: Vec<_> = plan["plan"]["blueprint"]["nodes"].as_object().unwrap().keys().collect();
    let made: Vec<_> =
        nodes["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
    assert_eq!(planned.len(), made.len());
    assert!(planned.iter().all(|id| made.contains(&id.as_str())), "{planned:?} {made:?}");
    fleet.run(&["apply", "next.plan", "--yes"]).refuses(4, &["stale", "plan again"]);
}

#[test]
fn a_second_process_on_the_same_state_is_refused_and_may_plan() {
    let fleet = Fleet::built();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let path = fleet.path("damm.db");
    let open = damm_store::Store::open(&path, damm_store::Access::Write);
    let held = runtime.block_on(open).unwrap();
    let ran = fleet.run(&["apply", "topology.json", "--yes"]);
    ran.refuses(1, &["in use", &std::process::id().to_string()]);
    fleet.run(&["status"]).expect(0);
    let more = TOPOLOGY.replace("\"live\": 4", "\"live\": 5");
    fs::write(fleet.path("more.json"), more).unwrap();
    let ran = fleet.run(&["plan", "more.json"]).expect(2);
    assert!(ran.stdout.contains("from what was last observed"), "{ran:#?}");
    runtime.block_on(held.close()).unwrap();
    fleet.run(&["plan", "topology.json"]).expect(0);
}

#[test]
fn verdicts_with_mistakes_are_refused_whole() {
    let fleet = Fleet::built();
    let bad = "[\n  { \"door\": \"door-000000000000\", \"network\": \"IR/AS58224\",\n    \
               \"state\": \"blocked\" },\n  { \"address\": \"192.0.2.1\", \"network\": \"IR\", \
               \"state\": \"blocked\" }\n]";
    fs::write(fleet.path("v.json"), bad).unwrap();
    let ran = fleet.run(&["verdicts", "import", "v.json"]);
    ran.refuses(1, &["v.json:2:5: there is no door-000000000000", "v.json:4:", "`IR`"]);
    let known = fleet.run(&["show", "verdicts", "--json"]).expect(0).json();
    assert_eq!(known["verdicts"].as_array().unwrap().len(), 0);
}

#[test]
fn a_verb_that_comes_too_early_names_what_it_waits_for() {
    let fleet = Fleet::built();
    let doors = fleet.run(&["show", "frontdoors", "--json"]).expect(0).json();
    let door = doors["frontdoors"][0]["id"].as_str().unwrap().to_owned();
    let told = fleet.run(&["release-frontdoor", &door, "--json"]).expect(3).json();
    assert_eq!((told["kind"].as_str(), told["exit"].as_u64()), (Some("error"), Some(3)));
    assert!(told["rule"].is_string(), "{told}");
    let other = Fleet::built();
    other.run(&["drain-node", "node-000000000000"]).refuses(1, &["node-000000000000"]);
}

#[cfg(unix)]
#[test]
fn a_read_only_directory_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let fleet = Fleet::new();
    let dir = fleet.path("closed");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(dir.join("probe"), "").is_ok() {
        return damm_needs::skipped("this user may write everywhere");
    }
    fleet.run(&["init", "closed"]).refuses(1, &["closed"]);
    let state = format!("sqlite:{}", dir.join("damm.db").display());
    let ran = fleet.run(&["apply", "topology.json", "--yes", "--state", &state]);
    ran.refuses(1, &["closed"]);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

/// A small file system, where this user may mount one: full before the state is made, and full in
/// the middle of a build.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    use std::process::Command;
    if damm_needs::unmet(&[damm_needs::Need::Mounts]) {
        return;
    }
    let fleet = Fleet::new();
    let small = fleet.path("small");
    fs::create_dir(&small).unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=640k", "tmpfs"])
        .arg(&small)
        .status();
    assert!(mount.unwrap().success());
    let state = format!("sqlite:{}", small.join("damm.db").display());
    let run = |args: &[&str]| fleet.run(&[args, &["--state", &state]].concat());
    let full_with = |kib: usize| {
        fs::write(small.join("ballast"), vec![0; kib * 1024]).unwrap();
        let ran = run(&["apply", "topology.json", "--yes"]);
        fs::remove_file(small.join("ballast")).unwrap();
        ran
    };
    let ran = [full_with(560), full_with(300)];
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&small).status();
    let after = [run(&["audit"]), run(&["status"]), run(&["plan", "topology.json"])];
    drop(Command::new("umount").arg(&small).status());
    assert!(grown.unwrap().success());
    ran.into_iter().for_each(|r| drop(r.refuses(1, &["no room", "run the same command again"])));
    let [audit, status, plan] = after;
    assert!(audit.expect(0).stdout.contains("is whole"));
    status.expect(0);
    // What was begun is still to be done, and known.
    plan.expect(2);
}
