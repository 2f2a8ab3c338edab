//! Other processes: a second writer, readers beside it, and writers that are killed.
//!
//! The other processes are this test binary itself, asked for one of its ignored tests.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use damm_fleet::{Phase, Role, Seed};
use damm_store::{Access, Error, LedgerFilter, Outcome, Store};
use serde_json::json;
use world::*;

/// Names the state to a child.
const STATE: &str = "DAMM_TEST_STATE";
/// Kills of one state in a row.
const KILLS: u64 = 20;

/// This binary, asked for the ignored test `role` on a state.
fn child_of(binary: &Path, role: &str, state: &Path) -> Command {
    let mut command = Command::new(binary);
    command.args(["--exact", role, "--ignored", "--nocapture"]);
    command.env(STATE, state).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn spawn(role: &str, state: &Path) -> Child {
    let binary = std::env::current_exe().unwrap();
    child_of(&binary, role, state).spawn().unwrap()
}

/// The state that this process was started for; none in a run of all ignored tests.
fn asked() -> Option<PathBuf> {
    std::env::var_os(STATE).map(PathBuf::from)
}

/// The lines that a child says, without those of the test harness.
fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines = lines.map_while(Result::ok);
    lines.filter_map(|line| line.split_once("> ").map(|(_, said)| said.to_owned()))
}

#[tokio::test]
#[ignore = "run by other tests, as a process of its own"]
async fn holder() {
    let Some(path) = asked() else { return };
    let store = Store::open(&path, Access::Write).await.unwrap();
    store.bind_fleet("held").await.unwrap();
    println!("> held");
    // Until the parent goes, or kills it.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[tokio::test]
async fn a_second_process_is_refused_by_name_and_may_read() {
    let room = Room::new();
    let mut child = spawn("holder", &room.path);
    assert_eq!(said(&mut child).next().as_deref(), Some("held"));
    let error = room.write().await.map(drop).unwrap_err();
    let pid = child.id();
    assert!(matches!(error, Error::InUse { pid: Some(p), .. } if p == pid), "{error:?}");
    assert!(error.to_string().contains(&format!("process {pid}")), "{error}");
    let reader = room.read().await.unwrap();
    assert_eq!(reader.fleet().await.unwrap().as_deref(), Some("held"));

    child.kill().unwrap();
    child.wait().unwrap();
    let store = room.write().await.unwrap();
    store.put_topology("t.json", "{}").await.unwrap();
    assert!(reader.topology().await.unwrap().is_some(), "a reader sees later writes");
}

#[tokio::test]
async fn a_dropped_handle_gives_its_lock_back() {
    let room = Room::new();
    for i in 0..20 {
        let store = room.write().await.unwrap();
        store.put_topology("t.json", &i.to_string()).await.unwrap();
        drop(store);
    }
    let store = room.write().await.unwrap();
    assert_eq!(store.topology().await.unwrap().unwrap().1, "19");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by other tests, as a process of its own"]
async fn busy_writer() {
    let Some(path) = asked() else { return };
    let store = Store::open(&path, Access::Write).await.unwrap();
    let start = store.target().await.unwrap().generation;
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..8u64 {
        let store = store.clone();
        tasks.spawn(async move { step_for_ever(&store, start * 100 + worker).await });
    }
    let mut seed = Seed::from_number(1_000_000 + start);
    loop {
        let node = node(&mut seed, Role::Ingress, 2);
        let target = add(&store, &mut seed, std::slice::from_ref(&node)).await;
        println!("> target {} {}", target.generation, target.id);
        store.audit("child", "looped", &json!({}), at(1)).await.unwrap();
    }
}

async fn step_for_ever(store: &Store, seed: u64) {
    let mut seed = Seed::from_number(seed);
    loop {
        let node = node(&mut seed, Role::Ingress, 0);
        let target = store.target().await.unwrap();
        let creating = resource(&node, Phase::Creating);
        let intent = intent(&target, node.id.into(), "k");
        let seq = store.begin(&intent, Some(&creating)).await.unwrap();
        println!("> begun {seq} {}", node.id);
        let done = Outcome::Done { provider_ref: Some(node.id.to_string()) };
        let present = resource(&node, Phase::Present);
        store.end(seq, &done, Some(&present), at(2)).await.unwrap();
        println!("> ended {seq} {}", node.id);
    }
}

/// What a killed writer was told is stored: step or generation, with its id.
#[derive(Default)]
struct Acknowledged {
    begun: BTreeMap<u64, String>,
    ended: BTreeMap<u64, String>,
    targets: BTreeMap<u64, String>,
}

impl Acknowledged {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (what, number) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
        let id = words.next().unwrap().to_owned();
        let said = match what {
            "begun" => &mut self.begun,
            "ended" => &mut self.ended,
            _ => &mut self.targets,
        };
        said.insert(number, id);
    }

    async fn compare(&self, store: &Store, round: u64) {
        let rows = store.ledger(&LedgerFilter::default()).await.unwrap();
        let rows: BTreeMap<_, _> = rows.into_iter().map(|r| (r.seq, r)).collect();
        let resources = store.resources().await.unwrap();
        let phases: BTreeMap<_, _> =
            resources.iter().map(|r| (r.subject.to_string(), r.phase)).collect();
        for (seq, id) in &self.begun {
            let row = rows.get(seq).unwrap_or_else(|| panic!("round {round}: {seq} is lost"));
            assert_eq!(row.intent.subject.unwrap().to_string(), *id, "round {round}");
            assert!(phases.contains_key(id), "round {round}: {id} has no row");
        }
        for (seq, id) in &self.ended {
            assert!(rows[seq].outcome.is_some(), "round {round}: the end of {seq} is lost");
            assert_eq!(phases[id], Phase::Present, "round {round}: {id}");
        }
        let history = store.blueprints(u32::MAX).await.unwrap();
        let history: BTreeMap<_, _> = history.iter().map(|b| (b.generation, b.id)).collect();
        for (generation, id) in &self.targets {
            assert_eq!(history[generation].to_string(), *id, "round {round}");
        }
    }
}

#[tokio::test]
async fn what_a_killed_writer_was_told_is_stored_is_there() {
    let room = Room::new();
    let mut told = Acknowledged::default();
    let mut round = 0;
    // How much a writer says before it dies is the machine's to decide: go on until it is enough.
    while round < KILLS || told.ended.len() <= 100 || told.targets.len() <= 20 {
        assert!(round < 20 * KILLS, "too little was written to tell");
        let mut child = spawn("busy_writer", &room.path);
        // Somewhere in its start, or in the middle of its work.
        let lines = (round * 37) % 61;
        let mut said = said(&mut child);
        said.by_ref().take(lines as usize).for_each(|line| told.hear(&line));
        child.kill().unwrap();
        // What it said before it died, and what was not read yet.
        said.for_each(|line| told.hear(&line));
        child.wait().unwrap();
        let store = room.write().await.unwrap();
        store.check().await.unwrap();
        store.verify_audit().await.unwrap();
        told.compare(&store, round).await;
        store.close().await.unwrap();
        round += 1;
    }
}

#[cfg(unix)]
mod denied {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    use super::*;

    /// A user that owns nothing: `nobody` on all systems that damm knows.
    const NOBODY: u32 = 65_534;

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    #[ignore = "run by another test, as a process of another user"]
    async fn guest() {
        let Some(path) = asked() else { return };
        let dir = path.parent().unwrap();
        allow(dir, 0o555);
        let error = Store::open(&path, Access::Write).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "none there: {error:?}");

        allow(dir, 0o755);
        let store = Store::open(&path, Access::Write).await.unwrap();
        store.bind_fleet("mine").await.unwrap();
        store.close().await.unwrap();
        allow(dir, 0o555);
        let error = Store::open(&path, Access::Write).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "read-only directory: {error:?}");
        let store = Store::open(&path, Access::Read).await.unwrap();
        assert_eq!(store.fleet().await.unwrap().as_deref(), Some("mine"));
        store.close().await.unwrap();

        allow(dir, 0o755);
        allow(&path, 0o400);
        let error = Store::open(&path, Access::Write).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "read-only file: {error:?}");
        allow(&path, 0o000);
        let error = Store::open(&path, Access::Read).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "unreadable file: {error:?}");
        println!("> done");
    }

    #[test]
    fn a_place_that_can_not_be_written_to_is_named() {
        let room = Room::new();
        let home = room.dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let binary = room.dir.path().join("guest");
        fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
        allow(room.dir.path(), 0o755);
        let mut command = child_of(&binary, "denied::guest", &home.join("damm.db"));
        // Root may write anywhere, so it sends somebody else; anybody else goes themselves.
        if chown(&home, Some(NOBODY), Some(NOBODY)).is_ok() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().unwrap();
        // To the end, so that nothing that it says breaks its pipe.
        let done = said(&mut child).filter(|line| line == "done").count() == 1;
        assert!(child.wait().unwrap().success() && done);
    }
}

