//! A machine's first process: what a kernel, cloud-init and systemd do on a server, as far as an
//! agent can tell.

use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::WaitOptions;
use serde::Deserialize;

use crate::error::{LabError, Result};
use crate::files::{self, MachineFiles};
use crate::layout::{CONTROL, INTERNET};
use crate::machine::Facts;
use crate::tools;

/// Directories of this machine that a machine of the lab has for itself: it sees what is there, and
/// what it changes it changes for itself alone.
const OWN: [&str; 3] = ["/etc", "/var/lib", "/usr/local/bin"];
/// Where a machine has its program.
const PROGRAM: &str = "/usr/local/bin/damm";
/// The directory that it is in.
pub const PROGRAMS: &str = "/usr/local/bin";
/// What the agent is started from.
const SEAT: &str = "/etc/damm/node.json";
/// systemd's `RestartSec`, shorter.
const RESTART: Duration = Duration::from_millis(200);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Boots a machine from its directory, then starts its agent as often as it ends. Only for the
/// first process of a machine's namespaces.
///
/// # Errors
///
/// When the machine can't boot; what it says is in the machine's `console.log`.
pub fn run(dir: &Path) -> Result<Infallible> {
    let machine = MachineFiles::at(dir.to_owned());
    let facts = facts(&machine)?;
    std::thread::sleep(Duration::from_millis(facts.boot_ms));
    let user_data = files::get(&machine.user_data())?;
    mount(&machine)?;
    names(&facts)?;
    if let Some(text) = user_data {
        first_boot(&text)?;
        files::remove(&machine.user_data())?;
    }
    sysctls();
    supervise()
}

fn facts(machine: &MachineFiles) -> Result<Facts> {
    let path = machine.facts();
    let damaged = |message: String| LabError::Damaged { path: path.clone(), message };
    let text = files::get(&path)?.ok_or_else(|| damaged("it is missing".to_owned()))?;
    serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))
}

fn mount(machine: &MachineFiles) -> Result<()> {
    for path in OWN {
        let (layer, work) = (machine.layer(path), machine.work(path));
        files::directory(&layer)?;
        // The directory itself is the layer's: everybody may look into it, as on a server.
        let open = fs::set_permissions(&layer, fs::Permissions::from_mode(0o755));
        open.map_err(LabError::file("opened", &layer))?;
        files::directory(&work)?;
        let options =
            format!("lowerdir={path},upperdir={},workdir={}", layer.display(), work.display());
        tools::run("mount", &["-t", "overlay", "overlay", "-o", &options, path])?;
    }
    tools::run("mount", &["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"])?;
    tools::run("mount", &["-t", "sysfs", "sysfs", "/sys"]).map(drop)
}

/// Host name, the controller's name, and the resolver that a vendor would give.
fn names(facts: &Facts) -> Result<()> {
    let name = &facts.name;
    write("/proc/sys/kernel/hostname", name)?;
    let hosts = format!(
        "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n\
         {} controller.lab\n{} controller.lab\n",
        CONTROL.v4, CONTROL.v6
    );
    write("/etc/hosts", &hosts)?;
    files::remove(Path::new("/etc/resolv.conf"))?;
    write("/etc/resolv.conf", &format!("nameserver {}\n", INTERNET.v4))
}

/// The part of cloud-init's language that the templates speak.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CloudConfig {
    write_files: Vec<WriteFile>,
    users: Vec<User>,
}

#[derive(Debug, Deserialize)]
struct WriteFile {
    path: String,
    content: String,
    #[serde(default = "usual_permissions")]
    permissions: String,
}

fn usual_permissions() -> String {
    "0644".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum User {
    /// `default`: the image's own.
    Usual(#[expect(dead_code, reason = "only its form tells it from the other")] String),
    Named {
        name: String,
    },
}

fn first_boot(user_data: &str) -> Result<()> {
    if user_data.lines().next().map(str::trim_end) != Some("#cloud-config") {
        println!("the user data is no cloud config: nothing to do");
        return Ok(());
    }
    let config: Option<CloudConfig> = serde_saphyr::from_str(user_data).map_err(|e| {
        // Without a piece of the text: it holds a secret.
        let message = e.without_snippet().to_string();
        LabError::Damaged { path: "user-data".into(), message }
    })?;
    let config = config.unwrap_or_default();
    for user in &config.users {
        if let User::Named { name } = user {
            add_user(name)?;
        }
    }
    config.write_files.iter().try_for_each(write_file)
}

/// A system user without a password or a shell.
fn add_user(name: &str) -> Result<()> {
    let known = files::get(Path::new("/etc/passwd"))?.unwrap_or_default();
    if known.lines().any(|l| l.split(':').next() == Some(name)) {
        return Ok(());
    }
    let taken = |id: u32| known.lines().any(|l| l.split(':').nth(2) == Some(&id.to_string()));
    // Debian's range for system users, from its end.
    let id = (100..1000).rev().find(|id| !taken(*id)).unwrap_or(999);
    let groups = files::get(Path::new("/etc/group"))?.unwrap_or_default();
    let user = format!("{name}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin\n");
    write("/etc/passwd", &(known + &user))?;
    write("/etc/group", &(groups + &format!("{name}:x:{id}:\n")))
}

fn write_file(file: &WriteFile) -> Result<()> {
    let path = Path::new(&file.path);
    if let Some(dir) = path.parent() {
        let made = fs::create_dir_all(dir);
        made.map_err(LabError::file("made", dir))?;
    }
    files::put(path, file.content.as_bytes())?;
    let mode = u32::from_str_radix(&file.permissions, 8).unwrap_or(0o644);
    let set = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    set.map_err(LabError::file("written", path))
}

fn write(path: &str, text: &str) -> Result<()> {
    fs::write(path, text).map_err(LabError::file("written", Path::new(path)))
}

/// Applies what `sysctl --system` would, as far as a namespace has it.
fn sysctls() {
    let text = fs::read_to_string("/etc/sysctl.d/60-damm.conf").unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    for (key, value) in lines.filter_map(|l| l.split_once('=')) {
        let path = format!("/proc/sys/{}", key.trim().replace('.', "/"));
        if let Err(e) = fs::write(&path, value.trim()) {
            println!("sysctl {}: {e}", key.trim());
        }
    }
}

/// Starts the agent whenever it does not run, and takes leave of all that ends.
fn supervise() -> ! {
    let mut agent = None;
    loop {
        let seated = Path::new(SEAT).exists();
        if agent.is_none() && seated {
            agent = start_agent().map(|child| child.id());
        }
        let ended = match agent {
            Some(_) => rustix::process::waitpid(None, WaitOptions::empty()),
            None => rustix::process::waitpid(None, WaitOptions::NOHANG),
        };
        let ended = ended.ok().flatten().map(|(pid, _)| pid.as_raw_nonzero().get());
        if ended.is_some() && ended == agent.and_then(|a| i32::try_from(a).ok()) {
            agent = None;
        }
        if agent.is_none() {
            std::thread::sleep(RESTART);
        }
    }
}

fn start_agent() -> Option<Child> {
    let mut command = Command::new(PROGRAM);
    command
        .args(["node", "run", "--config", SEAT, "--state", "/var/lib/damm"])
        .args(["--supervisor", "direct"])
        .env_clear()
        .envs([("PATH", PATH), ("HOME", "/root"), ("RUST_BACKTRACE", "1")])
        .stdin(Stdio::null());
    let started = command.spawn();
    started.inspect_err(|e| println!("the agent can't be started: {e}")).ok()
}
