//! A lab as a whole: making it, looking at it, taking it down.

use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::error::{LabError, Result};
use crate::files::{self, MachineFiles};
use crate::layout::{CONTROL, INTERNET, Layout};
use crate::state::{State, VERSION};
use crate::wires::End;
use crate::{censor, internet, machine, tools, wires};

/// A lab that stands in a directory, or may.
#[derive(Debug, Clone)]
pub struct Lab {
    dir: PathBuf,
    program: PathBuf,
}

/// Something in the lab that programs can be run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alive {
    /// It runs.
    Running,
    /// It is being started.
    Starting,
    /// Its first process is gone.
    Off,
}

/// What a lab looks like.
#[derive(Debug, Clone)]
pub struct Status {
    /// What stands beside the machines.
    pub layout: Layout,
    /// Machines by name: their own address, our mark as text, how they are, and what is attached.
    pub machines: Vec<MachineStatus>,
    /// What each clients' network can't reach.
    pub censored: Vec<(String, IpAddr)>,
}

/// What a machine looks like.
#[derive(Debug, Clone)]
pub struct MachineStatus {
    /// Its name in the lab.
    pub name: String,
    /// The account that it belongs to.
    pub provider: String,
    /// The node that it is.
    pub subject: String,
    /// How it is.
    pub alive: Alive,
    /// Its own addresses, and those that are attached.
    pub addresses: Vec<IpAddr>,
}

impl Lab {
    /// The lab of a directory. `program` is `damm` itself: machines run it.
    pub const fn new(dir: PathBuf, program: PathBuf) -> Self {
        Self { dir, program }
    }

    /// The lab's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the lab, or makes it whole again: what should run and does not, after this machine was
    /// restarted for instance, is started.
    ///
    /// # Errors
    ///
    /// Without root or a program that is needed, and failures of the system.
    pub fn up(&self, layout: &Layout) -> Result<()> {
        tools::check()?;
        files::directory(&self.dir)?;
        let dir = self.dir.canonicalize().map_err(LabError::file("found", &self.dir))?;
        let _lock = self.lock()?;
        files::directory(&dir.join("bin"))?;
        files::link(&self.program, &dir.join("bin/damm"))?;
        let known = self.read()?;
        let mut state = known.unwrap_or_else(|| State::new(id(&dir), layout.clone()));
        state.layout = layout.clone();
        state.unsettled = true;
        self.write(&state)?;
        self.settle(&mut state, true)?;
        self.write(&state)
    }

    /// Takes the lab down with all that is in it, and removes its files. Nothing is left, and
    /// nothing happens where nothing is.
    ///
    /// # Errors
    ///
    /// Without root, and failures of the system.
    pub fn down(&self) -> Result<()> {
        tools::check()?;
        if !self.dir.join(STATE).exists() {
            return Ok(());
        }
        let lock = self.lock()?;
        if let Some(state) = self.read()? {
            let prefix = state.namespace("");
            let listed = tools::run("ip", &["netns", "list"])?;
            let names = listed.lines().filter_map(|l| l.split(' ').next());
            for namespace in names.filter(|n| n.starts_with(&prefix)) {
                tools::kill_all(namespace)?;
                tools::run("ip", &["netns", "del", namespace])?;
            }
        }
        for part in ["machines", "bin", "logs", STATE, LOCK] {
            files::remove(&self.dir.join(part))?;
        }
        drop(lock);
        // Whoever put something else there keeps it.
        drop(std::fs::remove_dir(&self.dir));
        Ok(())
    }

    /// What the lab looks like.
    ///
    /// # Errors
    ///
    /// [`LabError::NotUp`], and failures of the system.
    pub fn status(&self) -> Result<Status> {
        let state = self.state()?;
        let machines = state.machines.iter().map(|(name, m)| {
            let own = [Some(m.v4.into()), m.v6.map(IpAddr::from)].into_iter().flatten();
            MachineStatus {
                name: name.clone(),
                provider: m.held.provider.to_string(),
                subject: m.held.tag.subject.to_string(),
                alive: self.alive(name, m.booted),
                addresses: own.chain(state.attached(name).map(|a| a.address)).collect(),
            }
        });
        Ok(Status {
            machines: machines.collect(),
            layout: state.layout.clone(),
            censored: state.censored.iter().cloned().collect(),
        })
    }

