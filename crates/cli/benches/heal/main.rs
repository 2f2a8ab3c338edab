//! How long a fleet takes to heal, in the lab, with real packets: from the moment a censor drops
//! the address of a front door, until a verdict stands, until no catalog names the door, and until
//! its clients are served by another one. Needs root.
//!
//! ```text
//! cargo bench -p damm-cli --bench heal                  the table
//! cargo bench -p damm-cli --bench heal -- 300:2         300 clients who report, two rounds
//! ```
//!
//! What is real: the controller, the nodes and their agents, the front doors, the censor in the
//! packets' way, every attempt of every client with its receipt, every report at its client's own
//! moment, catalogs fetched and verified. What is not: the weeks and hours before, in which clients
//! enrolled and reported that all was well, are played on another clock.

#![allow(clippy::unwrap_used, reason = "what does not work here ends it")]

mod crowd;
mod past;
mod stage;

use std::path::Path;
use std::process::ExitCode;

use stage::{Figures, Stage};

/// Clients who report, and rounds.
const TABLE: [(u32, usize); 3] = [(1_000, 4), (300, 3), (100, 2)];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (sizes, needs) = match args.as_slice() {
        ["crowd", file, of] => return crowd::run(Path::new(file), of),
        [] => (TABLE.to_vec(), Stage::unmet()),
        sizes => (sizes.iter().map(|s| size(s)).collect(), Stage::unmet()),
    };
    if needs {
        return ExitCode::SUCCESS;
    }
    println!("| clients who report | rounds | what | p50, s | p95, s |");
    println!("|---:|---:|---|---:|---:|");
    for (clients, rounds) in sizes {
        let mut stage = Stage::new(clients);
        let figures: Vec<Figures> = (0..rounds).map(|_| stage.round()).collect();
        rows(clients, &figures);
    }
    ExitCode::SUCCESS
}

/// `300:2` is 300 clients and two rounds.
fn size(text: &str) -> (u32, usize) {
    let parts = text.split_once(':').and_then(|(n, r)| Some((n.parse().ok()?, r.parse().ok()?)));
    parts.expect("say it as 300:2, which is 300 clients and two rounds")
}

fn rows(clients: u32, rounds: &[Figures]) {
    let row = |what: &str, mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * seconds.len() as f64).ceil() as usize;
            seconds.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        let (half, most) = (at(0.5), at(0.95));
        println!("| {clients} | {} | {what} | {half:.0} | {most:.0} |", rounds.len());
    };
    let of = |figure: fn(&Figures) -> f64| rounds.iter().map(figure).collect::<Vec<f64>>();
    row("first failure reported", of(|f| f.first));
    row("verdict", of(|f| f.verdict));
    row("no catalog names it", of(|f| f.unnamed));
    row(
        "a bucket is served by another door",
        rounds.iter().flat_map(|f| f.served.clone()).collect(),
    );
    let failures: Vec<String> = rounds.iter().map(|f| f.failures.to_string()).collect();
    println!(
        "| {clients} | {} | failures reported until the verdict: {} | | |",
        rounds.len(),
        failures.join(", ")
    );
}
