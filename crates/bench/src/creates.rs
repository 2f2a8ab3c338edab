//! What it costs to write creations down.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::build::{Keeps, Site};
use crate::fleet;
use crate::measure::Watch;
use crate::table::{Row, Table};

/// The line for 1,000 creations, in seconds of CPU.
const LINE: f64 = 1.0;

/// Machines that are made, and then a fleet with as many creations that is built to the end.
pub async fn run(creates: usize, table: &mut Table) -> Result<()> {
    machines(creates, Keeps::InMemory, table).await?;
    machines(creates, Keeps::InState, table).await?;
    fleet_of(creates.div_ceil(4), table).await
}

/// One pass over a target that wants so many machines and nothing else.
async fn machines(creates: usize, keeps: Keeps, table: &mut Table) -> Result<()> {
    let account = json!({ "kind": "sim", "asns": [64_500], "locations": { "north": "n1" },
        "limits": { "requests_per_hour": 3_600_000_000u32, "parallel": 64 } });
    let site = Site::new(&fleet::single(creates, 0, &account)?, keeps).await?;
    let plan = site.engine.replan(0).await?;
    site.engine.adopt(&plan, "bench").await?;
    let watch = Watch::start()?;
    let passed = site.engine.pass().await?;
    let cost = watch.cost()?;
    ensure!(passed.done >= creates, "only {} of {creates} were made", passed.done);
    let (name, judged) = match keeps {
        Keeps::InMemory => ("machines made, the cloud's own rows not counted", true),
        Keeps::InState => ("machines made, the cloud's own rows in the state file too", false),
    };
    table.add(Row {
        name: name.to_owned(),
        size: format!("{creates} creates, {} steps", passed.done),
        cost,
        peak: None,
        line: (judged && creates == 1_000).then(|| (format!("{LINE} s CPU"), cost.cpu < LINE)),
    });
    Ok(())
}

/// A whole life from nothing to the published catalog: plans, listings and signatures too.
async fn fleet_of(nodes: usize, table: &mut Table) -> Result<()> {
    let account = json!({ "kind": "sim", "asns": [64_500], "locations": { "north": "n1" },
        "limits": { "requests_per_hour": 3_600_000_000u32, "parallel": 64 },
        "sim": { "boot_time": "1s" } });
    let site = Site::new(&fleet::single(nodes, 3, &account)?, Keeps::InState).await?;
    let watch = Watch::start()?;
    let settled = site.engine.settle(crate::rate::PATIENT, "bench").await?;
    let cost = watch.cost()?;
    ensure!(settled.failed.is_empty(), "a step failed: {:?}", settled.failed.first());
    table.add(Row {
        name: "fleet built, verified and published".to_owned(),
        size: format!("{nodes} nodes, {} creates, {} steps", 4 * nodes, settled.steps),
        cost,
        peak: None,
        line: None,
    });
    Ok(())
}
