//! `damm audit`

use serde_json::{Value, json};

use crate::args::{Audit, Global};
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Style, Table, when};
use crate::state;

/// Lists the audit log's newest entries and verifies its whole chain.
pub async fn run(args: &Audit, global: &Global, output: &Output) -> Result<Exit> {
    let store = state::read(global.state.as_deref(), None).await?;
    let entries = store.audit_log(args.limit).await?;
    let verified = store.verify_audit().await.map_err(|e| {
        Failure::from(e).help("somebody changed the state by other means; compare it with a backup")
    })?;
    store.close().await?;
    let mut table = Table::new(&[">seq", "when", "who", "what", "particulars"]);
    for entry in &entries {
        table.row(vec![
            Line::of(Style::Dim, entry.seq.to_string()),
            Line::plain(when::minute(entry.at)),
            Line::plain(entry.actor.clone()),
            Line::of(Style::Bold, entry.what.clone()),
            Line::plain(particulars(&entry.detail)),
        ]);
    }
    let mut page = output.page();
    table.draw(&mut page);
    page.gap();
    let entries_word = if verified == 1 { "entry" } else { "entries" };
    page.line(
        Line::of(Style::Good, "✓ ")
            .put(Style::Plain, format!("the chain of {verified} {entries_word} is whole")),
    );
    output.result("audit", json!({ "entries": entries, "verified": verified }), &page);
    Ok(Exit::Done)
}

/// An entry's particulars in one line: `blueprint bp-…, changes 12`.
fn particulars(detail: &Value) -> String {
    let Value::Object(fields) = detail else {
        return match detail {
            Value::Null => String::new(),
            other => other.to_string(),
        };
    };
    let plain = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let known = fields.iter().filter(|(_, v)| !v.is_null() && !v.is_object());
    let parts: Vec<_> = known.map(|(k, v)| format!("{k} {}", plain(v))).collect();
    parts.join(", ")
}
