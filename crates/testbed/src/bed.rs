//! Namespaces that are removed again.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};
use damm_needs::Need;
use tempfile::TempDir;

/// What a bed is made of: without any of it there is none.
pub const NEEDS: [Need; 8] = [
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("nft"),
    Need::Program("wg"),
    Need::Program("wireguard-go"),
    Need::Program("ping"),
    Need::Program("ss"),
    Need::Program("python3"),
];

/// Namespaces and files of one test.
#[derive(Debug)]
pub struct Bed {
    prefix: String,
    dir: TempDir,
    again: Vec<String>,
    made: Vec<String>,
}

/// A network namespace, by its name.
#[derive(Debug, Clone)]
pub struct Namespace(pub String);

impl Bed {
    /// An empty bed; `again` are the arguments with which this program becomes a machine of it: it
    /// has to call [`serve_if_asked`](crate::serve_if_asked) then.
    ///
    /// # Errors
    /// Why there can be none, when [`NEEDS`] are not met.
    pub fn new(again: &[&str]) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if let Some(why) = damm_needs::obstacle(&NEEDS) {
            bail!(why);
        }
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("damm-t{}-{next}", std::process::id());
        let again = again.iter().map(|arg| (*arg).to_owned()).collect();
        Ok(Self { prefix, dir: TempDir::new()?, again, made: Vec::new() })
    }

    /// Makes a namespace with its loopback up.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn namespace(&mut self, name: &str) -> Result<Namespace> {
        let full = format!("{}-{name}", self.prefix);
        run("ip", &["netns", "add", &full], "")?;
        self.made.push(full.clone());
        let namespace = Namespace(full);
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// A directory of its own.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn again(&self) -> &[String] {
        &self.again
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for name in &self.made {
            if let Ok(pids) = Command::new("ip").args(["netns", "pids", name]).output() {
                let pids = String::from_utf8_lossy(&pids.stdout).into_owned();
                for pid in pids.split_whitespace() {
                    let _ = Command::new("kill").args(["-9", pid]).stderr(Stdio::null()).status();
                }
            }
            let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
        }
    }
}

impl Namespace {
    /// Runs a command in it, and gives what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, command: &[&str], input: &str) -> Result<String> {
        let all: Vec<&str> = ["netns", "exec", &self.0].iter().chain(command).copied().collect();
        run("ip", &all, input)
    }

    /// Runs lines of `ip` in it; lines that begin with `-6 ` are of IPv6.
    ///
    /// # Errors
    /// When one fails.
    pub fn ip(&self, lines: &str) -> Result<()> {
        let lines = || lines.lines().map(str::trim).filter(|line| !line.is_empty());
        for (family, six) in [("-4", false), ("-6", true)] {
            let of = lines().filter(|line| line.starts_with("-6 ") == six);
            let text: String = of.map(|l| format!("{}\n", l.trim_start_matches("-6 "))).collect();
            if !text.is_empty() {
                run("ip", &["-n", &self.0, family, "-batch", "-"], &text)?;
            }
        }
        Ok(())
    }

    /// Starts a command in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }
}

pub(crate) fn run(program: &str, args: &[&str], input: &str) -> Result<String> {
    use std::io::Write as _;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't run {program}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {} failed: {said}{input}", args.join(" "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
