//! `damm status`

use std::time::Duration;

use damm_fleet::{Phase, State, Timestamp};
use serde_json::json;

use crate::args::{Global, Status};
use crate::channels::{self, Held};
use crate::clock;
use crate::exit::{Exit, Result};
use crate::outlook::Outlook;
use crate::output::Output;
use crate::render::populations::Addresses;
use crate::render::{Line, Page, Style, plan, pools, populations, waits, when};
use crate::state;

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(2);

/// The fleet at a glance.
pub async fn run(args: &Status, global: &Global, output: &Output) -> Result<Exit> {
    if !args.watch || output.json() {
        let (outlook, page) = look(global, output).await?;
        output.result("status", value(&outlook), &page);
        return Ok(Exit::Done);
    }
    loop {
        let (_, page) = look(global, output).await?;
        output.redraw(&page);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

async fn look(global: &Global, output: &Output) -> Result<(Outlook, Page)> {
    let store = state::read(global.state.as_deref(), None).await?;
    let outlook = Outlook::of(&store, clock::now(), output).await;
    store.close().await?;
    let outlook = outlook?;
    let mut page = output.page();
    draw(&mut page, &outlook, output.verbose > 0);
    Ok((outlook, page))
}

fn draw(page: &mut Page, outlook: &Outlook, unfolded: bool) {
    let (picture, report) = (&outlook.picture, &outlook.plan.report);
    let target = &picture.target;
    page.line(Line::of(Style::Bold, outlook.file.topology.fleet.clone()).put(
        Style::Dim,
        format!(
            "  {}  {} generation {}, {}",
            outlook.topology_name(),
            target.id,
            target.generation,
            when::relative(target.created_at, picture.now)
        ),
    ));
    pools::draw_now(page, &report.pools);
    populations::draw(page, "Populations", &outlook.survival, Addresses::Given);
    page.gap();
    known(page, outlook);
    trouble(page, outlook);
    waits::draw_halts(page, &report.halts, outlook.file.topology.rotation.breaker);
    waits::draw(page, &report.waits, picture.now, unfolded);
    page.gap();
    page.wrapped(Line::new(), next(outlook));
}

/// Catalogs, verdicts and cost, a line each.
fn known(page: &mut Page, outlook: &Outlook) {
    let (picture, report) = (&outlook.picture, &outlook.plan.report);
    for (region, c) in &picture.catalogs {
        let text = format!(
            "{region}: serial {}, published {}, expires {}",
            c.serial,
            when::relative(c.published_at, picture.now),
            when::relative(c.expires_at, picture.now)
        );
        page.wrapped(Line::of(Style::Dim, "Catalogs  "), Line::plain(text));
    }
    for held in channels::described(picture.channels.clone(), &outlook.file.topology) {
        channel(page, &held, picture.now);
    }
    let doors =
        |state| picture.verdicts.0.keys().filter(|d| picture.networks_in(**d, state) > 0).count();
    let text = match (doors(State::Blocked), doors(State::Down), doors(State::Degraded)) {
        (0, 0, 0) => "no front door is known to be blocked".to_owned(),
        (b, down, worse) => {
            format!("front doors: {b} blocked somewhere, {down} down, {worse} degraded")
        }
    };
    page.wrapped(Line::of(Style::Dim, "Verdicts  "), Line::plain(text));
    yields(page, outlook);
    let of = report.cost.limit.map_or_else(String::new, |l| format!(" of {l}"));
    let text = format!("{}{of} a month", report.cost.now);
    page.wrapped(Line::of(Style::Dim, "Cost      "), Line::plain(text));
}

fn channel(page: &mut Page, held: &Held, now: Timestamp) {
    let Held { channel, region, catalogs, lag } = held;
    let (style, text) = match lag {
        None => (Style::Dim, format!("{channel}: {region}: {catalogs} catalogs, up to date")),
        Some(lag) => {
            let since = when::relative(lag.since, now);
            let (tries, why) = (lag.tries, &lag.why);
            let text = format!(
                "{channel}: {region}: {catalogs} catalogs, behind since {since}, {tries} tries \
                 failed: {why}"
            );
            (Style::Warn, text)
        }
    };
    page.wrapped(Line::of(style, "Channel   "), Line::plain(text));
}

/// What each provider's new addresses were good for, once something speaks against one.
fn yields(page: &mut Page, outlook: &Outlook) {
    let told = outlook.yields.iter().filter(|(_, y)| y.refused + y.blocked_within_a_day > 0);
    for (provider, y) in told {
        let text = format!(
            "{provider}: {} of {} new addresses kept, {} refused for earlier blocks, {} blocked \
             within a day",
            y.kept, y.made, y.refused, y.blocked_within_a_day
        );
        page.wrapped(Line::of(Style::Dim, "Yield     "), Line::plain(text));
    }
}

/// What an operator has to look at.
fn trouble(page: &mut Page, outlook: &Outlook) {
    let picture = &outlook.picture;
    let phase = |p| picture.resources.values().filter(|r| r.phase == p).count();
    let counts = [
        (phase(Phase::Ambiguous), "shown twice by their provider: decide which stays"),
        (phase(Phase::Refused), "refused by their provider"),
        (phase(Phase::Unknown), "being looked up after an answer was lost"),
        (picture.orphans.len(), "at a provider that the ledger doesn't hold"),
    ];
    for (n, what) in counts.into_iter().filter(|(n, _)| *n > 0) {
        page.wrapped(Line::of(Style::Warn, "Look      "), Line::plain(format!("{n} {what}")));
    }
}

fn next(outlook: &Outlook) -> Line {
    match outlook.plan.report.changes.len() {
        0 => Line::of(Style::Good, "✓ ").put(Style::Plain, "Nothing is due."),
        n => {
            let plural = if n == 1 { "change is" } else { "changes are" };
            let destroys = plan::destroys(&outlook.plan.report);
            let takes = if destroys > 0 {
                format!(" ({destroys} take something down)")
            } else {
                String::new()
            };
            Line::of(Style::Warn, "~ ").put(
                Style::Plain,
                format!("{n} {plural} due{takes}: damm apply {}", outlook.file.name),
            )
        }
    }
}

fn value(outlook: &Outlook) -> serde_json::Value {
    let (picture, report) = (&outlook.picture, &outlook.plan.report);
    json!({
        "fleet": outlook.file.topology.fleet,
        "topology": outlook.file.name,
        "target": picture.target.id,
        "generation": picture.target.generation,
        "pools": report.pools.iter().map(|p| json!({
            "region": p.region, "role": p.role, "want": p.want, "counts": p.before,
        })).collect::<Vec<_>>(),
        "survival": outlook.survival,
        "cost": report.cost,
        "catalogs": picture.catalogs,
        "channels": channels::described(picture.channels.clone(), &outlook.file.topology),
        "waits": report.waits,
        "halts": report.halts,
        "changes_due": report.changes.len(),
        "orphans": picture.orphans,
        "yields": outlook.yields,
    })
}
