//! A fleet in a lab, whose clients are many and whose doors are blocked one by one.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use damm_clouds::{Clock as _, WallClock};
use damm_fleet::FrontdoorId;
use damm_lab::{CONTROL, Lab};
use damm_needs::Need;
use serde_json::{Value, json};

use crate::crowd::{Line, Told};
use crate::past;

const DAMM: &str = env!("CARGO_BIN_EXE_damm");
/// A round that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(40 * 60);
/// Between two rounds, and before the first.
const SETTLING: Duration = Duration::from_secs(30);
/// How often is looked for a verdict.
const LOOKS: Duration = Duration::from_millis(500);

/// What a round came to, in seconds since the censor began.
pub struct Figures {
    /// The first report that the door fails was taken.
    pub first: f64,
    /// The door is called blocked.
    pub verdict: f64,
    /// No bucket's catalog names it any more.
    pub unnamed: f64,
    /// Each bucket that had it goes through a door that is new to it.
    pub served: Vec<f64>,
    /// Failures of the door that were reported until it was called blocked.
    pub failures: usize,
}

/// The stage.
pub struct Stage {
    dir: tempfile::TempDir,
    lab: Lab,
    crowd: Child,
    to: ChildStdin,
    from: Receiver<Line>,
    blocked: BTreeSet<FrontdoorId>,
}

fn topology() -> Value {
    let account = |asn: u32, v4: &str| {
        json!({
            "kind": "lab", "asns": [asn, asn + 1], "locations": { "north": "n" },
            "lab": { "boot_time": "0s",
                     "prefixes": [format!("198.{v4}.0.0/24"), format!("198.{v4}.1.0/24")] },
        })
    };
    json!({
        "fleet": "lab",
        "providers": { "maple": account(64_500, "18"), "rowan": account(64_502, "19") },
        "profiles": {
            "edge": { "role": "ingress", "machine": { "lab": "namespace" }, "frontdoors": 3,
                      "transports": [{ "kind": "shadowsocks", "port": 443 }] },
            "exit": { "role": "egress", "machine": { "lab": "namespace" }, "egress_ips": 2 },
        },
        "regions": { "north": {
            "ingress": { "profile": "edge", "live": 4, "standby": 1,
                         "providers": ["maple", "rowan"] },
            "egress": { "profile": "exit", "nodes": 1, "providers": ["maple"] },
        } },
        "populations": { "iran": {
            "country": "IR", "asns": [58_224], "regions": ["north"], "min_fronts": 4,
        } },
        "backbone": { "controller": "https://controller.lab:8443" },
        "rotation": { "ingress": { "max_disrupted": "50%", "burned_drain": "1m" },
                      "breaker": "80%", "max_destroys_per_plan": 100 },
        "catalog": { "ttl": "1h", "buckets": 16, "fronts_per_bucket": 3,
                     "channels": [{ "kind": "directory", "path": "published" }] },
    })
}

impl Stage {
    /// Whether this machine lacks something that it takes; what is said on standard error.
    pub fn unmet() -> bool {
        let programs = ["ip", "nft", "nsenter", "setsid", "mount", "wg", "wireguard-go", "unbound"];
        damm_needs::unmet(&[&[Need::Namespaces][..], &programs.map(Need::Program)].concat())
    }

