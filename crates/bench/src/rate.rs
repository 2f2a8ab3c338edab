//! How close a build comes to what an account's limit allows.

use anyhow::{Result, ensure};
use damm_engine::{Budget, Ended};
use damm_fleet::Span;
use serde_json::json;

use crate::build::{Keeps, Site};
use crate::fleet;
use crate::measure::Watch;
use crate::table::{Row, Table};

/// Requests a second.
const LIMIT: u64 = 60;
/// How much longer than the limit allows it may take.
const SLACK: f64 = 0.15;
/// Looks and waits enough for everything to come up.
pub const PATIENT: Budget =
    Budget { polls: 60, patience: Span::from_mins(5), tries: 3, destroyed: 0 };

/// Builds so many nodes at one account that answers after 200 ms.
pub async fn run(nodes: usize, table: &mut Table) -> Result<()> {
    let account = json!({ "kind": "sim", "asns": [64_500], "locations": { "north": "n1" },
        "limits": { "requests_per_hour": LIMIT * 3_600, "parallel": 64 },
        "sim": { "latency": "200ms", "boot_time": "2s" } });
    let site = Site::new(&fleet::single(nodes, 1, &account)?, Keeps::InState).await?;
    let watch = Watch::start()?;
    let settled = site.engine.settle(PATIENT, "bench").await?;
    let cost = watch.cost()?;
    ensure!(settled.ended == Ended::Done, "it ended as {:?}", settled.ended);
    let (calls, turned_away) = site.calls();
    let allowed = calls as f64 / LIMIT as f64;
    let over = 100.0 * (cost.wall / allowed - 1.0);
    let most = allowed * (1.0 + SLACK);
    table.add(Row {
        name: format!("build against {LIMIT} requests a second and 200 ms latency"),
        size: format!("{nodes} nodes, {calls} calls, {turned_away} turned away"),
        cost,
        peak: None,
        line: Some((
            format!("{most:.1} s wall: {allowed:.1} s and 15 % (it is {over:.0} %)"),
            cost.wall <= most,
        )),
    });
    Ok(())
}
