//! Real servers on this machine: each is started in a directory of its own on ports that were free,
//! lives for minutes at most, and is stopped when the test ends, however it ends.
#![allow(dead_code, reason = "each test uses what it needs")]

pub mod dns;
pub mod relay;

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use damm_clouds::{Clock, WallClock};
use damm_fleet::topology::Provider;
use damm_vendors::Account;
use damm_vendors::credentials::Secret;
use damm_vendors::origins::Origins;
use serde_json::Value;
use tempfile::TempDir;

/// Once this is set a server that is not installed is a failure, and not a reason to skip.
const EXPECTED: &str = "DAMM_EXPECT_SERVERS";

/// What a server that no test stopped lives for.
const LIFE: &str = "900";

/// What a server may take to start on a machine that has other things to do.
const START: Duration = Duration::from_secs(60);

/// Where a program is; none where it is not installed.
///
/// # Panics
///
/// When it is not installed although it has to be.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path).chain(usual).map(|dir| dir.join(name));
    let runs = |file: &PathBuf| file.metadata().is_ok_and(|m| m.permissions().mode() & 0o111 != 0);
    let found = found.into_iter().find(runs);
    let expected = std::env::var_os(EXPECTED).is_some();
    assert!(found.is_some() || !expected, "`{name}` is not installed, and {EXPECTED} is set");
    if found.is_none() {
        eprintln!("skipped: `{name}` is not installed");
    }
    found
}

/// Why a test of a server is left out.
pub const ABSENT: &str = "the server is not installed";

/// A port of the loopback interface that nobody has now.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// An address of the loopback interface.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Whether somebody takes connections there.
pub fn listens(port: u16) -> bool {
    TcpStream::connect_timeout(&local(port), Duration::from_secs(1)).is_ok()
}

/// A server that runs.
pub struct Daemon {
    child: Child,
    dir: TempDir,
}

impl Daemon {
    /// Starts a server: `set_up` writes its files into the directory and says how it is called, and
    /// `ready` tells that it is ready. Somebody may take a port in between, so it may be set up
    /// again.
    ///
    /// # Panics
    ///
    /// When it does not come to run.
    pub fn start<T>(
        program: &Path,
        mut set_up: impl FnMut(&Path) -> (Vec<String>, T),
        ready: impl Fn(&T) -> bool,
    ) -> (Self, T) {
        let mut said = String::new();
        for _ in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let (arguments, what) = set_up(dir.path());
            let log = std::fs::File::create(dir.path().join("log")).unwrap();
            let child = Command::new("timeout")
                .args(["--kill-after=5", LIFE])
                .arg(program)
                .args(arguments)
                .current_dir(dir.path())
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn();
            let mut daemon = Self { child: child.unwrap(), dir };
            if daemon.comes_up(|| ready(&what)) {
                return (daemon, what);
            }
            said = std::fs::read_to_string(daemon.dir.path().join("log")).unwrap_or_default();
        }
        panic!("{} did not start: {said}", program.display());
    }

    fn comes_up(&mut self, ready: impl Fn() -> bool) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if ready() {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Where its files are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // `timeout` passes it on, and ends when the server has ended.
        let pid = rustix::process::Pid::from_child(&self.child);
        let told = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        // One that is gone already only has to be waited for.
        drop((told, self.child.wait()));
    }
}

/// Writes a file into a server's directory.
pub fn write(dir: &Path, name: impl AsRef<OsStr>, text: &str) {
    std::fs::write(dir.join(name.as_ref()), text).unwrap();
}

/// An account as the topology says it, by the machine's clock.
pub fn account(provider: Value, secret: &str) -> Account {
    account_by(provider, secret, Arc::new(WallClock))
}

/// An account as the topology says it.
pub fn account_by(provider: Value, secret: &str, clock: Arc<dyn Clock>) -> Account {
    let provider: Provider = serde_json::from_value(provider).unwrap();
    Account {
        name: "acme".parse().unwrap(),
        fleet: damm_conformance::FLEET.to_owned(),
        sheet: provider.kind.sheet().unwrap(),
        secret: (!secret.is_empty()).then(|| Secret::new(secret)),
        origins: Origins::new(Vec::new()),
        ca: None,
        clock,
        provider,
    }
}
