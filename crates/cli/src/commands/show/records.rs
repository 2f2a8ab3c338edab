//! `damm show ledger`, `damm show blueprints`

use damm_fleet::{BlueprintId, Change, Diff};
use damm_store::{BlueprintSummary, LedgerFilter, LedgerRow, Outcome, Store};
use serde_json::json;

use super::{print, subject};
use crate::args::Show;
use crate::clock;
use crate::exit::{Failure, Result};
use crate::output::Output;
use crate::render::{Line, Page, Style, Table, when};

/// Lists steps, newest first: all, of one thing, or of one blueprint.
pub async fn ledger(args: &Show, store: &Store, output: &Output, page: &mut Page) -> Result<()> {
    let mut filter = LedgerFilter { limit: Some(args.limit), ..LedgerFilter::default() };
    match &args.id {
        Some(id) if id.starts_with(BlueprintId::PREFIX) => {
            filter.blueprint = Some(id.parse().map_err(Failure::error)?);
        }
        Some(id) => filter.subject = Some(subject(id)?),
        None => {}
    }
    let rows = store.ledger(&filter).await?;
    let now = clock::now();
    let mut table = Table::new(&[">seq", "begun", "step", "about", "provider", "outcome"]);
    for row in &rows {
        table.row(vec![
            Line::of(Style::Dim, row.seq.to_string()),
            Line::plain(when::relative(row.intent.at, now)),
            Line::plain(row.intent.step.clone()),
            Line::of(Style::Accent, about(row)),
            Line::plain(row.intent.provider.as_ref().map_or("", |p| p.as_str())),
            outcome(row.outcome.as_ref()),
        ]);
    }
    print("ledger", &rows, table, output, page);
    Ok(())
}

/// What a step is about.
pub fn about(row: &LedgerRow) -> String {
    match &row.intent.subject {
        Some(subject) => subject.to_string(),
        None => row.intent.object.clone(),
    }
}

/// How a step ended, in a few words.
pub fn outcome(outcome: Option<&Outcome>) -> Line {
    match outcome {
        None => Line::of(Style::Warn, "not known yet"),
        Some(Outcome::Done { provider_ref: None }) => Line::of(Style::Good, "done"),
        Some(Outcome::Done { provider_ref: Some(r) }) => {
            Line::of(Style::Good, "done").put(Style::Dim, format!(" {r}"))
        }
        Some(Outcome::Failed { class, message }) => {
            Line::of(Style::Bad, class.to_string()).put(Style::Plain, format!(": {message}"))
        }
        Some(Outcome::Settled { found }) => Line::of(Style::Warn, format!("looked up: {found}")),
    }
}

/// Lists blueprints, newest first, or shows one with all that it changed.
pub async fn blueprints(
    args: &Show,
    store: &Store,
    output: &Output,
    page: &mut Page,
) -> Result<()> {
    if let Some(id) = &args.id {
        let id: BlueprintId = id.parse().map_err(Failure::error)?;
        let none = || {
            Failure::error(format!("there is no blueprint {id}"))
                .help("`damm show blueprints` lists them")
        };
        let (summary, diff) = store.blueprint_diff(id).await?.ok_or_else(none)?;
        one(&summary, &diff, page);
        output.result("blueprint", json!({ "blueprint": summary, "diff": diff }), page);
        return Ok(());
    }
    let target = store.target_id().await?;
    let rows = store.blueprints(args.limit).await?;
    let now = clock::now();
    let mut table = Table::new(&["", "id", ">generation", "made", "by", ">changes"]);
    for row in &rows {
        let mark = if row.id == target { "*" } else { "" };
        table.row(vec![
            Line::of(Style::Good, mark),
            Line::of(Style::Accent, row.id.to_string()),
            Line::plain(row.generation.to_string()),
            Line::plain(when::relative(row.created_at, now)),
            Line::plain(row.origin.to_string()),
            Line::plain(row.changes.to_string()),
        ]);
    }
    print("blueprints", &rows, table, output, page);
    Ok(())
}

fn one(summary: &BlueprintSummary, diff: &Diff, page: &mut Page) {
    let head = Line::of(Style::Bold, summary.id.to_string());
    let from = summary.parent.map_or_else(String::new, |p| format!(" from {p}"));
    page.line(head.put(Style::Dim, from));
    page.say(format!(
        "generation {}, made {} by the {}",
        summary.generation,
        when::minute(summary.created_at),
        summary.origin
    ));
    page.gap();
    let mut table = Table::new(&["what", "becomes"]).indent(2);
    for change in &diff.0 {
        let (what, to) = words(change);
        table.row(vec![Line::of(Style::Accent, what), Line::plain(to)]);
    }
    table.draw(page);
}

fn words(change: &Change) -> (String, String) {
    let gone = || "gone".to_owned();
    match change {
        Change::Node { key, to } => {
            let text = to.as_ref().map(|n| {
                let addresses = n.frontdoors.len() + n.egress_ips.len();
                format!("{}, {} at {}, {addresses} addresses", n.stage.name(), n.role, n.provider)
            });
            (key.to_string(), text.unwrap_or_else(gone))
        }
        Change::Record { key, to } => {
            let text = to.as_ref().map(|r| {
                let list: Vec<_> = r.addresses.iter().map(ToString::to_string).collect();
                list.join(", ")
            });
            (key.name.clone(), text.unwrap_or_else(gone))
        }
        Change::Target { key, to } => {
            let text = to.as_ref().map(|t| {
                let drain = if t.draining { ", draining" } else { "" };
                format!("{}:{}{drain}", t.address, t.port)
            });
            (format!("{} {}", key.balancer, key.node), text.unwrap_or_else(gone))
        }
        Change::Catalog { key, to } => {
            let text = to.as_ref().map(|c| format!("serial {}", c.serial));
            (format!("catalog {key}"), text.unwrap_or_else(gone))
        }
    }
}
