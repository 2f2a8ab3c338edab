//! The contract's verbs, by hand.

use std::collections::BTreeSet;

use damm_engine::{Held, Hold, Passed};
use damm_fleet::{Action, BlueprintId, Span, Subject, Verb, WaitingOn};
use damm_planner::{Edit, Plan, edit};
use serde_json::json;

use crate::args::{Command, Global, VerbOptions};
use crate::commands::plan::{self, Planned};
use crate::commands::verdicts::actor;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::progress::Progress;
use crate::render::{Line, Page, Style};
use crate::topology_file::TopologyFile;
use crate::workbench::{Setup, Workbench};
use crate::{agents, clock, interrupt, state};

/// Looks that are made at what the verb has begun: about ten minutes, as long as a slow vendor's
/// machine takes.
const LOOKS: u32 = 60;
/// From one look to the next.
const PACE: Span = Span::from_secs(10);
/// The first looks come sooner: most things are quick.
const FIRST: Span = Span::from_secs(1);

/// A verb with its options, when the command is one.
pub fn of(command: &Command) -> Option<(Edit, &VerbOptions)> {
    use Command as C;
    Some(match command {
        C::CreateIngress(a) => (
            Edit::CreateIngress {
                region: a.region.clone(),
                provider: a.provider.clone(),
                profile: a.profile.clone(),
            },
            &a.options,
        ),
        C::CreateEgress(a) => (
            Edit::CreateEgress {
                region: a.region.clone(),
                provider: a.provider.clone(),
                profile: a.profile.clone(),
            },
            &a.options,
        ),
        C::AllocateIngressFrontdoors(a) => {
            let (node, count) = (a.node, a.count);
            (Edit::AllocateIngressFrontdoors { node, count }, &a.options)
        }
        C::AllocateEgressIps(a) => {
            let (node, count) = (a.node, a.count);
            (Edit::AllocateEgressIps { node, count }, &a.options)
        }
        C::DrainNode(a) => (Edit::DrainNode { node: a.node }, &a.options),
        C::RetireNode(a) => (Edit::RetireNode { node: a.node }, &a.options),
        C::PublishEndpointCatalog(a) => {
            let region = a.region.clone();
            (Edit::PublishEndpointCatalog { region }, &a.options)
        }
        C::DrainFrontdoor(a) => (Edit::DrainFrontdoor { frontdoor: a.frontdoor }, &a.options),
        C::ReleaseFrontdoor(a) => (Edit::ReleaseFrontdoor { frontdoor: a.frontdoor }, &a.options),
        C::DrainEgressIp(a) => (Edit::DrainEgressIp { egress_ip: a.egress_ip }, &a.options),
        C::ReleaseEgressIp(a) => (Edit::ReleaseEgressIp { egress_ip: a.egress_ip }, &a.options),
        _ => return None,
    })
}

/// Carries a verb out, as a child blueprint of the target.
pub async fn run(
    wanted: &Edit,
    options: &VerbOptions,
    global: &Global,
    output: &Output,
) -> Result<Exit> {
    let path = state::path(global.state.as_deref(), None)?;
    let file = stored_topology(&path, output).await?;
    let progress = Progress::new(output);
    let setup = Setup::real(file, path, progress.listener())?;
    let bench = Workbench::open(setup).await.inspect_err(|_| progress.finish())?;
    let done = work(wanted, options, &bench, &progress, output).await;
    progress.finish();
    bench.close().await?;
    done
}

async fn work(
    wanted: &Edit,
    options: &VerbOptions,
    bench: &Workbench,
    progress: &Progress,
    output: &Output,
) -> Result<Exit> {
    let _served = match options.plan {
        true => None,
        false => agents::serve(bench, &options.agents, progress).await?,
    };
    carry(wanted, options.plan, bench, progress, output).await
}

/// The topology that was applied last; reading only, so that a mistyped path makes no state.
async fn stored_topology(path: &std::path::Path, output: &Output) -> Result<TopologyFile> {
    let store = damm_store::Store::open(path, damm_store::Access::Read).await?;
    let stored = store.topology().await;
    store.close().await?;
    let (name, text) = stored?.ok_or_else(|| {
        Failure::error("nothing was applied to this state yet").help("damm apply TOPOLOGY")
    })?;
    TopologyFile::of(&name, text, output)
}

async fn carry(
    wanted: &Edit,
    only_show: bool,
    bench: &Workbench,
    progress: &Progress,
    output: &Output,
) -> Result<Exit> {
    bench.engine.refresh().await?;
    let seed = clock::seed()?;
    let plan = bench.situation(|s| edit(s, seed, wanted)).await??;
    let parent = bench.engine.blueprint();
    let actions = plan.diff.actions(&parent);
    let made = ids(&actions);
    if only_show {
        return show(plan, bench, output).await;
    }
    bench.engine.adopt(&plan, &actor()).await?;
    let _watch = interrupt::watch(bench.stop.clone(), None);
    let last = finish(bench).await;
    progress.finish();
    let last = last?;
    let exit = if open(&last) { Exit::Partial } else { Exit::Done };
    let mut page = output.page();
    tell(&mut page, &actions, &made, &last, exit);
    output.result("verb", value(&plan.blueprint.id, &actions, &made, &last, exit), &page);
    Ok(exit)
}