    /// A command that runs what is appended to it where a client, a machine, `internet`, `control`
    /// or `core` stands. In a machine it sees the machine's own files and processes.
    ///
    /// # Errors
    ///
    /// When there is nothing of that name, or the machine is off.
    pub fn enter(&self, name: &str) -> Result<Command> {
        let state = self.state()?;
        let namespace = state.namespace(name);
        if !tools::exists(&namespace) {
            let known = state.machines.keys().chain(state.layout.clients.keys());
            let known = known.map(String::as_str).chain(["internet", "control", "core"]);
            let known = known.collect::<Vec<_>>().join(", ");
            return Err(LabError::Unknown { what: "place", name: name.to_owned(), known });
        }
        match state.machines.contains_key(name) {
            true => machine::enter(name, &namespace),
            false => Ok(tools::enter(&namespace)),
        }
    }

    /// Starts a program where something of the lab stands, to run until the lab is taken down; what
    /// it prints goes to a file in the lab's directory.
    ///
    /// # Errors
    ///
    /// As [`enter`](Self::enter), and failures of the system.
    pub fn start(&self, place: &str, name: &str, args: &[&str]) -> Result<()> {
        let log = self.log(name);
        files::directory(&self.dir.join("logs"))?;
        let output = File::create(&log).map_err(LabError::file("written", &log))?;
        let errors = output.try_clone().map_err(LabError::file("written", &log))?;
        let mut command = self.enter(place)?;
        command.args(["setsid", "--fork"]).args(args);
        command.stdin(std::process::Stdio::null()).stdout(output).stderr(errors);
        let started = command.status();
        started
            .map(drop)
            .map_err(|e| LabError::Tool { command: name.to_owned(), message: e.to_string() })
    }

    /// The processes that run where something of the lab stands.
    ///
    /// # Errors
    ///
    /// [`LabError::NotUp`], and failures of the system.
    pub fn processes(&self, place: &str) -> Result<Vec<u32>> {
        tools::processes(&self.state()?.namespace(place))
    }

    /// Where a program that was [started](Self::start) prints to.
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    /// The lab's copy of `damm`, which its machines run.
    pub fn program(&self) -> PathBuf {
        self.dir.join("bin/damm")
    }

    pub(crate) fn machine_files(&self, name: &str) -> MachineFiles {
        MachineFiles::at(self.dir.join("machines").join(name))
    }

    pub(crate) fn alive(&self, name: &str, booted: bool) -> Alive {
        match (machine::is_alive(&self.machine_files(name)), booted) {
            (true, _) => Alive::Running,
            (false, false) => Alive::Starting,
            (false, true) => Alive::Off,
        }
    }

    /// The lab as it is. A change that another process is making is waited for.
    pub(crate) fn state(&self) -> Result<State> {
        tools::check()?;
        let not_up = || LabError::NotUp { dir: self.dir.clone() };
        if !self.dir.join(STATE).exists() {
            return Err(not_up());
        }
        let _lock = self.lock()?;
        self.settled()
    }

    /// Changes the lab. What `change` does to namespaces can be done again: if this process dies
    /// meanwhile, the next one that looks at the lab makes them what the file says.
    pub(crate) fn change<T, E: From<LabError>>(
        &self,
        change: impl FnOnce(&mut State) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        if !self.dir.join(STATE).exists() {
            return Err(LabError::NotUp { dir: self.dir.clone() }.into());
        }
        tools::check()?;
        let _lock = self.lock()?;
        let mut state = self.settled()?;
        let before = state.clone();
        // After a failure the file says what it said last: that something is left to be settled,
        // when it had come so far.
        let changed = change(&mut state)?;
        if state != before {
            self.write(&state)?;
        }
        Ok(changed)
    }

    /// Notes what is about to be done to namespaces, so that it is done even if this process dies.
    pub(crate) fn intend(&self, state: &mut State) -> Result<()> {
        state.unsettled = true;
        let written = self.write(state);
        state.unsettled = false;
        written
    }

