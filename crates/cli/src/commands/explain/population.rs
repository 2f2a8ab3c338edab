//! A population: which doors its clients may be told of, where they stand, what could be lost.

use std::collections::BTreeMap;

use damm_fleet::{Frontdoor, Node, PopulationName, Subject};
use damm_planner::Item;
use serde_json::{Value, json};

use crate::commands::show::endpoint;
use crate::outlook::Outlook;
use crate::render::populations::Addresses;
use crate::render::{Line, Page, Style, Table, populations, waits};

/// Writes it on a page; returns what `--json` tells.
pub fn draw(page: &mut Page, name: &PopulationName, outlook: &Outlook) -> Value {
    let (topology, picture) = (&outlook.file.topology, &outlook.picture);
    let population = &topology.populations[name];
    let told: Vec<_> = picture.target.told(topology, name).collect();
    let networks: Vec<_> = population.asns.iter().map(ToString::to_string).collect();
    let regions: Vec<_> = population.regions.iter().map(|r| r.as_str()).collect();
    page.wrapped(
        Line::new(),
        Line::of(Style::Bold, name.as_str()).put(
            Style::Plain,
            format!(
                " are the clients of {} in {}, served from {}: at least {} front doors over {} \
                 providers, {} ASNs and {} prefixes.",
                networks.join(", "),
                population.country,
                regions.join(", "),
                population.min_fronts,
                population.min_providers,
                population.min_asns,
                population.min_prefixes
            ),
        ),
    );
    let survival = outlook.survival.get(name);
    let one: BTreeMap<_, _> = survival.map(|s| (name.clone(), s.clone())).into_iter().collect();
    populations::draw(page, "What they have", &one, Addresses::Given);
    by_provider(page, &told, outlook);
    kept_back(page, name, outlook);
    pending(page, name, outlook);
    json!({
        "population": name,
        "survival": survival,
        "frontdoors": told.iter().map(|(_, d)| d.id).collect::<Vec<_>>(),
    })
}

fn by_provider(page: &mut Page, told: &[(&Node, &Frontdoor)], outlook: &Outlook) {
    page.heading("They may be told of");
    let mut rows: Vec<_> = told.to_vec();
    rows.sort_by_key(|(n, d)| (&n.provider, n.id, d.id));
    let mut table = Table::new(&["", "", "", ""]).indent(2);
    for (node, door) in rows {
        let resource = outlook.picture.resources.get(&Subject::from(door.id));
        let asn = resource.and_then(|r| r.asn).map_or_else(String::new, |a| a.to_string());
        table.row(vec![
            Line::of(Style::Accent, door.id.to_string()),
            Line::plain(endpoint(outlook.picture.address(door.id), Some(door.transport.port))),
            Line::plain(node.provider.as_str()),
            Line::of(Style::Dim, asn),
        ]);
    }
    match table.is_empty() {
        true => page.line(Line::of(Style::Bad, "  nothing: no front door is in service for them")),
        false => table.draw(page),
    }
}

/// Doors that are in service and withheld from them.
fn kept_back(page: &mut Page, name: &PopulationName, outlook: &Outlook) {
    let nodes = outlook.picture.target.nodes.values();
    let doors =
        nodes.flat_map(|n| n.frontdoors.values()).filter(|d| d.withheld_from.contains(name));
    for (i, door) in doors.enumerate() {
        if i == 0 {
            page.heading("Withheld from them");
        }
        let blocked =
            outlook.picture.verdicts.blocked_in(door.id, &outlook.file.topology.populations[name]);
        let networks: Vec<_> = blocked.iter().map(ToString::to_string).collect();
        let lead = Line::plain("  ").put(Style::Accent, door.id.to_string());
        let why = format!("  blocked in {}", networks.join(", "));
        page.line(lead.put(Style::Plain, why));
    }
}

/// What is about to change for them, and what waits on them.
fn pending(page: &mut Page, name: &PopulationName, outlook: &Outlook) {
    let report = &outlook.plan.report;
    let waits = report.waits.iter().filter(|w| w.item == Item::Population(name.clone()));
    for (i, wait) in waits.enumerate() {
        if i == 0 {
            page.heading("Waiting");
        }
        let text = format!("{} waits for {}", wait.would, waits::on(&wait.on, outlook.picture.now));
        page.wrapped(Line::plain("  "), Line::plain(text));
    }
}
