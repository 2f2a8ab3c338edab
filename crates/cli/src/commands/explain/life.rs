//! What happened to a thing: its blueprints' reasons and the ledger's steps, in order of time.

use damm_fleet::{Change, Node, Stage, Subject, Timestamp};
use damm_store::{BlueprintSummary, LedgerFilter, LedgerRow, Outcome, Store};
use serde::Serialize;

use crate::exit::Result;
use crate::render::{Line, Page, Style, Table, when};

/// Blueprints that are looked through, newest first: years of a busy fleet.
const BLUEPRINTS: u32 = 10_000;
/// Steps that are shown of one thing.
const STEPS: u32 = 1_000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    at: Timestamp,
    what: String,
    why: String,
    /// The blueprint that decided it; none for a step.
    decided_by: Option<String>,
    /// Whether it did not go well.
    bad: bool,
}

/// All that happened to a thing, oldest first.
pub async fn of(subject: Subject, store: &Store) -> Result<Vec<Moment>> {
    let mut moments = decisions(subject, store).await?;
    let filter =
        LedgerFilter { subject: Some(subject), limit: Some(STEPS), ..LedgerFilter::default() };
    moments.extend(store.ledger(&filter).await?.iter().map(step));
    moments.sort_by_key(|m| m.at);
    Ok(moments)
}

async fn decisions(subject: Subject, store: &Store) -> Result<Vec<Moment>> {
    let mut summaries = store.blueprints(BLUEPRINTS).await?;
    summaries.sort_by_key(|s| s.generation);
    let mut moments = Vec::new();
    let mut before = None;
    for summary in summaries {
        let Some((_, diff)) = store.blueprint_diff(summary.id).await? else {
            continue;
        };
        for change in diff.0 {
            let Change::Node { key, to } = change else {
                continue;
            };
            let holds = to.as_ref().is_some_and(|n| stage_of(n, subject).is_some());
            if subject != key.into() && !holds && before.as_ref().is_none_or(|(n, _)| *n != key) {
                continue;
            }
            let now = to.as_deref().and_then(|n| stage_of(n, subject));
            let old = before.take().and_then(|(_, s)| s);
            moments.extend(moment(&summary, old.as_ref(), now.as_ref()));
            before = now.map(|(s, w)| (key, Some((s, w))));
        }
    }
    Ok(moments)
}

/// A stage with why the thing was made.
type Told = (Stage, String);

fn stage_of(node: &Node, subject: Subject) -> Option<Told> {
    match subject {
        Subject::Node(id) => (node.id == id).then(|| (node.stage.clone(), node.reason.to_string())),
        Subject::Frontdoor(id) => {
            let door = node.frontdoors.get(&id)?;
            Some((door.stage.clone(), door.reason.to_string()))
        }
        Subject::EgressIp(id) => {
            let ip = node.egress_ips.get(&id)?;
            Some((ip.stage.clone(), ip.reason.to_string()))
        }
    }
}

fn moment(summary: &BlueprintSummary, old: Option<&Told>, new: Option<&Told>) -> Option<Moment> {
    let (what, why) = match (old, new) {
        (None, Some((_, why))) => ("planned".to_owned(), why.clone()),
        (Some(_), None) => ("forgotten".to_owned(), "its provider no longer shows it".to_owned()),
        (Some((a, _)), Some((b, _))) if a.name() != b.name() => (b.name().to_owned(), reason(b)),
        _ => return None,
    };
    Some(Moment {
        at: summary.created_at,
        what,
        why,
        decided_by: Some(summary.id.to_string()),
        bad: false,
    })
}

fn reason(stage: &Stage) -> String {
    match stage {
        Stage::Building => String::new(),
        Stage::Live { .. } => "verified".to_owned(),
        Stage::Draining { why, deadline, .. } => {
            format!("{why}; until {}", when::minute(*deadline))
        }
        Stage::Leaving { why, .. } => why.to_string(),
    }
}

fn step(row: &LedgerRow) -> Moment {
    let (why, bad) = match &row.outcome {
        None => ("no answer yet".to_owned(), false),
        Some(Outcome::Done { .. }) => ("done".to_owned(), false),
        Some(Outcome::Failed { class, message }) => (format!("{class}: {message}"), true),
        Some(Outcome::Settled { found }) => (format!("looked up: {found}"), false),
    };
    Moment { at: row.intent.at, what: row.intent.step.clone(), why, decided_by: None, bad }
}

/// Writes a life on a page; steps that went well only when asked for more.
pub fn draw(page: &mut Page, moments: &[Moment], now: Timestamp, all: bool) {
    page.heading("Its life");
    let mut table = Table::new(&["", "", "", ""]).indent(2);
    let mut quiet = 0;
    for moment in moments {
        if moment.decided_by.is_none() && !moment.bad && !all {
            quiet += 1;
            continue;
        }
        let style = match (&moment.decided_by, moment.bad) {
            (_, true) => Style::Bad,
            (Some(_), _) => Style::Bold,
            _ => Style::Plain,
        };
        table.row(vec![
            Line::of(Style::Dim, when::minute(moment.at)),
            Line::of(Style::Dim, when::relative(moment.at, now)),
            Line::of(style, moment.what.clone()),
            Line::plain(moment.why.clone()),
        ]);
    }
    table.draw(page);
    if quiet > 0 {
        let steps = if quiet == 1 { "step" } else { "steps" };
        let text = format!("  and {quiet} {steps} that went well; -v shows them");
        page.line(Line::of(Style::Dim, text));
    }
}