    fn settled(&self) -> Result<State> {
        let state = self.read()?;
        let mut state = state.ok_or_else(|| LabError::NotUp { dir: self.dir.clone() })?;
        if state.unsettled {
            self.settle(&mut state, false)?;
            self.write(&state)?;
        }
        Ok(state)
    }

    /// Makes the namespaces what the file says. Machines that are off stay so, unless `revive`.
    fn settle(&self, state: &mut State, revive: bool) -> Result<()> {
        let core = state.namespace("core");
        wires::make_core(&core)?;
        censor::apply(state)?;
        self.settle_sites(state, &core)?;
        let machines = state.machines.clone();
        for (name, known) in &machines {
            let stands = tools::exists(&state.namespace(name));
            let runs = machine::is_alive(&self.machine_files(name));
            if !(stands && (runs || known.booted && !revive)) {
                machine::start(self, state, name)?;
            }
            state.machines.entry(name.clone()).and_modify(|m| m.booted = true);
        }
        self.settle_routes(state, &core)?;
        self.sweep(state, &core)?;
        state.unsettled = false;
        Ok(())
    }

    /// The server, the controller's place and the clients.
    fn settle_sites(&self, state: &State, core: &str) -> Result<()> {
        let clients = state.layout.clients.iter().map(|(name, c)| (name.as_str(), c.site));
        for (name, site) in clients.chain([("internet", INTERNET), ("control", CONTROL)]) {
            let namespace = state.namespace(name);
            if !tools::exists(&namespace) {
                let link = link_name(name);
                wires::connect(core, End::at(&link, &namespace, site))?;
            }
        }
        let namespace = state.namespace("internet");
        let end = End::at("internet", &namespace, INTERNET);
        for address in internet::addresses().filter(|a| !INTERNET.both().contains(a)) {
            wires::hold(core, end, address)?;
        }
        Ok(())
    }

    fn settle_routes(&self, state: &State, core: &str) -> Result<()> {
        for address in state.addresses.values() {
            let holder = address.machine.as_ref();
            match holder.and_then(|name| Some((name, state.machines.get(name)?))) {
                Some((name, m)) => wires::route(core, address.address, name, m.v4)?,
                None => wires::unroute(core, address.address)?,
            }
        }
        Ok(())
    }

    /// Removes machines that are no longer in the file.
    fn sweep(&self, state: &State, core: &str) -> Result<()> {
        let dir = self.dir.join("machines");
        let Ok(entries) = std::fs::read_dir(&dir) else {
            return Ok(());
        };
        for entry in entries.filter_map(std::result::Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !state.machines.contains_key(&name) {
                wires::disconnect(core, &name, &state.namespace(&name))?;
                files::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> Result<File> {
        let path = self.dir.join(LOCK);
        let file = files::lock_file(&path)?;
        file.lock().map_err(LabError::file("locked", &path))?;
        Ok(file)
    }

    fn read(&self) -> Result<Option<State>> {
        let path = self.dir.join(STATE);
        let damaged = |message: String| LabError::Damaged { path: path.clone(), message };
        let Some(text) = files::get(&path)? else {
            return Ok(None);
        };
        let state: State = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        match state.version == VERSION {
            true => Ok(Some(state)),
            false => Err(damaged(format!("it is of the form {}", state.version))),
        }
    }

    fn write(&self, state: &State) -> Result<()> {
        // All keys are texts and all values are finite, so this does not fail.
        let text = serde_json::to_vec_pretty(state).unwrap_or_default();
        files::put(&self.dir.join(STATE), &text)
    }
}

const STATE: &str = "lab.json";
const LOCK: &str = "lab.lock";

/// Two labs of one machine have different directories, and so different names for namespaces.
fn id(dir: &Path) -> String {
    let digest = Sha256::digest(dir.as_os_str().as_encoded_bytes());
    digest.iter().take(3).map(|byte| format!("{byte:02x}")).collect()
}

/// A name for a link that the kernel takes: 15 symbols at most. Clients' numbers follow their
/// networks', which may be long.
fn link_name(name: &str) -> String {
    name.strip_prefix("as").map_or_else(|| name.to_owned(), |rest| format!("c{rest}"))
}
