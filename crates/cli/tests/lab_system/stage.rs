//! One lab for all tests of this program, built once and taken down when the program ends, however
//! it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use damm_lab::{Alive, Lab};
use damm_needs::Need;
use serde_json::{Value, json};

/// The program under test.
const DAMM: &str = env!("CARGO_BIN_EXE_damm");
/// Long enough for a node to be built and verified on a busy machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A fleet in a lab, with its controller at work.
pub struct Stage {
    /// Everything stands in it.
    pub dir: PathBuf,
    /// The lab.
    pub lab: Lab,
    /// The client's secret, as `damm credentials new` printed it.
    pub secret: String,
    _janitor: Child,
}

/// What the lab, its machines and its clients are made of.
const PROGRAMS: [&str; 13] = [
    "ip",
    "nft",
    "nsenter",
    "setsid",
    "mount",
    "wg",
    "wireguard-go",
    "ping",
    "ss",
    "openssl",
    "trojan",
    "unbound",
    "tcpdump",
];

/// The stage, for one test at a time; none where there can be no lab.
pub fn stage() -> Option<MutexGuard<'static, Stage>> {
    let programs = PROGRAMS.map(Need::Program);
    if damm_needs::unmet(&[&[Need::Namespaces][..], &programs].concat()) {
        return None;
    }
    static STAGE: OnceLock<Mutex<Stage>> = OnceLock::new();
    static BEGUN: AtomicBool = AtomicBool::new(false);
    let stage = STAGE.get_or_init(|| {
        assert!(!BEGUN.swap(true, Ordering::Relaxed), "the lab could not be built before");
        Mutex::new(Stage::new())
    });
    Some(stage.lock().unwrap_or_else(PoisonError::into_inner))
}

