//! What packets pay for damm: ratios, each of two things measured in turn in one run.

mod change;
mod throughput;
mod turns;

use anyhow::Result;
use damm_testbed::Bed;

use crate::measure::Cost;
use crate::table::{Row, Table};

/// Measures all of it; without root, says that it needs it.
pub fn run(table: &mut Table) -> Result<()> {
    // The machines are this program: it becomes one before it looks at its arguments.
    let bed = || Bed::new(&[]);
    if let Err(why) = bed() {
        eprintln!("the data plane is not measured: {why}");
        return Ok(());
    }
    throughput::forwarding(bed()?, table)?;
    throughput::overlay(bed()?, table)?;
    change::spread(bed()?, table)?;
    change::change(bed()?, table)?;
    change::count(bed()?, table)
}

/// A figure that is a ratio or a time in milliseconds, with its line.
fn figure(table: &mut Table, name: &str, is: String, line: &str, met: bool) {
    let (name, line) = (name.to_owned(), Some((line.to_owned(), met)));
    table.add(Row { name, size: is, cost: Cost::default(), peak: None, line });
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