async fn show(plan: Plan, bench: &Workbench, output: &Output) -> Result<Exit> {
    let seed = clock::seed()?;
    let forecast = bench.situation(|s| damm_planner::forecast(s, &plan, seed)).await?;
    let planned = Planned { plan, forecast, now: bench.engine.now(), pending: 0, note: None };
    let mut page = output.page();
    plan::show(&mut page, &planned, &bench.file, output);
    output.result("plan", plan::value(&planned), &page);
    Ok(if planned.is_idle() { Exit::Done } else { Exit::Changes })
}

/// Carries the target out, as it is: nothing else is planned in its course.
async fn finish(bench: &Workbench) -> Result<Passed> {
    let mut passed = bench.engine.pass().await?;
    for look in 0..LOOKS {
        if bench.stop.is_stopped() || !open(&passed) {
            break;
        }
        let pace = if look < 10 { FIRST } else { PACE };
        tokio::select! {
            () = tokio::time::sleep(pace.to_std()) => {}
            () = bench.stop.stopped() => {}
        }
        bench.engine.refresh().await?;
        passed = bench.engine.pass().await?;
    }
    Ok(passed)
}

/// Whether something is under way that another look may find done.
fn open(passed: &Passed) -> bool {
    let soon = |h: &Held| match &h.hold {
        Hold::On(WaitingOn::Verification { .. } | WaitingOn::Disappearance { .. })
        | Hold::Backoff { rejected: false, .. }
        | Hold::Looking { .. }
        | Hold::After { .. } => true,
        Hold::On(_) | Hold::Backoff { .. } | Hold::Lagging { .. } | Hold::NoWay { .. } => false,
    };
    passed.left > 0 || !passed.failed.is_empty() || passed.held.iter().any(soon)
}

/// The ids that actions make.
fn ids(actions: &[Action]) -> BTreeSet<Subject> {
    let mut ids = BTreeSet::new();
    for action in actions {
        match action {
            Action::CreateIngress { node, frontdoors, .. } => {
                ids.insert(Subject::from(*node));
                ids.extend(frontdoors.iter().map(|d| Subject::from(*d)));
            }
            Action::CreateEgress { node, egress_ips, .. } => {
                ids.insert(Subject::from(*node));
                ids.extend(egress_ips.iter().map(|e| Subject::from(*e)));
            }
            Action::AllocateIngressFrontdoors { frontdoors, .. } => {
                ids.extend(frontdoors.iter().map(|d| Subject::from(*d)));
            }
            Action::AllocateEgressIps { egress_ips, .. } => {
                ids.extend(egress_ips.iter().map(|e| Subject::from(*e)));
            }
            _ => {}
        }
    }
    ids
}

fn tell(page: &mut Page, actions: &[Action], made: &BTreeSet<Subject>, last: &Passed, exit: Exit) {
    for action in actions {
        let verb = Line::of(Style::Bold, action.verb().to_string());
        page.line(
            Line::of(Style::Good, "✓ ")
                .join(verb.put(Style::Dim, format!(" in {}", action.region()))),
        );
    }
    for id in made {
        page.line(Line::plain("  ").put(Style::Accent, id.to_string()));
    }
    for held in &last.held {
        let text = Line::plain(format!("{} waits for {}", held.object, held.hold));
        page.wrapped(Line::of(Style::Warn, "… "), text);
    }
    for failed in &last.failed {
        let text = Line::plain(format!("{}: {}: {}", failed.step, failed.class, failed.message));
        page.wrapped(Line::of(Style::Bad, "! "), text);
    }
    let creates = |a: &&Action| {
        matches!(
            a.verb(),
            Verb::CreateIngress
                | Verb::CreateEgress
                | Verb::AllocateIngressFrontdoors
                | Verb::AllocateEgressIps
        )
    };
    let next = match (exit, actions.iter().find(creates)) {
        (Exit::Partial, _) => "Not all is done yet: `damm apply` goes on with it.",
        (_, Some(_)) => "It stands; the next `damm apply` takes it into service.",
        _ => return,
    };
    page.wrapped(Line::plain("  "), Line::of(Style::Dim, next));
}

fn value(
    blueprint: &BlueprintId,
    actions: &[Action],
    made: &BTreeSet<Subject>,
    last: &Passed,
    exit: Exit,
) -> serde_json::Value {
    json!({
        "blueprint": blueprint,
        "actions": actions,
        "made": made,
        "complete": exit == Exit::Done,
        "held": last.held.iter().map(|h| json!({
            "object": h.object, "on": h.hold.to_string(), "until": h.until,
        })).collect::<Vec<_>>(),
        "failed": last.failed.iter().map(|f| json!({
            "step": f.step.to_string(), "class": f.class, "message": f.message,
        })).collect::<Vec<_>>(),
    })
}