fn topology() -> Value {
    let account = |asn: u32, v4: &str, v6: &str| {
        json!({
            "kind": "lab", "asns": [asn, asn + 1], "locations": { "north": "n" },
            "lab": {
                "boot_time": "0s",
                "prefixes": [format!("198.{v4}.0.0/24"), format!("198.{v4}.1.0/24"),
                             format!("2001:db8:{v6}0::/48"), format!("2001:db8:{v6}1::/48")],
            },
        })
    };
    json!({
        "fleet": "lab",
        "providers": { "maple": account(64_500, "18", "1"), "rowan": account(64_502, "19", "2") },
        "profiles": {
            "edge": {
                "role": "ingress", "machine": { "lab": "namespace" }, "frontdoors": 3,
                "transports": [
                    { "kind": "wireguard", "port": 51820 },
                    { "kind": "shadowsocks", "port": 443 },
                    { "kind": "trojan", "port": 443 },
                ],
            },
            "exit": { "role": "egress", "machine": { "lab": "namespace" }, "egress_ips": 4 },
        },
        "regions": { "north": {
            "ingress": { "profile": "edge", "live": 2, "providers": ["maple", "rowan"] },
            "egress": { "profile": "exit", "nodes": 2, "providers": ["maple", "rowan"] },
        } },
        "populations": { "iran": {
            "country": "IR", "asns": [58_224, 44_244], "regions": ["north"], "min_fronts": 4,
        } },
        "backbone": { "controller": "https://controller.lab:8443" },
        "rotation": {
            "ingress": { "max_age": "7d", "drain": "1h", "max_disrupted": "50%" },
            "egress": { "max_age": "60d", "drain": "1h", "max_disrupted": "50%" },
        },
        "catalog": {
            "ttl": "30s", "buckets": 1, "fronts_per_bucket": 6,
            "channels": [{ "kind": "directory", "path": "published" }],
        },
    })
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap().keep();
        let lab = Lab::new(dir.join("lab"), DAMM.into());
        let janitor = janitor(&dir);
        let file = dir.join("topology.json");
        fs::write(&file, topology().to_string()).unwrap();
        let mut stage = Self { dir, lab, secret: String::new(), _janitor: janitor };
        let told = |args: &[&str]| {
            let mut command = Command::new(DAMM);
            command.args(args).env("DAMM_LAB", stage.lab.dir());
            checked(&mut command)
        };
        told(&["init", "--keys-for", file.to_str().unwrap()]);
        told(&["lab", "up", "--bare", file.to_str().unwrap()]);
        stage.build();
        // Egress nodes are told of no client.
        let ingress = stage.machines_of("ingress");
        let before = stage.applied();
        let made = stage.damm(&["credentials", "new"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        stage.secret = made["secret"].as_str().unwrap().to_owned();
        stage.start_controller();
        stage.wait_for("the ingress nodes to know the client and to reach the egress", || {
            let after = stage.applied();
            ingress.iter().all(|n| before.get(n) < after.get(n) && stage.reaches_egress(n))
        });
        stage
    }

    /// What a machine's agent last wrote of itself.
    fn status(&self, name: &str) -> Value {
        let file = self.lab.dir().join("machines").join(name).join("disk/var-lib/damm/status");
        let text = fs::read_to_string(file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Whether all egress nodes have answered an ingress.
    fn reaches_egress(&self, name: &str) -> bool {
        let status = self.status(name);
        let peers = status["report"]["peers"].as_object();
        peers.is_some_and(|p| !p.is_empty() && p.values().all(|health| health == "up"))
    }

    /// The generation that each machine's agent has applied.
    fn applied(&self) -> BTreeMap<String, u64> {
        let machines = self.machines().into_iter();
        let applied = |name: &str| self.status(name)["report"]["applied"].as_u64().unwrap_or(0);
        machines.map(|(name, _)| (name.clone(), applied(&name))).collect()
    }

    /// Builds the fleet until nothing is left to do at once.
    fn build(&self) {
        let file = self.dir.join("topology.json");
        let mut apply = self.command(&["apply", file.to_str().unwrap(), "--yes", "--wait", "90s"]);
        let output = apply.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{}", self.logs());
    }

    /// Starts the controller, which goes on by itself.
    pub fn start_controller(&self) {
        let mut command = Command::new(DAMM);
        let file = self.dir.join("topology.json");
        command.args(["lab", "up"]).arg(file).env("DAMM_LAB", self.lab.dir());
        checked(&mut command);
    }

    /// Stops the controller as an operator would, and waits until it is gone.
    pub fn stop_controller(&self) {
        self.wait_for("the controller to end", || {
            let left = self.lab.processes("control").unwrap();
            for pid in &left {
                drop(Command::new("kill").arg(pid.to_string()).status());
            }
            left.is_empty()
        });
    }

    /// Runs a command where the controller stands, with the controller out of its way.
    pub fn edit(&self, args: &[&str]) -> String {
        self.stop_controller();
        let said = self.damm(args);
        self.start_controller();
        said
    }

    /// Runs `damm` where the controller stands, on the fleet's state.
    pub fn damm(&self, args: &[&str]) -> String {
        checked(&mut self.command(args))
    }

    /// What `damm` says as JSON.
    pub fn told(&self, args: &[&str]) -> Value {
        let all = [&["--json"], args].concat();
        serde_json::from_str(&self.damm(&all)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.lab.enter("control").unwrap();
        let state = format!("sqlite:{}", self.dir.join("damm.db").display());
        command.arg("env").arg(format!("DAMM_LAB={}", self.lab.dir().display()));
        command.arg(self.lab.program()).args(["--state", &state]).args(args);
        command
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !so() {
            assert!(begun.elapsed() < PATIENCE, "waited for {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the controller and the machines said last.
    pub fn logs(&self) -> String {
        let machines = self.lab.status().unwrap().machines;
        let console = |name: &str| self.lab.dir().join("machines").join(name).join("console.log");
        let files = machines.iter().map(|m| console(&m.name));
        files.chain([self.lab.log("controller")]).map(|file| tail(&file)).collect()
    }

    /// The machines that run, each with the node that it is.
    pub fn machines(&self) -> Vec<(String, String)> {
        let machines = self.lab.status().unwrap().machines.into_iter();
        let running = machines.filter(|m| m.alive == Alive::Running);
        running.map(|m| (m.name, m.subject)).collect()
    }

    /// The machines of the nodes of a role.
    fn machines_of(&self, role: &str) -> Vec<String> {
        let nodes = self.rows("nodes");
        let nodes = nodes.iter().filter(|r| r["role"] == role);
        let nodes: BTreeSet<_> = nodes.map(|r| r["id"].as_str().unwrap()).collect();
        let machines = self.machines().into_iter();
        machines.filter(|(_, s)| nodes.contains(s.as_str())).map(|(name, _)| name).collect()
    }

    /// Where the server that plays the internet was reached from, since the lab was made.
    pub fn seen(&self) -> BTreeSet<IpAddr> {
        let log = fs::read_to_string(self.lab.log("internet")).unwrap();
        log.lines().filter_map(|l| l.split(' ').nth(2)?.parse().ok()).collect()
    }
}

/// Takes the lab down when this process is gone: its standard input ends then.
fn janitor(dir: &Path) -> Child {
    let script =
        format!("cat >/dev/null; {DAMM} lab --dir {0}/lab down && rm -rf {0}", dir.display());
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().unwrap()
}

fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(30).collect();
    let lines: Vec<_> = lines.into_iter().rev().collect();
    format!("--- {}\n{}\n", file.display(), lines.join("\n"))
}

/// What a command prints; it has to succeed.
#[track_caller]
pub fn checked(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{out}\n{err}");
    out.into_owned()
}
