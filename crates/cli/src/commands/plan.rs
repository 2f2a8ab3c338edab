//! `damm plan TOPOLOGY`

use std::path::Path;

use damm_engine::Listener;
use damm_fleet::{Blueprint, BlueprintId, Inventory, Offers, Seed, Timestamp, Verdicts};
use damm_planner::{Forecast, Plan, Situation, forecast, plan};
use damm_store::{Access, Error as StoreError, Store};
use serde_json::json;

use crate::args::{Global, Plan as Args};
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::plan_file::{KIND, PlanFile, VERSION};
use crate::render::{Line, Page, Style, plan as picture};
use crate::topology_file::TopologyFile;
use crate::workbench::{Setup, Workbench};
use crate::{clock, state};

/// A plan with all that is told of it.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What would follow.
    pub forecast: Forecast,
    /// When it was made.
    pub now: Timestamp,
    /// Steps of the current target that are still to be made.
    pub pending: usize,
    /// What a reader has to know about how it was made.
    pub note: Option<String>,
}

/// Shows what would be done.
pub async fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit> {
    let file = TopologyFile::read(&args.topology, output)?;
    let path = state::path(global.state.as_deref(), Some(&args.topology))?;
    let planned = match path.exists() {
        true => from_state(&file, &path, output).await?,
        false => from_nothing(&file)?,
    };
    let mut page = output.page();
    show(&mut page, &planned, &file, output);
    if let Some(out) = &args.out {
        write(out, &planned, &file)?;
        page.gap();
        page.say(format!("Kept in {}: damm apply {}", out.display(), out.display()));
    } else if !planned.is_idle() {
        page.gap();
        page.say(format!("Next: damm apply {}", args.topology.display()));
    }
    output.result("plan", value(&planned), &page);
    Ok(planned.exit())
}

impl Planned {
    /// Plans on a workbench, from what was just observed.
    pub async fn on(bench: &Workbench) -> Result<Self> {
        let plan = bench.engine.replan(0).await?;
        let seed = clock::seed()?;
        let forecast = bench.situation(|s| forecast(s, &plan, seed)).await?;
        let pending = bench.engine.due().await?.steps.len();
        let now = bench.engine.now();
        Ok(Self { plan, forecast, now, pending, note: None })
    }

    /// Plans on a situation.
    fn of(situation: &Situation<'_>, seed: Seed, note: Option<String>) -> Result<Self> {
        let plan = plan(situation, seed);
        let violations = damm_planner::lint(situation, &plan.blueprint);
        if !violations.is_empty() {
            return Err(damm_engine::Error::Unlawful(violations).into());
        }
        let forecast = forecast(situation, &plan, clock::seed()?);
        Ok(Self { plan, forecast, now: situation.now, pending: 0, note })
    }

    /// Whether an apply would do nothing.
    pub const fn is_idle(&self) -> bool {
        self.plan.diff.is_empty() && self.pending == 0
    }

    /// Whether nothing changes because rotation is halted.
    pub const fn is_halted(&self) -> bool {
        self.is_idle() && !self.plan.report.halts.is_empty()
    }

    fn exit(&self) -> Exit {
        match (self.is_idle(), self.is_halted()) {
            (false, _) => Exit::Changes,
            (true, true) => Exit::Refused,
            (true, false) => Exit::Done,
        }
    }
}

/// Looks at the world when nobody else holds the state; else plans from what is stored.
async fn from_state(file: &TopologyFile, path: &Path, output: &Output) -> Result<Planned> {
    let setup = Setup::real(file.clone(), path.to_owned(), Listener::default())?;
    match Workbench::open(setup).await {
        Ok(bench) => {
            let planned = looked(&bench).await;
            bench.close().await?;
            planned
        }
        Err(failure) if held_elsewhere(path).await => {
            output.note(
                &Line::of(Style::Warn, "note").put(Style::Plain, format!(": {}", failure.message)),
            );
            from_stored(file, path).await
        }
        Err(failure) => Err(failure),
    }
}

async fn looked(bench: &Workbench) -> Result<Planned> {
    bench.engine.refresh().await?;
    Planned::on(bench).await
}

