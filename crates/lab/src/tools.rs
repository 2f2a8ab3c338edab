//! The programs that a lab is made with.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{LabError, Result};

/// The programs that a lab needs, with the Debian package of each.
const NEEDED: [(&str, &str); 6] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
];

/// Refuses to go on without root or without a program that will be needed.
pub fn check() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::NotRoot);
    }
    let missing = NEEDED.iter().find(|(name, _)| !on_path(name));
    missing.map_or(Ok(()), |(name, package)| Err(LabError::Missing { name, package }))
}

fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
}

/// Runs a program to its end and gives what it printed.
pub fn run(program: &str, args: &[&str]) -> Result<String> {
    finish(Command::new(program).args(args), None)
}

/// Runs `ip` with commands, one a line, in a namespace of this name.
pub fn ip(namespace: &str, commands: &str) -> Result<String> {
    finish(Command::new("ip").args(["-n", namespace, "-batch", "-"]), Some(commands))
}

/// Runs a program within a network namespace, with a text on its standard input.
pub fn within(namespace: &str, args: &[&str], input: &str) -> Result<String> {
    finish(enter(namespace).args(args), Some(input))
}

/// A command that runs what is appended to it in a network namespace. Unlike `ip netns exec` it
/// stays in this mount namespace, where other namespaces can be made.
pub fn enter(namespace: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", file(namespace))).arg("--");
    command
}

/// Where `ip netns` keeps a namespace.
pub fn file(namespace: &str) -> String {
    format!("/run/netns/{namespace}")
}

/// Whether there is a namespace of this name.
pub fn exists(namespace: &str) -> bool {
    Path::new(&file(namespace)).exists()
}

/// The processes of a network namespace.
pub fn processes(namespace: &str) -> Result<Vec<u32>> {
    let listed = run("ip", &["netns", "pids", namespace])?;
    Ok(listed.lines().filter_map(|line| line.trim().parse().ok()).collect())
}

fn finish(command: &mut Command, input: Option<&str>) -> Result<String> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let words = words(command);
    let failed = |message: String| LabError::Tool { command: words.clone(), message };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
    if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
        // A program that closes its input early says why on its standard error.
        drop(pipe.write_all(text.as_bytes()));
    }
    let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(if said.is_empty() { output.status.to_string() } else { said }))
}

fn words(command: &Command) -> String {
    let args = command.get_args().map(|a| a.to_string_lossy().into_owned());
    let program = command.get_program().to_string_lossy().into_owned();
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}

/// How often processes are looked for that should be dead; each time is a hundredth of a second.
const TRIES: u32 = 500;

/// Kills all processes of a network namespace, and waits until they are gone. None of them can
/// have been started by anybody but the lab.
pub fn kill_all(namespace: &str) -> Result<()> {
    for _ in 0..TRIES {
        let left = processes(namespace)?;
        if left.is_empty() {
            return Ok(());
        }
        for pid in left {
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                // One that is gone already is what was wanted.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let message = "processes outlive being killed".to_owned();
    Err(LabError::Tool { command: format!("kill -9 in {namespace}"), message })
}
