//! `damm check TOPOLOGY`

use std::path::Path;

use damm_fleet::{Blueprint, Inventory, Offers, Seed, Topology, Verdicts};
use damm_planner::{Forecast, Plan, Report, Situation, forecast, plan};
use serde_json::json;

use crate::args::OneTopology;
use crate::clock;
use crate::exit::{Exit, Result};
use crate::output::Output;
use crate::render::populations::Addresses;
use crate::render::{Line, Page, Style, Table, forecast as outlook, populations, when};
use crate::topology_file::{TopologyFile, style, told};

/// Validates a topology and prints what it comes to: places, losses that it survives, cost.
pub fn run(args: &OneTopology, output: &Output) -> Result<Exit> {
    let file = TopologyFile::read(&args.topology, output)?;
    let (plan, forecast) = from_nothing(&file.topology);
    let end = outlook::settled(&plan.report, &forecast);
    let mut page = output.page();
    if !file.warnings.is_empty() && !output.json() {
        output.note_text(&file.warnings.render(style(output)));
    }
    head(&mut page, &args.topology, &file);
    places(&mut page, &file.topology);
    populations::draw(&mut page, "Populations, as planned", &end.survival, Addresses::Expected);
    rotation(&mut page, &file.topology);
    page.gap();
    page.line(cost(end));
    let value = json!({
        "fleet": file.topology.fleet,
        "diagnostics": told(&file.warnings),
        "survival": end.survival,
        "cost": end.cost,
        "pools": end.pools,
    });
    output.result("check", value, &page);
    Ok(Exit::Done)
}

/// The plan that builds a topology where nothing stands yet, and what follows it.
fn from_nothing(topology: &Topology) -> (Plan, Forecast) {
    // What is looked at and thrown away needs no fresh ids; with fixed ones the same file gives the
    // same report.
    let (now, mut seed) = (clock::now(), Seed::from_number(0));
    let parent = Blueprint::genesis(seed.blueprint(), now);
    let situation = Situation {
        topology,
        parent: &parent,
        inventory: &Inventory::default(),
        offers: &Offers::of(topology),
        verdicts: &Verdicts::default(),
        now,
        destroys_used: 0,
    };
    let plan = plan(&situation, seed.clone());
    let forecast = forecast(&situation, &plan, Seed::from_number(1));
    (plan, forecast)
}

fn head(page: &mut Page, path: &Path, file: &TopologyFile) {
    let t = &file.topology;
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let line = Line::of(Style::Good, "✓ ").put(Style::Bold, path.display().to_string());
    let warnings = match file.warnings.iter().count() {
        0 => String::new(),
        n => format!(", {}", count(n, "warning")),
    };
    page.line(line.put(Style::Plain, format!(" is valid{warnings}")));
    page.say(format!(
        "  fleet {}: {}, {}, {}, {}",
        t.fleet,
        count(t.regions.len(), "region"),
        count(t.populations.len(), "population"),
        count(t.providers.len(), "provider"),
        count(t.profiles.len(), "profile"),
    ));
}

/// Where each pool may stand.
fn places(page: &mut Page, topology: &Topology) {
    page.gap();
    let mut table = Table::new(&["Pools", ">nodes", ">addresses", "providers"]);
    for (name, region) in &topology.regions {
        let of = |profile, f: fn(&damm_fleet::topology::Profile) -> u32| {
            topology.profiles.get(profile).map_or(0, f)
        };
        let (i, e) = (&region.ingress, &region.egress);
        let doors = of(&i.profile, |p| p.frontdoors);
        let ips = of(&e.profile, |p| p.egress_ips);
        let spare =
            if i.standby > 0 { format!("{}+{}", i.live, i.standby) } else { i.live.to_string() };
        for (pool, nodes, addresses, providers) in [
            ("ingress", spare, i.live * doors, &i.providers),
            ("egress", e.nodes.to_string(), e.nodes * ips, &e.providers),
        ] {
            let names: Vec<_> = providers.iter().map(|p| p.name().as_str()).collect();
            table.row(vec![
                Line::plain(format!("  {name} {pool}")),
                Line::plain(nodes),
                Line::plain(addresses.to_string()),
                Line::plain(names.join(", ")),
            ]);
        }
    }
    table.draw(page);
}

fn rotation(page: &mut Page, topology: &Topology) {
    let (i, e) = (&topology.rotation.ingress, &topology.rotation.egress);
    page.gap();
    let lead = || Line::of(Style::Dim, "Rotation  ");
    page.wrapped(
        lead(),
        Line::plain(format!(
            "front doors every {}, drained for {} ({} when burned); egress every {}, drained \
             for {}; it halts when {} of a pool look bad",
            when::short(i.max_age),
            when::short(i.drain),
            when::short(i.burned_drain),
            when::short(e.max_age),
            when::short(e.drain),
            topology.rotation.breaker,
        )),
    );
}

fn cost(end: &Report) -> Line {
    let of = end.cost.limit.map_or_else(String::new, |l| format!(" of {l}"));
    let line = Line::of(Style::Dim, "Cost      ");
    line.put(Style::Bold, end.cost.then.to_string()).put(Style::Plain, format!("{of} a month"))
}
