//! Plans of large fleets from stored state, each in a process of its own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use damm_fleet::topology;
use damm_planner::lint;
use damm_store::{Access, Store};
use serde::{Deserialize, Serialize};

use crate::measure::{Cost, Watch, cpu, peak_mib};
use crate::table::{Row, Table};
use crate::{fleet, state};

/// The line for 10,000 nodes: seconds of CPU and MiB.
const LINE: (f64, f64) = (1.0, 300.0);
/// How many times as much 100,000 nodes may take.
const TENFOLD: f64 = 12.0;

/// What a child process tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Told {
    /// All of the process, from its start.
    plan: Cost,
    /// The linter, after the plan.
    lint: Cost,
    /// Before the linter ran.
    peak: f64,
    /// Entries that the plan changes.
    changes: usize,
}

/// One plan in this process, which was started for it.
pub async fn child(case: &str, dir: &Path) -> Result<()> {
    let watch = Watch::start()?;
    let text = std::fs::read_to_string(dir.join("topology.json"))?;
    let topology = topology::load("topology.json", &text).map_err(|e| anyhow::anyhow!("{e}"))?;
    let file = if case == "first" { "empty.db" } else { "damm.db" };
    let store = Store::open(&dir.join(file), Access::Read).await?;
    let (mut lint_cost, mut peak, mut planned) = (Cost::default(), 0.0, Cost::default());
    let next = state::plan_from(&store, &topology, |situation, next| {
        planned = Cost { cpu: cpu()?, ..watch.cost()? };
        peak = peak_mib()?;
        let watch = Watch::start()?;
        let broken = lint(situation, &next.blueprint);
        ensure!(broken.is_empty(), "the linter found {broken:?}");
        lint_cost = watch.cost()?;
        Ok(())
    });
    let changes = next.await?.diff.0.len();
    let told = Told { plan: planned, lint: lint_cost, peak, changes };
    println!("{}", serde_json::to_string(&told)?);
    Ok(())
}

fn spawn(case: &str, dir: &Path) -> Result<Told> {
    let this = std::env::current_exe()?;
    let output = Command::new(this).arg("one-plan").arg(case).arg(dir).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the plan `{case}` failed: {words}");
    serde_json::from_slice(&output.stdout).context("the child told something else")
}

/// The median of three runs, as the machine may be shared; of a very large fleet a single one.
fn measure(case: &str, size: usize, dir: &Path) -> Result<Told> {
    let times = if size > 10_000 { 1 } else { 3 };
    let runs = (0..times).map(|_| spawn(case, dir));
    let mut runs = runs.collect::<Result<Vec<_>>>()?;
    runs.sort_by(|a, b| a.plan.cpu.total_cmp(&b.plan.cpu));
    Ok(runs.swap_remove(times / 2))
}

/// Plans at each of these sizes.
pub async fn run(sizes: &[usize], table: &mut Table) -> Result<()> {
    let mut tenth = None;
    for size in sizes {
        let at = one_size(*size, tenth, table).await?;
        tenth = (*size == 10_000).then_some(at);
    }
    Ok(())
}

/// A topology file of this size, the state of its fleet in service, and an empty one.
pub async fn stage(size: usize, dir: &Path) -> Result<()> {
    let written = serde_json::to_string_pretty(&fleet::topology(size))?;
    std::fs::write(dir.join("topology.json"), &written)?;
    let empty = Store::open(&dir.join("empty.db"), Access::Write).await?;
    empty.close().await?;
    state::make(&dir.join("damm.db"), &serde_json::from_str(&written)?).await
}

/// CPU seconds of the plan that changes nothing.
async fn one_size(size: usize, tenth: Option<f64>, table: &mut Table) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    stage(size, dir.path()).await?;
    let state = dir.path().join("damm.db");
    let nothing = measure("nothing", size, dir.path())?;
    ensure!(nothing.changes == 0, "the plan of a fleet in service changes it");
    add(table, "plan, nothing to change", size, &nothing, tenth);
    state::block_one(&state).await?;
    let blocked = measure("blocked", size, dir.path())?;
    ensure!(blocked.changes > 0, "a blocked door changes nothing");
    add(table, "plan, one front door blocked", size, &blocked, tenth);
    state::age_one(&state).await?;
    let aged = measure("aged", size, dir.path())?;
    ensure!(aged.changes > 0, "an aged node changes nothing");
    add(table, "plan, one node aged", size, &aged, tenth);
    let first = measure("first", size, dir.path())?;
    ensure!(first.changes >= size, "a first plan makes too little");
    add(table, "plan, all to be built", size, &first, tenth);
    table.add(Row {
        name: "linter, nothing changed".to_owned(),
        size: format!("{size} nodes"),
        cost: nothing.lint,
        peak: None,
        line: None,
    });
    Ok(nothing.plan.cpu)
}

fn add(table: &mut Table, name: &str, size: usize, told: &Told, tenth: Option<f64>) {
    let (cpu, mib) = LINE;
    let line = match (size, tenth) {
        (10_000, _) => {
            let met = told.plan.cpu < cpu && told.peak < mib;
            Some((format!("{cpu} s CPU, {mib} MiB"), met))
        }
        (100_000, Some(tenth)) => {
            let most = TENFOLD * tenth;
            let met = told.plan.cpu <= most;
            Some((format!("{TENFOLD} × 10,000: {most:.1} s CPU"), met))
        }
        _ => None,
    };
    table.add(Row {
        name: name.to_owned(),
        size: format!("{size} nodes"),
        cost: told.plan,
        peak: Some(told.peak),
        line,
    });
}
