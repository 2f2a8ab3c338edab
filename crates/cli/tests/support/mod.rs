//! A small fleet in a directory of its own, and the real binary run on it.
#![allow(dead_code, clippy::unwrap_used, reason = "tests; each uses what it needs")]

pub mod vendor;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The tests' topology: quick machines, two accounts, two populations' worth of doors.
pub const TOPOLOGY: &str = r#"{
  "fleet": "tested",
  "providers": {
    "sim-a": { "kind": "sim", "asns": [64500], "locations": { "north": "a1" },
               "limits": { "requests_per_hour": 360000, "parallel": 16 },
               "sim": { "boot_time": "50ms", "latency": "2ms", "delete_time": "20ms" } },
    "sim-b": { "kind": "sim", "asns": [64501], "locations": { "north": "b1" },
               "limits": { "requests_per_hour": 360000, "parallel": 16 },
               "sim": { "boot_time": "50ms", "latency": "2ms", "delete_time": "20ms" } },
  },
  "profiles": {
    "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": 2,
              "transports": [{ "kind": "shadowsocks", "port": 443 }] },
    "exit": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": 2 },
  },
  "regions": {
    "north": {
      "ingress": { "profile": "edge", "live": 4, "standby": 1, "providers": ["sim-a", "sim-b"] },
      "egress": { "profile": "exit", "nodes": 2, "providers": ["sim-a", "sim-b"] },
    },
  },
  "populations": {
    "first": { "country": "IR", "asns": [58224], "regions": ["north"], "min_fronts": 4 },
  },
  "rotation": {
    "ingress": { "max_disrupted": "50%" }, "egress": { "max_disrupted": "50%" },
    "breaker": "60%", "max_destroys_per_plan": 100,
  },
  "catalog": { "ttl": "6h", "buckets": 4, "fronts_per_bucket": 3,
               "channels": [{ "kind": "directory", "path": "published" }] },
  "budget": { "usd_per_month": 200 },
}
"#;

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one object on standard output.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// A failure is told as an error with what to do, and nothing panics.
    #[track_caller]
    pub fn refuses(self, code: i32, words: &[&str]) -> Self {
        let this = self.expect(code);
        assert!(this.stderr.contains("error: "), "{this:#?}");
        assert!(!this.stderr.contains("panicked"), "{this:#?}");
        for word in words {
            assert!(this.stderr.contains(word), "no {word:?} in {this:#?}");
        }
        this
    }
}

/// A fleet's directory.
pub struct Fleet {
    pub dir: TempDir,
}

impl Fleet {
    /// A topology with keys, and no state yet.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("topology.json"), TOPOLOGY).unwrap();
        let fleet = Self { dir };
        fleet.run(&["init", "--keys-for", "topology.json"]).expect(0);
        fleet
    }

    /// A copy of a fleet that stands; it is built once for each test binary.
    pub fn built() -> Self {
        static BUILT: OnceLock<Fleet> = OnceLock::new();
        let built = BUILT.get_or_init(|| {
            let fleet = Self::new();
            fleet.run(&["apply", "topology.json", "--yes"]).expect(0);
            fleet
        });
        let dir = tempfile::tempdir().unwrap();
        copy(built.dir.path(), dir.path());
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = damm();
        command.args(args).current_dir(self.dir.path());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs the controller until it says some words, and asks it to stop.
    pub fn serve_until(&self, options: &[&str], words: &str) -> Ran {
        let (child, _) = self.serve(options, words);
        stop(child)
    }

    /// Starts the controller, and waits for some words of it; what it says then has to be read.
    pub fn serve(&self, options: &[&str], words: &str) -> (Running, impl Read + use<>) {
        let (child, stderr, _) = self.serve_saying(options, words);
        (child, stderr)
    }

    /// The same for a controller that serves clients; where it does comes along.
    pub fn serve_clients(&self, options: &[&str]) -> (Running, impl Read + use<>, SocketAddr) {
        let options = [&["--clients", "127.0.0.1:0"], options].concat();
        let (child, stderr, said) = self.serve_saying(&options, "clients are served at ");
        let at = said.rsplit("clients are served at ").next().unwrap().trim();
        (child, stderr, at.parse().unwrap())
    }

    fn serve_saying(&self, options: &[&str], words: &str) -> (Running, impl Read + use<>, String) {
        start(self.command(&[&["serve", "topology.json"], options].concat()), words)
    }
}

/// A process that is ended with the test that started it, however that ends.
pub struct Running(Option<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Running {
    /// Makes it crash as a fault in it would, with leave to write its memory down.
    pub fn crash(mut self) -> ExitStatus {
        let mut child = self.0.take().unwrap();
        let aborted = Command::new("kill").args(["-ABRT", &child.id().to_string()]).status();
        assert!(aborted.unwrap().success());
        child.wait().unwrap()
    }
}

/// Starts a command, and waits until it has said some words on standard error; what it says then
/// has to be read.
pub fn start(mut command: Command, words: &str) -> (Running, impl Read + use<>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let running = Running(Some(child));
    let mut said = String::new();
    while !said.contains(words) {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "it ended after saying {said}");
    }
    (running, stderr, said)
}

/// The binary, in an environment of its own.
pub fn damm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_damm"));
    command.stdin(Stdio::null());
    for name in ["DAMM_STATE", "NO_COLOR", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command
}

/// Asks a process to stop, and waits until it has.
pub fn stop(mut running: Running) -> Ran {
    let child = running.0.take().unwrap();
    let asked = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(asked.success());
    Ran::of(child.wait_with_output().unwrap()).expect(0)
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), &target).unwrap()),
        }
    }
}
