//! `damm explain ID`

mod bucket;
mod life;
mod population;
mod prospects;
mod splits;

use damm_fleet::{PopulationName, Subject};
use damm_store::Store;
use serde_json::json;

use crate::args::{Explain, Global};
use crate::clock;
use crate::exit::{Exit, Failure, Result};
use crate::outlook::Outlook;
use crate::output::Output;
use crate::render::{Line, Page, Style, Table, waits, when};
use crate::state;

/// Tells a thing's life, what it waits for, and what would change it.
pub async fn run(args: &Explain, global: &Global, output: &Output) -> Result<Exit> {
    let store = state::read(global.state.as_deref(), None).await?;
    let told = tell(&args.id, &store, output).await;
    store.close().await?;
    told
}

async fn tell(id: &str, store: &Store, output: &Output) -> Result<Exit> {
    let outlook = Outlook::of(store, clock::now(), output).await?;
    if let Ok(subject) = id.parse::<Subject>() {
        return self::subject(subject, store, &outlook, output).await;
    }
    let name = PopulationName::new(id).ok();
    match name.filter(|n| outlook.file.topology.populations.contains_key(n)) {
        Some(name) => {
            let mut page = output.page();
            let value = population::draw(&mut page, &name, &outlook);
            output.result("explanation", value, &page);
            Ok(Exit::Done)
        }
        None => {
            let mut page = output.page();
            let value = bucket::tell(id, &mut page, store, &outlook).await?;
            output.result("explanation", value.ok_or_else(|| unknown(id, &outlook))?, &page);
            Ok(Exit::Done)
        }
    }
}

fn unknown(id: &str, outlook: &Outlook) -> Failure {
    let names: Vec<_> = outlook.file.topology.populations.keys().map(|p| p.as_str()).collect();
    let message = format!("`{id}` is neither an id nor a population, a bucket or a client");
    Failure::error(message).help(format!(
        "ids look like node-…, door-…, eip-…; the populations are {}; a bucket is one of them with \
         its number, as in {}/0, and a client is its credential's number",
        names.join(", "),
        names.first().unwrap_or(&"ir")
    ))
}

async fn subject(
    subject: Subject,
    store: &Store,
    outlook: &Outlook,
    output: &Output,
) -> Result<Exit> {
    let moments = life::of(subject, store).await?;
    if moments.is_empty() {
        return Err(Failure::error(format!("there never was a {subject} in this fleet"))
            .help("`damm show nodes` lists what there is"));
    }
    let mut page = output.page();
    let now = outlook.picture.now;
    page.wrapped(Line::new(), prospects::what(subject, outlook));
    let exposure = exposure(subject, outlook);
    if let Some((learned_by, budget)) = exposure {
        page.wrapped(Line::new(), Line::plain(known_to(learned_by, budget)));
    }
    life::draw(&mut page, &moments, now, output.verbose > 0);
    verdicts(&mut page, subject, outlook);
    let waits: Vec<_> = prospects::waits(subject, outlook);
    if !waits.is_empty() {
        page.heading("It waits for");
        for wait in &waits {
            let text = Line::plain(waits::on(&wait.on, now))
                .put(Style::Dim, format!(", before {}", wait.would));
            page.wrapped(Line::plain("  "), text);
        }
    }
    let changes = prospects::changes(subject, outlook);
    page.heading("What would change it");
    for line in &changes {
        page.wrapped(Line::plain("  "), Line::plain(line.clone()));
    }
    let value = json!({
        "id": subject,
        "life": moments,
        "waits": waits,
        "would_change": changes,
        "learned_by": exposure.map(|(learned_by, _)| learned_by),
        "exposure_budget": exposure.and_then(|(_, budget)| budget),
    });
    output.result("explanation", value, &page);
    Ok(Exit::Done)
}

/// How many clients can know a door that stands, and how many may.
fn exposure(subject: Subject, outlook: &Outlook) -> Option<(u32, Option<u32>)> {
    let Subject::Frontdoor(door) = subject else {
        return None;
    };
    outlook.picture.target.frontdoor(door)?;
    let learned_by = outlook.picture.exposures.get(&door).map_or(0, |e| e.learned_by);
    Some((learned_by, outlook.file.topology.catalog.exposure_budget))
}

fn known_to(learned_by: u32, budget: Option<u32>) -> String {
    let clients = if learned_by == 1 { "client" } else { "clients" };
    let may = budget.map(|n| format!(", of {n} that may")).unwrap_or_default();
    format!("Its address can be known to {learned_by} {clients}{may}.")
}

fn verdicts(page: &mut Page, subject: Subject, outlook: &Outlook) {
    let Subject::Frontdoor(door) = subject else {
        return;
    };
    let mut table = Table::new(&["", "", "", ""]).indent(2);
    for (network, verdict) in outlook.picture.verdicts.of(door) {
        table.row(vec![
            Line::plain(network.to_string()),
            super::show::state(verdict.state),
            Line::of(
                Style::Dim,
                format!("since {}", when::relative(verdict.since, outlook.picture.now)),
            ),
            Line::plain(verdict.evidence.clone()),
        ]);
    }
    if !table.is_empty() {
        page.heading("How clients reach it");
        table.draw(page);
    }
}
