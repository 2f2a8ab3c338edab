//! `damm lab up|status|down|censor|enter`

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use damm_clouds::{Clock, Providers};
use damm_fleet::Topology;
use damm_fleet::topology::ProviderKind;
use damm_lab::probe::{Errand, Way};
use damm_lab::{Alive, Lab, LabCloud, LabError, Layout, Status};
use serde_json::json;

use crate::args::Global;
use crate::args::lab::{self as args, LabCommand, Switch};
use crate::commands::init;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Style, Table};
use crate::topology_file::TopologyFile;
use crate::{state, workbench};

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        Self::error(error)
    }
}

/// Does what `damm lab` is asked for.
pub fn run(lab: &args::Lab, global: &Global, output: &Output) -> Result<Exit> {
    let here = || Path::new("lab").to_owned();
    let open = || open(lab.dir.clone().unwrap_or_else(here));
    match &lab.what {
        LabCommand::Up(up) => return self::up(up, lab.dir.clone(), global, output),
        LabCommand::Status => show(&open()?.status()?, output),
        LabCommand::Down => open()?.down()?,
        LabCommand::Censor(c) => open()?.censor(&c.network, c.address, c.switch == Switch::On)?,
        LabCommand::Enter(enter) => return Err(enter_place(&open()?, enter)),
        LabCommand::Probe(probe) => return self::probe(probe, output),
        LabCommand::Internet => super::runtime()?.block_on(damm_lab::internet::serve())?,
        LabCommand::Machine { dir } => match damm_lab::machine::run(dir)? {},
    }
    Ok(Exit::Done)
}

/// The lab of a directory, with this very program for its machines.
pub fn open(dir: PathBuf) -> Result<Lab> {
    let program = std::env::current_exe();
    let program = program.map_err(|e| Failure::error(format!("damm can't find itself: {e}")))?;
    Ok(Lab::new(dir, program))
}

/// The lab of a topology: as told, else beside it.
pub fn dir_of(told: Option<PathBuf>, topology: &str) -> PathBuf {
    told.unwrap_or_else(|| workbench::base(topology).join("lab"))
}

fn up(up: &args::LabUp, dir: Option<PathBuf>, global: &Global, output: &Output) -> Result<Exit> {
    let file = TopologyFile::read(&up.topology, output)?;
    if !has_lab(&file.topology) {
        return Err(Failure::error(format!("no provider of {} is of the kind `lab`", file.name))
            .help("start from examples/lab.json"));
    }
    let lab = open(dir_of(dir, &file.name))?;
    lab.up(&Layout::of(&file.topology, up.clients)?)?;
    let program = lab.program().display().to_string();
    once(&lab, "internet", "internet", &[&program, "lab", "internet"])?;
    if !up.bare {
        init::place_keys(&workbench::base(&file.name), &file.topology.fleet)?;
        serve(&lab, &file.name, global)?;
    }
    show(&lab.status()?, output);
    if !up.bare {
        let log = lab.log("controller");
        let text = format!("The controller builds the fleet and says so in {}", log.display());
        output.note(&Line::of(Style::Accent, "→ ").put(Style::Plain, text));
    }
    Ok(Exit::Done)
}

/// Starts the controller where it stands in the lab.
fn serve(lab: &Lab, topology: &str, global: &Global) -> Result<()> {
    let absolute = |path: &Path| {
        let found = std::path::absolute(path);
        found.map(|p| p.display().to_string()).map_err(|e| Failure::io("find", path, &e))
    };
    let topology = absolute(Path::new(topology))?;
    let state = state::path(global.state.as_deref(), Some(Path::new(&topology)))?;
    let state = format!("sqlite:{}", absolute(&state)?);
    let (lab_dir, program) = (format!("DAMM_LAB={}", absolute(lab.dir())?), lab.program());
    let program = absolute(&program)?;
    let command = ["env", &lab_dir, &program, "--state", &state, "-v", "serve", &topology];
    once(lab, "control", "controller", &command)
}

/// Starts a program, unless something runs there already.
fn once(lab: &Lab, place: &str, name: &str, command: &[&str]) -> Result<()> {
    if lab.processes(place)?.is_empty() {
        lab.start(place, name, command)?;
    }
    Ok(())
}