/// Whether another process writes to the state.
async fn held_elsewhere(path: &Path) -> bool {
    match Store::open(path, Access::Write).await {
        Err(StoreError::InUse { .. }) => true,
        Err(_) => false,
        Ok(store) => {
            // It was let go meanwhile, or the failure was another one.
            drop(store.close().await);
            false
        }
    }
}

async fn from_stored(file: &TopologyFile, path: &Path) -> Result<Planned> {
    let store = Store::open(path, Access::Read).await?;
    store.bind_fleet(&file.topology.fleet).await?;
    let now = clock::now();
    let dead_after = file.topology.rotation.dead_after;
    let inventory = damm_engine::inventory::stored(&store, dead_after, now).await?;
    let (parent, verdicts) = (store.target().await?, store.verdicts().await?);
    store.close().await?;
    let situation = Situation {
        topology: &file.topology,
        parent: &parent,
        inventory: &inventory,
        offers: &Offers::of(&file.topology),
        verdicts: &verdicts,
        now,
        destroys_used: 0,
    };
    let note = "planned from what was last observed, as another process holds the state";
    Planned::of(&situation, clock::seed()?, Some(note.to_owned()))
}

/// The plan of a fleet that has no state yet; none is made.
fn from_nothing(file: &TopologyFile) -> Result<Planned> {
    // What every state starts from, so that a plan from here fits the state that an apply makes.
    let parent = Blueprint::genesis(BlueprintId::from_raw(0), clock::now());
    let situation = Situation {
        topology: &file.topology,
        parent: &parent,
        inventory: &Inventory::default(),
        offers: &Offers::of(&file.topology),
        verdicts: &Verdicts::default(),
        now: parent.created_at,
        destroys_used: 0,
    };
    Planned::of(&situation, clock::seed()?, None)
}

/// Writes a plan on a page.
pub fn show(page: &mut Page, planned: &Planned, file: &TopologyFile, output: &Output) {
    if let Some(note) = &planned.note {
        page.wrapped(Line::of(Style::Warn, "! "), Line::plain(note.clone()));
        page.gap();
    }
    let view = picture::View {
        fleet: &file.topology.fleet,
        plan: &planned.plan,
        forecast: &planned.forecast,
        breaker: file.topology.rotation.breaker,
        now: planned.now,
        unfolded: output.verbose > 0,
    };
    picture::draw(page, &view);
    if planned.pending > 0 {
        page.gap();
        let steps = if planned.pending == 1 { "step is" } else { "steps are" };
        page.wrapped(
            Line::of(Style::Warn, "~ "),
            Line::plain(format!(
                "{} {steps} still to be made for the current target",
                planned.pending
            )),
        );
    }
}

/// What `--json` tells of a plan.
pub fn value(planned: &Planned) -> serde_json::Value {
    let blueprint = &planned.plan.blueprint;
    json!({
        "blueprint": blueprint.id,
        "parent": blueprint.parent,
        "planned_at": planned.now,
        "idle": planned.is_idle(),
        "pending_steps": planned.pending,
        "note": planned.note,
        "report": planned.plan.report,
        "forecast": planned.forecast.then,
    })
}

fn write(out: &Path, planned: &Planned, file: &TopologyFile) -> Result<()> {
    let blueprint = &planned.plan.blueprint;
    let full = std::path::absolute(&file.name).unwrap_or_else(|_| file.name.clone().into());
    let sealed = PlanFile {
        kind: KIND.to_owned(),
        version: VERSION,
        fleet: file.topology.fleet.clone(),
        parent: blueprint.parent.unwrap_or(blueprint.id),
        planned_at: planned.now,
        topology_path: full.display().to_string(),
        topology: file.text.clone(),
        plan: planned.plan.clone(),
        forecast: planned.forecast.clone(),
        digest: String::new(),
    }
    .seal()?;
    let io = |e: std::io::Error| Failure::io("write", out, &e);
    let dir = out.parent().filter(|d| *d != Path::new("")).unwrap_or(Path::new("."));
    // Written beside its place first: a plan file is whole or not there.
    let mut staged = tempfile::NamedTempFile::new_in(dir).map_err(io)?;
    std::io::Write::write_all(&mut staged, &sealed).map_err(io)?;
    staged.as_file().sync_all().map_err(io)?;
    staged.persist(out).map_err(|e| io(e.error))?;
    Ok(())
}
