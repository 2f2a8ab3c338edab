//! `damm serve TOPOLOGY`

use damm_engine::{Budget, Ended, Settled};
use damm_fleet::Span;
use serde_json::json;
use tokio::sync::watch;

use crate::args::{Global, Serve};
use crate::clients::Clients;
use crate::commands::verdicts::actor;
use crate::exit::{Exit, Result};
use crate::output::Output;
use crate::progress::Progress;
use crate::render::{Line, Style};
use crate::topology_file::TopologyFile;
use crate::workbench::{Setup, Workbench};
use crate::{agents, clients, interrupt, logs, state};

/// The first wait between two looks while something is under way, and the longest.
const PACE: (Span, Span) = (Span::from_secs(5), Span::from_secs(30));

/// Agents that say something new at about the same moment are heard together.
const TOGETHER: Span = Span::from_secs(1);

/// What was taken down counts against the topology's limit for this long, unless the fleet comes to
/// rest before.
const REMEMBERED: Span = Span::from_hours(1);

/// Holds the state and keeps the fleet as the topology wants it, until it is told to stop.
pub async fn run(args: &Serve, global: &Global, output: &Output) -> Result<Exit> {
    logs::to_stderr(output.verbose);
    let file = TopologyFile::read(&args.topology, output)?;
    let path = state::path(global.state.as_deref(), Some(&args.topology))?;
    let progress = Progress::new(output);
    let setup = Setup::real(file, path, progress.listener())?;
    let bench = Workbench::open(setup).await.inspect_err(|_| progress.finish())?;
    let served = serve(args, &bench, &progress).await;
    progress.finish();
    bench.close().await?;
    let rounds = served?;
    let mut page = output.page();
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, "Stopped; all is written down."));
    output.result("served", json!({ "rounds": rounds }), &page);
    Ok(Exit::Done)
}

async fn serve(args: &Serve, bench: &Workbench, progress: &Progress) -> Result<u64> {
    bench.remember_topology().await?;
    let _watch = interrupt::watch(bench.stop.clone(), None);
    let mut news = bench.agents.as_ref().map(|a| a.news());
    let served = agents::serve(bench, &args.agents, progress).await?;
    let clients = clients::serve(bench, &args.clients, progress).await?;
    let mut loops = Loop::new(bench, args.every);
    let mut rounds = 0;
    while !bench.stop.is_stopped() {
        if let Some(news) = &mut news {
            news.mark_unchanged();
        }
        let wait = loops.round(progress).await?;
        rounds += 1;
        tokio::select! {
            () = rest(bench, wait, &mut news) => {}
            judged = judged(bench, clients.as_ref()) => judged?,
        }
    }
    if let Some(served) = served {
        served.stop().await;
    }
    if let Some(clients) = clients {
        clients.stop().await;
    }
    Ok(rounds)
}

/// Returns once a verdict has changed by what clients report.
async fn judged(bench: &Workbench, clients: Option<&Clients>) -> Result<()> {
    let Some(clients) = clients else { return std::future::pending().await };
    while !clients.look(bench).await? {
        tokio::time::sleep(TOGETHER.to_std()).await;
    }
    Ok(())
}

/// Sleeps until it is time for another look, agents have something new to say, or the process is
/// told to stop.
async fn rest(bench: &Workbench, wait: Span, news: &mut Option<watch::Receiver<u64>>) {
    let said = async {
        let heard = match news {
            Some(news) => news.changed().await.is_ok(),
            None => false,
        };
        match heard {
            true => tokio::time::sleep(TOGETHER.to_std()).await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        () = tokio::time::sleep(wait.to_std()) => {}
        () = said => {}
        () = bench.stop.stopped() => {}
    }
}

/// What goes from one round to the next.
struct Loop<'a> {
    bench: &'a Workbench,
    every: Span,
    pace: Span,
    destroyed: u32,
    since: damm_fleet::Timestamp,
    begun: bool,
    actor: String,
}

impl<'a> Loop<'a> {
    fn new(bench: &'a Workbench, every: Span) -> Self {
        let since = bench.engine.now();
        Self { bench, every, pace: PACE.0, destroyed: 0, since, begun: false, actor: actor() }
    }

    /// One look and all that can be done on it; the answer is how long to wait for the next.
    async fn round(&mut self, progress: &Progress) -> Result<Span> {
        let engine = &self.bench.engine;
        if engine.now().since(self.since) > REMEMBERED {
            (self.since, self.destroyed) = (engine.now(), 0);
        }
        // The waiting is done here, where agents' words can end it.
        // A controller goes on trying: how much it takes down in a day is limited all the same.
        let tries = u32::MAX;
        let budget = Budget { polls: 0, patience: Span::ZERO, tries, destroyed: self.destroyed };
        let settled = match engine.settle(budget, &self.actor).await {
            Ok(settled) => settled,
            Err(error) => {
                let text = crate::failures::chain(&error);
                progress.say(&Line::of(Style::Bad, "✗ ").put(Style::Plain, text));
                // What it left under way is looked up before anything is made again.
                engine.recover().await?;
                return Ok(self.every.min(PACE.1));
            }
        };
        // The first round is told of in any case: from then on the controller is at work.
        if settled.steps > 0 || settled.plans > 0 || !std::mem::replace(&mut self.begun, true) {
            tell(&settled, progress);
        }
        Ok(self.wait(&settled))
    }

    fn wait(&mut self, settled: &Settled) -> Span {
        let now = self.bench.engine.now();
        self.destroyed = settled.destroyed;
        self.pace = match settled.steps > 0 || settled.plans > 0 {
            true => PACE.0,
            false => self.pace.scale(1.5).min(PACE.1),
        };
        match settled.ended {
            Ended::Done | Ended::Stopped => {
                (self.since, self.destroyed) = (now, 0);
                self.every
            }
            Ended::Fruitless => self.pace.min(self.every),
            Ended::Waiting { next } => {
                let next = next.map_or(self.pace, |at| at.since(now).max(TOGETHER));
                next.min(self.pace).min(self.every)
            }
        }
    }
}

fn tell(settled: &Settled, progress: &Progress) {
    let (plans, steps) = (settled.plans, settled.steps);
    let left = match settled.ended {
        Ended::Done => "nothing is left to do",
        Ended::Waiting { .. } => "what is left has to wait",
        Ended::Fruitless => "what is made does not come up",
        Ended::Stopped => "stopped",
    };
    let text = format!("{plans} plans, {steps} steps; {left}");
    progress.say(&Line::of(Style::Dim, "… ").put(Style::Dim, text));
}