/// Connects a topology's accounts of the kind `lab` to the lab that stands beside it, or where
/// `DAMM_LAB` says.
///
/// # Errors
///
/// When damm can't find itself.
pub fn connect(
    providers: &mut Providers,
    topology: &Topology,
    file: &str,
    clock: &Arc<dyn Clock>,
) -> Result<()> {
    if !has_lab(topology) {
        return Ok(());
    }
    let told = std::env::var_os("DAMM_LAB").map(PathBuf::from);
    let lab = open(dir_of(told, file))?;
    for (name, provider) in &topology.providers {
        let cloud = LabCloud::new(lab.clone(), name, provider, clock.clone());
        if let Some(cloud) = cloud.filter(|_| provider.kind == ProviderKind::Lab) {
            providers.clouds.insert(name.clone(), Arc::new(cloud));
        }
    }
    Ok(())
}

/// Whether a topology has anything to do with a lab.
pub fn has_lab(topology: &Topology) -> bool {
    topology.providers.values().any(|p| p.kind == ProviderKind::Lab)
}

fn probe(probe: &args::LabProbe, output: &Output) -> Result<Exit> {
    let text = std::fs::read(&probe.by).map_err(|e| Failure::io("read", &probe.by, &e))?;
    let way: Way = serde_json::from_slice(&text).map_err(|e| {
        // Without the text: it holds a client's secret.
        Failure::error(format!("{} says no way, at line {}", probe.by.display(), e.line()))
    })?;
    let errand = match probe.errand.clone() {
        args::Errand::Stream { to } => Errand::Stream { to },
        args::Errand::Short { to } => Errand::Short { to },
        args::Errand::Bulk { to, bytes } => Errand::Bulk { to, bytes },
        args::Errand::Names { name } => Errand::Names { name },
        args::Errand::Page { at, path } => Errand::Page { at, path },
    };
    let told = super::runtime()?.block_on(damm_lab::probe::run(&way, &errand));
    let mut page = output.page();
    told.failed.iter().for_each(|f| page.line(Line::of(Style::Bad, format!("✗ {f}"))));
    page.say(format!("{} done, {} ms at the longest", told.done, told.longest_ms));
    output.result("probe", &told, &page);
    // Reading standard input can't be broken off, so the process is.
    std::process::exit(Exit::Done as i32)
}

/// Gives this process over to the program; it comes back only when that can't be.
fn enter_place(lab: &Lab, enter: &args::LabEnter) -> Failure {
    match lab.enter(&enter.place) {
        Ok(mut command) => {
            let error = command.args(&enter.command).exec();
            Failure::error(format!("the program can't be run: {error}"))
        }
        Err(e) => e.into(),
    }
}

fn show(status: &Status, output: &Output) {
    let mut page = output.page();
    page.line(Line::of(Style::Bold, "Clients"));
    let mut clients = Table::new(&["CLIENT", "NETWORK", "ADDRESSES"]);
    for (name, client) in &status.layout.clients {
        let addresses = client.site.both().map(|a| a.to_string()).join(" ");
        clients.row([name, &client.network, &addresses].map(Line::plain).into());
    }
    clients.draw(&mut page);
    page.gap();
    page.line(Line::of(Style::Bold, "Machines"));
    let mut machines = Table::new(&["MACHINE", "STATE", "PROVIDER", "NODE", "ADDRESSES"]);
    for m in &status.machines {
        let addresses = m.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let cells = [&m.name, how(m.alive), &m.provider, &m.subject, &addresses];
        machines.row(cells.map(Line::plain).into());
    }
    machines.draw(&mut page);
    for (network, address) in &status.censored {
        page.line(Line::of(Style::Warn, format!("! {address} is dropped for {network}")));
    }
    output.result("lab", value(status), &page);
}

const fn how(alive: Alive) -> &'static str {
    match alive {
        Alive::Running => "running",
        Alive::Starting => "starting",
        Alive::Off => "off",
    }
}

fn value(status: &Status) -> serde_json::Value {
    json!({
        "networks": status.layout.networks,
        "clients": status.layout.clients,
        "machines": status.machines.iter().map(|m| json!({
            "name": m.name, "state": how(m.alive), "provider": m.provider, "node": m.subject,
            "addresses": m.addresses,
        })).collect::<Vec<_>>(),
        "censored": status.censored.iter().map(|(network, address)| json!({
            "network": network, "address": address,
        })).collect::<Vec<_>>(),
    })
}
