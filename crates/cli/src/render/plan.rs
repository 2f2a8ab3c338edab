//! A plan for its reader: what changes and why, what waits and for what, and what it comes to.

use std::collections::BTreeMap;

use damm_fleet::{RegionName, Share, Timestamp};
use damm_planner::{CatalogDiff, Cost, Decision, Forecast, Plan, Report};

use super::populations::Addresses;
use super::text::{Line, Page, Style};
use super::{changes, forecast, pools, populations, waits};

/// What is shown of a plan.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The fleet's name.
    pub fleet: &'a str,
    /// The plan.
    pub plan: &'a Plan,
    /// What would follow.
    pub forecast: &'a Forecast,
    /// The topology's breaker.
    pub breaker: Share,
    /// The moment.
    pub now: Timestamp,
    /// Fold nothing.
    pub unfolded: bool,
}

/// Writes a plan. One line when nothing changes, waits or is halted.
pub fn draw(page: &mut Page, view: &View<'_>) {
    let report = &view.plan.report;
    match report.changes.is_empty() {
        true => idle(page, view),
        false => busy(page, view),
    }
    waits::draw_halts(page, &report.halts, view.breaker);
    waits::draw(page, &report.waits, view.now, view.unfolded);
    if !report.changes.is_empty() {
        sums(page, view);
        page.gap();
        page.wrapped(Line::new(), summary(report));
    }
}

fn idle(page: &mut Page, view: &View<'_>) {
    let report = &view.plan.report;
    let live: u32 = report.pools.iter().map(|p| p.after.live).sum();
    let want: u32 = report.pools.iter().map(|p| p.want).sum();
    let text = Line::of(Style::Good, "No changes.").put(
        Style::Plain,
        format!(
            " {} has {live} of {want} nodes in service, for {} a month.",
            view.fleet, report.cost.then
        ),
    );
    page.wrapped(Line::new(), text);
}

fn busy(page: &mut Page, view: &View<'_>) {
    let blueprint = &view.plan.blueprint;
    let mut head = Line::of(Style::Bold, format!("Plan for {}", view.fleet))
        .put(Style::Dim, format!("  {}", blueprint.id));
    if let Some(parent) = blueprint.parent {
        head = head.put(Style::Dim, format!(" from {parent}"));
    }
    page.line(head);
    for (region, list) in changes::by_region(&view.plan.report.changes) {
        changes::draw(page, region, &list, view.unfolded);
    }
}

fn sums(page: &mut Page, view: &View<'_>) {
    let report = &view.plan.report;
    forecast::draw(page, view.forecast);
    pools::draw(page, &report.pools);
    let end = forecast::settled(report, view.forecast);
    let addresses = match view.forecast.then.is_empty() {
        true => Addresses::Given,
        false => Addresses::Expected,
    };
    populations::draw(page, "Populations, then", &end.survival, addresses);
    page.gap();
    page.line(cost(&report.cost, &end.cost));
    catalogs(page, &report.catalogs, view.unfolded);
}

fn cost(now: &Cost, end: &Cost) -> Line {
    let mut line = Line::of(Style::Dim, "Cost      ").put(Style::Plain, now.now.to_string());
    if now.then != now.now {
        line = line.put(Style::Dim, " → ").put(Style::Bold, now.then.to_string());
    }
    if end.then != now.then {
        line = line.put(Style::Dim, " → ").put(Style::Bold, end.then.to_string());
    }
    let of = now.limit.map_or_else(String::new, |l| format!(" of {l}"));
    line.put(Style::Plain, format!("{of} a month"))
}

fn catalogs(page: &mut Page, diffs: &BTreeMap<RegionName, CatalogDiff>, unfolded: bool) {
    for (i, (region, diff)) in diffs.iter().enumerate() {
        let lead = if i == 0 { "Catalogs  " } else { "          " };
        let what = match diff.renewal {
            true => "renewed, nothing in or out".to_owned(),
            false => {
                let doors = if diff.added.len() == 1 { "front door" } else { "front doors" };
                format!("{} {doors} in, {} out", diff.added.len(), diff.removed.len())
            }
        };
        page.wrapped(Line::of(Style::Dim, lead), Line::plain(format!("{region}: {what}")));
        for (mark, style, ids) in
            [("+", Style::Good, &diff.added), ("-", Style::Bad, &diff.removed)]
        {
            for id in ids.iter().filter(|_| unfolded) {
                page.line(Line::plain("            ").put(style, format!("{mark} {id}")));
            }
        }
    }
}

/// `+ 9 to make, ~ 2 to change, - 1 to take down. 3 wait.`
fn summary(report: &Report) -> Line {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for change in &report.changes {
        *counts.entry(changes::symbol(&change.decision).0).or_default() += 1;
    }
    let count = |mark: &str| counts.get(mark).copied().unwrap_or(0);
    let parts = [
        ("+", Style::Good, "to make"),
        ("✓", Style::Good, "into service"),
        ("~", Style::Warn, "to drain or withhold"),
        ("-", Style::Bad, "to take down"),
        ("↑", Style::Accent, "to publish"),
        ("·", Style::Dim, "to forget"),
    ];
    let shown = parts.into_iter().filter(|(mark, ..)| count(mark) > 0);
    let mut line = Line::of(Style::Bold, "Sum       ");
    for (i, (mark, style, words)) in shown.enumerate() {
        line = line.put(Style::Plain, if i == 0 { "" } else { ", " });
        line = line.put(style, format!("{mark} {}", count(mark)));
        line = line.put(Style::Plain, format!(" {words}"));
    }
    match report.waits.len() {
        0 => line,
        n => line.put(Style::Plain, format!(", {n} waiting")),
    }
}

/// Whether a report holds a decision that destroys something at a provider.
pub fn destroys(report: &Report) -> usize {
    let mark = |d: &Decision| changes::symbol(d).0 == "-";
    report.changes.iter().filter(|c| mark(&c.decision)).count()
}
