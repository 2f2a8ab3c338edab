//! `damm apply TOPOLOGY|PLANFILE`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use damm_engine::{Budget, Ended, GivenUp, Hold, Settled};
use damm_fleet::{ProviderName, Span, WaitingOn};
use serde_json::json;

use crate::args::{Apply, Global};
use crate::commands::plan::{self, Planned};
use crate::commands::verdicts::actor;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::plan_file::PlanFile;
use crate::progress::Progress;
use crate::render::{Line, Page, Style, waits};
use crate::topology_file::TopologyFile;
use crate::workbench::{Setup, Workbench};
use crate::{agents, interrupt, state};

/// Longer than any fleet's life; a moment this far ahead can still be written down.
const FOR_EVER: Span = Span::from_days(36_500);

/// What is to be applied.
struct Wanted {
    file: TopologyFile,
    state: PathBuf,
    /// A plan that was made and reviewed before.
    reviewed: Option<PlanFile>,
}

/// Carries a topology or a plan file out.
pub async fn run(args: &Apply, global: &Global, output: &Output) -> Result<Exit> {
    let wanted = read(args, global, output)?;
    let progress = Progress::new(output);
    let setup = Setup::real(wanted.file.clone(), wanted.state.clone(), progress.listener())?;
    let bench = Workbench::open(setup).await.inspect_err(|_| progress.finish())?;
    let applied = match agents::serve(&bench, &args.agents, &progress).await {
        Ok(_served) => apply(args, &wanted, &bench, &progress, output).await,
        Err(failure) => Err(failure),
    };
    progress.finish();
    bench.close().await?;
    applied
}

fn read(args: &Apply, global: &Global, output: &Output) -> Result<Wanted> {
    let text = std::fs::read(&args.what).map_err(|e| Failure::io("read", &args.what, &e))?;
    let text = String::from_utf8_lossy(&text);
    if !PlanFile::is_one(&text) {
        let file = TopologyFile::read(&args.what, output)?;
        let state = state::path(global.state.as_deref(), Some(&args.what))?;
        return Ok(Wanted { file, state, reviewed: None });
    }
    let plan = PlanFile::open(&args.what, &text)?;
    let file = TopologyFile::of(&plan.topology_path, plan.topology.clone(), output)?;
    let state = state::path(global.state.as_deref(), Some(plan.topology_path.as_ref()))?;
    Ok(Wanted { file, state, reviewed: Some(plan) })
}

async fn apply(
    args: &Apply,
    wanted: &Wanted,
    bench: &Workbench,
    progress: &Progress,
    output: &Output,
) -> Result<Exit> {
    let planned = plan(wanted, bench).await?;
    let mut page = output.page();
    plan::show(&mut page, &planned, &wanted.file, output);
    progress.finish();
    output.page_now(&page);
    let adopts = !planned.plan.diff.is_empty();
    if adopts && !args.yes && !agreed(output)? {
        output.note(&Line::plain("Nothing was changed."));
        return Ok(Exit::Done);
    }
    bench.remember_topology().await?;
    if adopts {
        bench.engine.adopt(&planned.plan, &actor()).await?;
    }
    let progress = progress.again();
    let _watch = interrupt::watch(bench.stop.clone(), args.wait);
    let settled = bench.engine.settle(budget(args), &actor()).await;
    progress.finish();
    let settled = settled?;
    let exit = judge(&settled, bench, args);
    let mut page = output.page();
    tell(&mut page, &settled, exit, bench, output);
    output.result("applied", value(&settled, &planned, exit), &page);
    Ok(exit)
}

async fn plan(wanted: &Wanted, bench: &Workbench) -> Result<Planned> {
    bench.engine.refresh().await?;
    let Some(reviewed) = &wanted.reviewed else {
        return Planned::on(bench).await;
    };
    let target = bench.store().target_id().await?;
    if target != reviewed.parent {
        let parent = reviewed.parent;
        return Err(damm_store::Error::Stale { parent, target }.into());
    }
    // Time has passed since it was reviewed: what was allowed then may not be now.
    let child = &reviewed.plan.blueprint;
    let violations = bench.situation(|s| damm_planner::lint(s, child)).await?;
    if !violations.is_empty() {
        return Err(Failure::from(damm_planner::Refusal::Rule(violations))
            .help("the fleet has changed since it was planned: plan again"));
    }
    Ok(Planned {
        plan: reviewed.plan.clone(),
        forecast: reviewed.forecast.clone(),
        now: bench.engine.now(),
        pending: bench.engine.due().await?.steps.len(),
        note: None,
    })
}

