//! A machine: its namespaces, its disk, and its first process.

use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::error::{LabError, Result};
use crate::files::{self, MachineFiles};
use crate::lab::Lab;
use crate::state::State;
use crate::wires::{self, End};
use crate::{boot, tools};

pub use boot::run;

/// What a machine's first process is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    /// The machine's name in the lab.
    pub name: String,
    /// Milliseconds until it does anything.
    pub boot_ms: u64,
}

/// Makes a machine's namespaces and starts its first process, with the disk that it has.
pub fn start(lab: &Lab, state: &State, name: &str) -> Result<()> {
    let Some(machine) = state.machines.get(name) else {
        return Ok(());
    };
    let (core, namespace) = (state.namespace("core"), state.namespace(name));
    wires::connect(
        &core,
        End { link: name, namespace: &namespace, v4: machine.v4, v6: machine.v6 },
    )?;
    for address in state.attached(name) {
        wires::route(&core, address.address, name, machine.v4)?;
    }
    launch(lab, &namespace, &lab.machine_files(name))
}

/// Starts the first process in a process, mount, host name and IPC namespace of its own. It has the
/// machine's lock for its standard input, so the lock is held for exactly as long as it lives.
fn launch(lab: &Lab, namespace: &str, machine: &MachineFiles) -> Result<()> {
    let alive = files::lock_file(&machine.alive())?;
    alive.lock().map_err(LabError::file("locked", &machine.alive()))?;
    let console = console(machine)?;
    let errors = console.try_clone().map_err(LabError::file("written", &machine.console()))?;
    let started = Command::new("setsid")
        .args(["--fork", "nsenter"])
        .arg(format!("--net={}", tools::file(namespace)))
        .args(["--", "unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--mount-proc"])
        .arg(lab.program())
        .args(["lab", "machine"])
        .arg(machine.dir())
        .stdin(Stdio::from(alive))
        .stdout(Stdio::from(console))
        .stderr(Stdio::from(errors))
        .status();
    let failed = |message| LabError::Tool { command: "setsid nsenter unshare".to_owned(), message };
    match started {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(e) => Err(failed(e.to_string())),
    }
}

fn console(machine: &MachineFiles) -> Result<File> {
    let path = machine.console();
    let opened = OpenOptions::new().append(true).create(true).open(&path);
    opened.map_err(LabError::file("opened", &path))
}

/// Whether a machine's first process lives.
pub fn is_alive(machine: &MachineFiles) -> bool {
    let Ok(file) = File::open(machine.alive()) else {
        return false;
    };
    matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}

/// A command that runs what is appended to it within a machine.
pub fn enter(name: &str, namespace: &str) -> Result<Command> {
    let first = tools::processes(namespace)?.into_iter().find(|pid| is_first(*pid));
    let first = first.ok_or_else(|| LabError::Off { name: name.to_owned() })?;
    let mut command = Command::new("nsenter");
    command.args(["--target", &first.to_string()]);
    command.args(["--net", "--mount", "--uts", "--ipc", "--pid", "--"]);
    Ok(command)
}

/// Whether a process is the first one of its process namespace.
fn is_first(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or("");
    let numbers: Vec<_> = numbers.split_whitespace().collect();
    numbers.len() > 1 && numbers.last() == Some(&"1")
}
