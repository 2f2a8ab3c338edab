//! What damm costs in time and memory, printed as a table.
//!
//! ```text
//! cargo run --release -p damm-bench                 everything, half an hour
//! cargo run --release -p damm-bench -- plan 10000   one part, at a size of one's own
//! ```
//!
//! Nothing here fails for being slow: the figures are to be read.

mod assign;
mod build;
mod creates;
mod dataplane;
mod fleet;
mod insider;
mod measure;
mod plan;
mod rate;
mod reach;
mod reports;
mod state;
mod table;

use anyhow::{Result, bail};
use damm_world::Plan;

use crate::table::Table;

/// The sizes that the lines are drawn for, in nodes.
const PLANS: [usize; 3] = [1_000, 10_000, 100_000];
/// Creations that are written down.
const CREATES: usize = 1_000;
/// Nodes that are built against a limit of requests.
const BUILT: usize = 500;

fn main() -> Result<()> {
    // A machine of the data plane has a runtime of its own.
    damm_testbed::serve_if_asked();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut table = Table::default();
    match args.as_slice() {
        // What `plan` starts, so that each figure is of a process of its own.
        ["one-plan", case, dir] => return plan::child(case, dir.as_ref()).await,
        // What `reports` starts, to send them.
        ["reports-load", at, file] => return reports::child(at, file.as_ref()),
        // A state to be kept, for a profiler to look at one plan of it.
        ["state", size, dir] => return plan::stage(size.parse()?, dir.as_ref()).await,
        [] => {
            dataplane::run(&mut table)?;
            plan::run(&PLANS, &mut table).await?;
            creates::run(CREATES, &mut table).await?;
            rate::run(BUILT, &mut table).await?;
            reach::run(&reach::SEEDS.map(Plan::reference), &mut table)?;
            assign::run(assign::REFERENCE, &mut table)?;
            reports::run(reports::CLIENTS, &mut table)?;
        }
        ["dataplane"] => dataplane::run(&mut table)?,
        ["plan"] => plan::run(&PLANS, &mut table).await?,
        ["plan", size] => plan::run(&[size.parse()?], &mut table).await?,
        ["creates"] => creates::run(CREATES, &mut table).await?,
        ["creates", size] => creates::run(size.parse()?, &mut table).await?,
        ["rate"] => rate::run(BUILT, &mut table).await?,
        ["rate", size] => rate::run(size.parse()?, &mut table).await?,
        ["reach"] => reach::run(&reach::SEEDS.map(Plan::reference), &mut table)?,
        // Worlds that are small enough to be played in seconds.
        ["reach", "small"] => reach::run(&reach::SEEDS.map(Plan::small), &mut table)?,
        ["reports"] => reports::run(reports::CLIENTS, &mut table)?,
        ["reports", clients] => reports::run(clients.parse()?, &mut table)?,
        ["assign"] => assign::run(assign::REFERENCE, &mut table)?,
        ["assign", doors] => {
            let size =
                assign::Size { clients: 10_000, doors: doors.parse()?, buckets: [16, 64, 256] };
            assign::run(size, &mut table)?;
        }
        _ => bail!(
            "say nothing, or one of `dataplane`, `plan`, `creates`, `rate`, `reach`, `reports` and \
             `assign`, and then a size"
        ),
    }
    println!("{table}");
    Ok(())
}
