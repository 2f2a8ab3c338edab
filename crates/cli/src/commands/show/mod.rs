//! `damm show …`

mod addresses;
mod detail;
mod nodes;
mod published;
mod records;

pub use addresses::endpoint;
pub use detail::Facts;
pub use published::state;

use damm_fleet::{Stage, Subject};
use damm_store::Store;
use serde::Serialize;

use crate::args::{Global, Show, What};
use crate::clock;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::picture::Picture;
use crate::render::{Line, Page, Style, Table};

/// Lists one kind of thing, or shows one of it.
pub async fn run(args: &Show, global: &Global, output: &Output) -> Result<Exit> {
    let store = crate::state::read(global.state.as_deref(), None).await?;
    let mut page = output.page();
    match args.what {
        What::Nodes | What::Frontdoors | What::EgressIps => {
            let picture = Picture::read(&store, clock::now()).await?;
            subjects(args, &picture, output, &mut page)?;
        }
        What::Catalogs => published::catalogs(args, &store, output, &mut page).await?,
        What::Verdicts => published::verdicts(args, &store, output, &mut page).await?,
        What::Ledger => records::ledger(args, &store, output, &mut page).await?,
        What::Blueprints => records::blueprints(args, &store, output, &mut page).await?,
    }
    close(store).await?;
    Ok(Exit::Done)
}

async fn close(store: Store) -> Result<()> {
    Ok(store.close().await?)
}

fn subjects(args: &Show, picture: &Picture, output: &Output, page: &mut Page) -> Result<()> {
    match (&args.id, args.what) {
        (Some(id), _) => detail::show(id, picture, output, page),
        (None, What::Nodes) => nodes::list(picture, output, page),
        (None, What::Frontdoors) => addresses::frontdoors(picture, output, page),
        (None, _) => addresses::egress_ips(picture, output, page),
    }
}

/// A stage in one word, in its colour.
fn stage(stage: &Stage) -> Line {
    let style = match stage {
        Stage::Building => Style::Accent,
        Stage::Live { .. } => Style::Good,
        Stage::Draining { .. } => Style::Warn,
        Stage::Leaving { .. } => Style::Bad,
    };
    Line::of(style, stage.name())
}

/// Prints rows, or says that there are none.
fn print<R: Serialize>(kind: &str, rows: &[R], table: Table, output: &Output, page: &mut Page) {
    match rows.is_empty() {
        true => page.say(format!("no {}", kind.replace('_', " "))),
        false => table.draw(page),
    }
    output.result(kind, serde_json::json!({ kind: rows }), page);
}

/// The subject of an id.
pub(super) fn subject(id: &str) -> Result<Subject> {
    id.parse().map_err(|_| {
        Failure::error(format!("`{id}` is no id"))
            .help("ids look like node-…, door-… or eip-…; `damm show nodes` lists them")
    })
}
