//! `damm verdicts import FILE`

use damm_fleet::{State, Verdicts};
use damm_store::{Access, Store};
use serde_json::json;

use crate::args::{Global, VerdictsImport};
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::picture::Picture;
use crate::render::{Line, Style};
use crate::{clock, state, verdict_file};

/// Stores a file's verdicts; the next plan heeds them.
pub async fn run(args: &VerdictsImport, global: &Global, output: &Output) -> Result<Exit> {
    let text =
        std::fs::read_to_string(&args.file).map_err(|e| Failure::io("read", &args.file, &e))?;
    let path = state::path(global.state.as_deref(), None)?;
    // Reading first: a mistyped path must not make a new state.
    Store::open(&path, Access::Read).await?.close().await?;
    let store = Store::open(&path, Access::Write).await?;
    let stored = import(args, &text, &store).await;
    store.close().await?;
    let verdicts = stored?;
    let all = || verdicts.0.values().flat_map(|n| n.values());
    let count = |state| all().filter(|v| v.state == state).count();
    let (total, blocked) = (all().count(), count(State::Blocked));
    let mut page = output.page();
    page.line(Line::of(Style::Good, "✓ ").put(
        Style::Plain,
        format!("{total} verdicts for {} front doors, {blocked} blocked", verdicts.0.len()),
    ));
    page.say("  `damm plan` shows what follows from them.");
    let value = json!({ "verdicts": total, "frontdoors": verdicts.0.len(), "blocked": blocked });
    output.result("verdicts-imported", value, &page);
    Ok(Exit::Done)
}

async fn import(args: &VerdictsImport, text: &str, store: &Store) -> Result<Verdicts> {
    let now = clock::now();
    let picture = Picture::read(store, now).await?;
    let read = verdict_file::read(&args.file.display().to_string(), text, &picture)?;
    let mut verdicts = if args.merge { picture.verdicts } else { Verdicts::default() };
    for (door, networks) in read.0 {
        verdicts.0.entry(door).or_default().extend(networks);
    }
    store.put_verdicts(&verdicts).await?;
    let detail = json!({ "frontdoors": verdicts.0.len(), "merged": args.merge });
    store.audit(&actor(), "verdicts imported", &detail, now).await?;
    Ok(verdicts)
}

/// Who asks, for the audit log.
pub fn actor() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    user.ok()
        .filter(|u| !u.is_empty())
        .map_or_else(|| "operator".to_owned(), |u| format!("operator {u}"))
}
