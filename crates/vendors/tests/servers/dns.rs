//! BIND and Knot, each with the same zones and keys.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use damm_fleet::blueprint::RecordSet;

use super::{Daemon, free_port, listens, program, write};

/// The zone that the suite writes in.
pub const ZONE: &str = "fleet.example";
/// A zone whose every name is answered for.
pub const WILD: &str = "wild.example";
/// A zone of many records, of which no key may change one.
pub const LARGE: &str = "large.example";
/// How many names the large zone has.
pub const NAMES: usize = 4_000;

/// Keys: all but the first may do less, or are known with other bytes.
pub const KEYS: [(&str, &str, &str); 3] = [
    ("damm", "hmac-sha256", "c3VpdGVUc2lnS2V5VGhhdE5vYm9keU1heUV2ZXJSZWFkMQ=="),
    ("strong", "hmac-sha512", "c3VpdGVUc2lnS2V5VGhhdE5vYm9keU1heUV2ZXJSZWFkMg=="),
    ("narrow", "hmac-sha256", "c3VpdGVUc2lnS2V5VGhhdE5vYm9keU1heUV2ZXJSZWFkMw=="),
];

/// A server program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bind,
    Knot,
}

/// A server that runs.
pub struct NameServer {
    daemon: Daemon,
    nsupdate: PathBuf,
    pub port: u16,
}

impl NameServer {
    /// Starts one; none where it is not installed.
    pub fn start(kind: Kind) -> Option<Self> {
        let nsupdate = program("nsupdate")?;
        let (daemon, port) = match kind {
            Kind::Bind => Daemon::start(&program("named")?, bind, |port| listens(*port)),
            Kind::Knot => Daemon::start(&program("knotd")?, knot, |port| listens(*port)),
        };
        Some(Self { daemon, nsupdate, port })
    }

    /// Somebody else's change, by BIND's own client.
    pub fn update(&self, commands: &str) {
        let (name, algorithm, key) = KEYS[0];
        let mut child = Command::new("timeout")
            .arg("60")
            .arg(&self.nsupdate)
            .args(["-v", "-y", &format!("{algorithm}:{name}:{key}")])
            .current_dir(self.daemon.dir())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let text = format!("server 127.0.0.1 {}\n{commands}\nsend\n", self.port);
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{commands}");
    }

    /// Somebody else's addresses.
    pub fn add(&self, zone: &str, name: &str, set: &RecordSet) {
        let mut commands = format!("zone {zone}");
        for address in &set.addresses {
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            let seconds = set.ttl.as_millis() / 1_000;
            commands += &format!("\nupdate add {name}. {seconds} {kind} {address}");
        }
        self.update(&commands);
    }
}

fn zone_files(dir: &Path) {
    let head = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n";
    write(dir, ZONE, head);
    write(dir, WILD, &format!("{head}* A 192.0.2.250\n* AAAA 2001:db8::250\n* TXT \"hello\"\n"));
    let record = |n: usize| {
        let mark = format!("damm-n{n} TXT \"heritage=damm,fleet=suite\"");
        format!("n{n} A 192.0.2.{}\n{mark}\n", n % 250 + 1)
    };
    write(dir, LARGE, &format!("{head}{}", (0..NAMES).map(record).collect::<String>()));
}

fn bind(dir: &Path) -> (Vec<String>, u16) {
    zone_files(dir);
    let port = free_port();
    let key = |(name, algorithm, secret): (&str, &str, &str)| {
        format!("key \"{name}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};\n")
    };
    let zone = |name: &str| {
        format!(
            "zone \"{name}\" {{ type primary; file \"{name}\"; update-policy {{\n\
             grant damm zonesub ANY; grant strong zonesub ANY; grant narrow name only.{name} ANY;\n\
             grant narrow name damm-only.{name} ANY; }}; }};\n"
        )
    };
    let config = format!(
        "{}options {{ directory \"{}\"; listen-on port {port} {{ 127.0.0.1; }};\n\
         listen-on-v6 {{ none; }}; pid-file none; lock-file none; recursion no;\n\
         dnssec-validation no; allow-transfer {{ key damm; key strong; }}; }};\n\
         controls {{ }};\n{}",
        KEYS.map(key).concat(),
        dir.display(),
        [ZONE, WILD, LARGE].map(zone).concat()
    );
    write(dir, "named.conf", &config);
    (["-g", "-n", "1", "-c", "named.conf"].map(str::to_owned).into(), port)
}

fn knot(dir: &Path) -> (Vec<String>, u16) {
    zone_files(dir);
    let (port, path) = (free_port(), dir.display());
    std::fs::create_dir(dir.join("db")).unwrap();
    let key = |(name, algorithm, secret): (&str, &str, &str)| {
        format!("  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}\n")
    };
    let zone =
        |name: &str| format!("  - domain: {name}\n    file: {name}\n    acl: [all, narrow]\n");
    let config = format!(
        "server:\n    listen: 127.0.0.1@{port}\n    rundir: {path}\n    tcp-workers: 2\n    \
         udp-workers: 1\n    background-workers: 1\n\
         log:\n  - target: stderr\n    any: warning\n\
         database:\n    storage: {path}/db\n    journal-db-mode: asynchronous\n\
         key:\n{}\
         acl:\n  - id: all\n    key: [damm, strong]\n    action: [transfer, update]\n  \
         - id: narrow\n    key: narrow\n    action: update\n    update-owner: name\n    \
         update-owner-match: equal\n    update-owner-name: [only, damm-only]\n\
         template:\n  - id: default\n    storage: {path}\n    zonefile-sync: -1\n\
         zone:\n{}",
        KEYS.map(key).concat(),
        [ZONE, WILD, LARGE].map(zone).concat()
    );
    write(dir, "knot.conf", &config);
    (["-c", "knot.conf"].map(str::to_owned).into(), port)
}