#[cfg(target_os = "linux")]
mod full {
    use super::*;

    /// A file system of one MiB, taken down with the test.
    struct Small(tempfile::TempDir);

    impl Small {
        fn new() -> Option<Self> {
            if damm_needs::unmet(&[damm_needs::Need::Mounts]) {
                return None;
            }
            let dir = tempfile::tempdir().unwrap();
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(dir.path());
            assert!(mount.status().unwrap().success());
            Some(Self(dir))
        }
    }

    impl Drop for Small {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
        }
    }

    #[tokio::test]
    async fn a_full_disk_stops_a_write_and_loses_nothing() {
        let Some(small) = Small::new() else { return };
        let path = small.0.path().join("damm.db");
        let store = Store::open(&path, Access::Write).await.unwrap();
        let mut stored = Vec::new();
        let refused = loop {
            let object = (format!("k{}", stored.len()), "x".repeat(20_000));
            let put = [(object.0.clone(), Some(object.1.clone()))];
            match store.put_sim_objects(&put).await {
                Ok(()) => stored.push(object),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::Full { .. }), "{refused:?}");
        stored.sort();
        assert_eq!(store.sim_objects().await.unwrap(), stored);
        drop(store);
        let store = Store::open(&path, Access::Read).await.unwrap();
        assert_eq!(store.sim_objects().await.unwrap(), stored);
    }

    #[tokio::test]
    async fn a_full_disk_leaves_no_half_made_state() {
        let Some(small) = Small::new() else { return };
        let path = small.0.path().join("damm.db");
        let ballast = small.0.path().join("ballast");
        std::fs::write(&ballast, vec![0; 1_000_000]).unwrap();
        let refused = Store::open(&path, Access::Write).await.map(drop).unwrap_err();
        assert!(matches!(refused, Error::Full { .. }), "{refused:?}");
        std::fs::remove_file(&ballast).unwrap();
        Store::open(&path, Access::Write).await.unwrap();
    }
}