    /// A fleet that has stood for weeks, with so many clients.
    pub fn new(clients: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lab = Lab::new(dir.path().join("lab"), DAMM.into());
        let file = dir.path().join("topology.json");
        fs::write(&file, topology().to_string()).unwrap();
        let file = file.to_str().unwrap();
        told(dir.path(), &["init", "--keys-for", file]);
        told(dir.path(), &["lab", "up", "--bare", file]);
        let guard = Down(lab.clone());
        inside(&lab, dir.path(), &["apply", file, "--yes", "--wait", "180s"]);
        eprintln!("… the fleet stands");
        let controller = format!("http://{}:8080", CONTROL.v4);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let people = runtime.block_on(past::play(dir.path(), clients, &controller));
        let crowd = dir.path().join("crowd.json");
        fs::write(&crowd, serde_json::to_vec(&people).unwrap()).unwrap();
        eprintln!("… {clients} clients have come and were well");
        serve(&lab, dir.path());
        let mut command = lab.enter("as58224-1").unwrap();
        command.arg(std::env::current_exe().unwrap()).arg("crowd").arg(&crowd);
        command.arg(clients.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        std::thread::sleep(Duration::from_secs(20));
        let mut crowd = command.spawn().unwrap();
        let to = crowd.stdin.take().unwrap();
        let from = lines(&mut crowd);
        std::mem::forget(guard);
        let stage = Self { dir, lab, crowd, to, from, blocked: BTreeSet::new() };
        stage.until(|line| line.told == Told::Ready);
        // Those whose moment was just before they came all speak at once.
        std::thread::sleep(SETTLING);
        eprintln!("… all of them are there");
        stage
    }

    /// Blocks a door; what came of it.
    pub fn round(&mut self) -> Figures {
        let (door, address) = self.next();
        let begun = WallClock.now().as_millis();
        self.lab.censor("as58224", address, true).unwrap();
        writeln!(self.to, "{door}").unwrap();
        let figures = self.healed(door, begun);
        eprintln!("… healed after {:.0} s", figures.served.iter().copied().fold(0.0, f64::max));
        self.blocked.insert(door);
        // What the round has begun comes to its end.
        std::thread::sleep(SETTLING);
        figures
    }

    /// The door that most buckets are told of, of those that were not blocked before, and where.
    fn next(&self) -> (FrontdoorId, IpAddr) {
        let mut named: Vec<(FrontdoorId, IpAddr)> = Vec::new();
        for entry in fs::read_dir(self.dir.path().join("published")).unwrap() {
            let file = entry.unwrap().path();
            let file = file.to_str().unwrap();
            let told: Value = said(self.dir.path(), &["catalog", "show", file]);
            for front in told["catalog"]["fronts"].as_array().unwrap() {
                let text = |name: &str| front[name].as_str().unwrap();
                named.push((text("id").parse().unwrap(), text("address").parse().unwrap()));
            }
        }
        named.retain(|(door, _)| !self.blocked.contains(door));
        let count = |one: &(FrontdoorId, IpAddr)| named.iter().filter(|n| *n == one).count();
        *named.iter().max_by_key(|one| (count(one), **one)).expect("a catalog names a door")
    }

    fn healed(&self, door: FrontdoorId, begun: i64) -> Figures {
        let since = |at: i64| (at - begun) as f64 / 1_000.0;
        let (mut first, mut verdict) = (None, None);
        let (mut unnamed, mut served) = (BTreeSet::new(), BTreeSet::new());
        let (mut last, mut all, mut failures) = (0.0, Vec::new(), 0);
        let until = Instant::now() + PATIENCE;
        // Buckets hear of it one by one: it is over when none was heard of for a while.
        while verdict.is_none()
            || unnamed.is_empty()
            || unnamed != served
            || since(now()) < last + 15.0
        {
            assert!(Instant::now() < until, "it takes too long");
            match self.from.recv_timeout(LOOKS) {
                Ok(Line { at, told: Told::Failed(d) }) if d == door => {
                    first = first.or(Some(since(at)));
                    failures += usize::from(verdict.is_none());
                }
                Ok(Line { at, told: Told::Unnamed(bucket, d) }) if d == door => {
                    unnamed.insert(bucket);
                    last = since(at);
                }
                Ok(Line { at, told: Told::Served(bucket, d) }) if d == door => {
                    served.insert(bucket);
                    all.push(since(at));
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the crowd is gone"),
            }
            if verdict.is_none() && self.is_blocked(door) {
                verdict = Some(since(now()));
            }
        }
        let (first, verdict) = (first.unwrap_or(f64::NAN), verdict.unwrap_or(f64::NAN));
        Figures { first, verdict, unnamed: last, served: all, failures }
    }

    fn is_blocked(&self, door: FrontdoorId) -> bool {
        let told = said(self.dir.path(), &["show", "verdicts"]);
        let rows = told["verdicts"].as_array().unwrap();
        let door = door.to_string();
        rows.iter().any(|row| row["door"] == door.as_str() && row["state"] == "blocked")
    }

    fn until(&self, mut so: impl FnMut(Line) -> bool) {
        while !so(self.from.recv_timeout(PATIENCE).expect("the crowd says it")) {}
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.crowd.kill());
        drop(self.crowd.wait());
        drop(self.lab.down());
    }
}

/// Takes a lab down that is not whole.
struct Down(Lab);

impl Drop for Down {
    fn drop(&mut self) {
        drop(self.0.down());
    }
}

fn now() -> i64 {
    WallClock.now().as_millis()
}

/// What the crowd says, as it comes.
fn lines(crowd: &mut Child) -> Receiver<Line> {
    let (to, from) = channel();
    let lines = BufReader::new(crowd.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let line = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if to.send(line).is_err() {
                break;
            }
        }
    });
    from
}

/// Starts the controller where it stands, for agents and for clients.
fn serve(lab: &Lab, dir: &Path) {
    let own = format!("DAMM_LAB={}", lab.dir().display());
    let state = format!("sqlite:{}", dir.join("damm.db").display());
    let file = dir.join("topology.json");
    let clients = ["--clients", "0.0.0.0:8080", "--clients-plain", "--every", "5s"];
    let first = ["env", &own, DAMM, "--state", &state, "-v", "serve", file.to_str().unwrap()];
    lab.start("control", "controller", &[&first[..], &clients].concat()).unwrap();
}

fn told(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new(DAMM);
    command.args(args).env("DAMM_LAB", dir.join("lab")).current_dir(dir);
    checked(&mut command)
}

fn said(dir: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&told(dir, &[&["--json"], args].concat())).unwrap()
}

/// Runs `damm` where the controller stands.
fn inside(lab: &Lab, dir: &Path, args: &[&str]) -> String {
    let mut command = lab.enter("control").unwrap();
    command.arg("env").arg(format!("DAMM_LAB={}", lab.dir().display())).arg(DAMM);
    command.args(["--state", &format!("sqlite:{}", dir.join("damm.db").display())]).args(args);
    checked(&mut command)
}

fn checked(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{out}\n{err}");
    out.into_owned()
}
