//! What it costs to hear what clients report, over HTTP and with every token checked.
//!
//! The server is the real one, in a process of its own CPU time; the clients are another process on
//! the same machine, so what is measured on the clock pays for both. Time stands still while a
//! minute's reports come in, and all of them come at their clients' moments.

mod load;
mod stage;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::measure::{Cost, Watch};
use crate::table::{Row, Table};
pub use load::child;
use stage::Stage;

/// Clients that are known, of which one in thirty reports in each minute.
pub const CLIENTS: u32 = 300_000;
/// Doors that each client says something of.
const ENTRIES: [usize; 2] = [3, 8];
/// Minutes that are measured.
const MINUTES: u32 = 5;
/// Entries heard in a second, which are to be reached on two cores.
const LINE: f64 = 60_000.0;

/// Measures both sizes of reports.
pub fn run(clients: u32, table: &mut Table) -> Result<()> {
    // The server has a runtime of its own, which can't be within the bench's.
    let both = || ENTRIES.iter().try_for_each(|entries| measure(clients, *entries, table));
    let ended = std::thread::scope(|scope| scope.spawn(both).join());
    ended.unwrap_or_else(|_| bail!("a thread of the bench ended early"))
}

fn measure(clients: u32, entries: usize, table: &mut Table) -> Result<()> {
    let stage = Stage::new(clients, entries)?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("requests");
    let sizes = stage.write_down(MINUTES, &file)?;
    stage.is_heard()?;
    let mut load = Load::start(stage.address(), &file)?;
    let mut spent = Cost::default();
    for (minute, requests) in sizes.iter().enumerate() {
        stage.minute(minute as u32)?;
        let watch = Watch::start()?;
        load.send(*requests)?;
        let cost = watch.cost()?;
        spent = Cost { cpu: spent.cpu + cost.cpu, wall: spent.wall + cost.wall };
    }
    load.stop()?;
    let requests: usize = sizes.iter().sum();
    let of = requests * entries;
    stage.has_spent(of)?;
    rows(clients, (requests, of), spent, stage.memory(), table);
    Ok(())
}

fn rows(clients: u32, (requests, entries): (usize, usize), cost: Cost, bytes: f64, t: &mut Table) {
    let pace = entries as f64 / cost.wall;
    let each = 1e6 * cost.cpu / entries as f64;
    t.add(Row {
        name: format!("reports heard over HTTP, {} of doors in each request", entries / requests),
        size: format!("{requests} requests, {each:.1} µs of CPU for each door's"),
        cost,
        peak: None,
        line: Some((format!("{LINE:.0} a second (it is {pace:.0})"), pace >= LINE)),
    });
    t.add(Row {
        name: "memory for a client that is known".into(),
        size: format!("{clients} clients, {bytes:.0} bytes each"),
        cost: Cost::default(),
        peak: None,
        line: None,
    });
}

/// The process that sends.
struct Load {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Load {
    fn start(at: SocketAddr, file: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("reports-load").arg(at.to_string()).arg(file);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take().context("it was piped")?;
        let from = BufReader::new(child.stdout.take().context("it was piped")?);
        let mut load = Self { child, to, from };
        load.heard("ready")?;
        Ok(load)
    }

    /// Has so many requests sent, and returns once all are answered.
    fn send(&mut self, requests: usize) -> Result<()> {
        writeln!(self.to, "{requests}")?;
        self.heard("done")
    }

    fn heard(&mut self, word: &str) -> Result<()> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        ensure!(line.trim() == word, "what sends the reports said {line:?}");
        Ok(())
    }

    fn stop(mut self) -> Result<()> {
        drop(self.to);
        ensure!(self.child.wait()?.success(), "what sends the reports failed");
        Ok(())
    }
}