/// Asks, where somebody can answer.
fn agreed(output: &Output) -> Result<bool> {
    if output.json() || !std::io::stdin().is_terminal() {
        return Err(Failure::error("nobody can be asked here whether to carry this out")
            .help("add --yes to carry it out without asking; nothing was changed"));
    }
    eprint!("\nCarry this out? Only `yes` does. ");
    // When the question can't be shown, the answer is read all the same.
    drop(std::io::stderr().flush());
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|e| Failure::error(format!("the answer can't be read: {e}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

fn budget(args: &Apply) -> Budget {
    let usual = Budget::default();
    match (args.until_done, args.wait) {
        (true, _) => Budget { patience: FOR_EVER, ..usual },
        (false, Some(wait)) => Budget { patience: wait, ..usual },
        (false, None) => usual,
    }
}

/// Waits that time alone ends, or the topology's own limits, leave nothing to be run again for. But
/// for the limit of one run: the next takes down as many again.
fn judge(settled: &Settled, bench: &Workbench, args: &Apply) -> Exit {
    let under_way = settled.waits.iter().any(|w| goes_on(&w.on));
    let stuck = |h: &Hold| match h {
        Hold::On(on) => h.needs_operator() || goes_on(on),
        Hold::After { .. } => false,
        Hold::Backoff { .. } | Hold::Lagging { .. } | Hold::Looking { .. } | Hold::NoWay { .. } => {
            true
        }
    };
    let stuck = settled.held.iter().any(|h| stuck(&h.hold));
    let failed = !settled.failed.is_empty() || !settled.breaches.is_empty();
    let stopped = bench.stop.is_stopped() && args.wait.is_none();
    match settled.ended {
        Ended::Done => Exit::Done,
        Ended::Fruitless => Exit::Partial,
        Ended::Stopped if stopped => Exit::Partial,
        _ if under_way || stuck || failed => Exit::Partial,
        _ => Exit::Done,
    }
}

/// Whether the same command, run again, would go on with it.
const fn goes_on(on: &WaitingOn) -> bool {
    matches!(
        on,
        WaitingOn::Verification { .. }
            | WaitingOn::Disappearance { .. }
            | WaitingOn::DestroyCap { .. }
    )
}

/// What was made and never came up, a line for each account.
fn tell_given_up(page: &mut Page, given_up: &[GivenUp]) {
    let mut accounts: BTreeMap<&ProviderName, Vec<&GivenUp>> = BTreeMap::new();
    for given in given_up {
        accounts.entry(&given.provider).or_default().push(given);
    }
    for (provider, of) in accounts {
        let whys: BTreeSet<String> = of.iter().map(|g| g.why.to_string()).collect();
        let whys = Vec::from_iter(whys).join("; ");
        let text = Line::of(Style::Bold, provider.to_string()).put(
            Style::Plain,
            format!(": {} given up in this run, and nothing came up: {whys}", of.len()),
        );
        page.wrapped(Line::of(Style::Bad, "✗ "), text);
    }
}

fn tell(page: &mut Page, settled: &Settled, exit: Exit, bench: &Workbench, output: &Output) {
    let now = bench.engine.now();
    for held in settled.held.iter().filter(|h| !matches!(h.hold, Hold::On(_) | Hold::After { .. }))
    {
        let text = Line::plain(format!("{} waits for {}", held.object, held.hold));
        page.wrapped(Line::of(Style::Warn, "… "), text);
    }
    waits::draw(page, &settled.waits, now, output.verbose > 0);
    page.gap();
    tell_given_up(page, &settled.given_up);
    let steps = if settled.steps == 1 { "step" } else { "steps" };
    let done = format!("{} {steps} done", settled.steps);
    match (exit, settled.ended) {
        (_, Ended::Fruitless) => page.wrapped(
            Line::of(Style::Warn, "~ "),
            Line::of(Style::Bold, format!("{done}, and no more is made that would not come up."))
                .put(
                    Style::Plain,
                    " See what the provider shows of it, or take it out of the topology. Run the \
                     same command again: it goes on where this one ended.",
                ),
        ),
        (Exit::Partial, _) => page.wrapped(
            Line::of(Style::Warn, "~ "),
            Line::of(Style::Bold, format!("{done}, and not all is done yet."))
                .put(Style::Plain, " Run the same command again: it goes on where this one ended."),
        ),
        (_, Ended::Done) => page.line(
            Line::of(Style::Good, "✓ ")
                .put(Style::Plain, format!("{done}. Nothing is left to do.")),
        ),
        _ => page.wrapped(
            Line::of(Style::Good, "✓ "),
            Line::plain(format!("{done}. What is left has to wait; `damm status` tells what for.")),
        ),
    }
}

const fn ended(ended: Ended) -> &'static str {
    match ended {
        Ended::Done => "done",
        Ended::Waiting { .. } => "waiting",
        Ended::Fruitless => "fruitless",
        Ended::Stopped => "stopped",
    }
}

fn value(settled: &Settled, planned: &Planned, exit: Exit) -> serde_json::Value {
    json!({
        "plan": plan::value(planned),
        "complete": exit == Exit::Done,
        "settled": settled.ended == Ended::Done,
        "ended": ended(settled.ended),
        "blueprints": settled.plans,
        "steps": settled.steps,
        "failed": settled.failed.iter().map(|f| json!({
            "step": f.step.to_string(), "class": f.class, "message": f.message,
        })).collect::<Vec<_>>(),
        "refused": settled.breaches.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "held": settled.held.iter().map(|h| json!({
            "object": h.object, "on": h.hold.to_string(), "until": h.until,
        })).collect::<Vec<_>>(),
        "given_up": settled.given_up.iter().map(|g| json!({
            "item": g.subject, "provider": g.provider, "why": g.why.to_string(),
        })).collect::<Vec<_>>(),
        "waits": settled.waits,
        "survival": settled.report.survival,
        "cost": settled.report.cost,
    })
}
