//! `damm show catalogs`, `damm show verdicts`

use damm_fleet::{FrontdoorId, Network, State, Timestamp, Verdict};
use damm_store::Store;
use serde::Serialize;

use super::print;
use crate::args::Show;
use crate::channels::{self, Held};
use crate::clock;
use crate::exit::{Failure, Result};
use crate::output::Output;
use crate::render::{Line, Page, Style, Table, when};

#[derive(Serialize)]
struct Catalog {
    region: String,
    serial: u64,
    published_at: Timestamp,
    expires_at: Timestamp,
    buckets: usize,
    newest_version: u64,
    channels: Vec<Held>,
}

/// Lists what was published, per region.
pub async fn catalogs(args: &Show, store: &Store, output: &Output, page: &mut Page) -> Result<()> {
    let now = clock::now();
    let held = channels::all(store).await?;
    let mut rows = Vec::new();
    let head = ["region", ">serial", "published", "expires", ">catalogs", ">version", "channels"];
    let mut table = Table::new(&head);
    for (region, c) in store.catalogs().await? {
        if args.id.as_deref().is_some_and(|id| id != region.as_str()) {
            continue;
        }
        let buckets = store.buckets(&region).await?;
        let channels = channels::of(&held, &region);
        let newest = buckets.values().map(|b| b.version).max().unwrap_or(0);
        table.row(vec![
            Line::of(Style::Accent, region.as_str()),
            Line::plain(c.serial.to_string()),
            Line::plain(when::relative(c.published_at, now)),
            Line::plain(when::relative(c.expires_at, now)),
            Line::plain(buckets.len().to_string()),
            Line::plain(newest.to_string()),
            channels::summary(&channels),
        ]);
        rows.push(Catalog {
            region: region.to_string(),
            serial: c.serial,
            published_at: c.published_at,
            expires_at: c.expires_at,
            buckets: buckets.len(),
            newest_version: newest,
            channels,
        });
    }
    print("catalogs", &rows, table, output, page);
    Ok(())
}

#[derive(Serialize)]
struct Known {
    door: FrontdoorId,
    network: Network,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Lists what is known of reachability.
pub async fn verdicts(args: &Show, store: &Store, output: &Output, page: &mut Page) -> Result<()> {
    let only: Option<FrontdoorId> = match &args.id {
        None => None,
        Some(id) => Some(
            id.parse().map_err(|e| Failure::error(e).help("`damm show frontdoors` lists them"))?,
        ),
    };
    let now = clock::now();
    let mut rows = Vec::new();
    let mut table = Table::new(&["front door", "network", "state", "since", "evidence"]);
    for (door, networks) in store.verdicts().await?.0 {
        for (network, verdict) in networks {
            if only.is_some_and(|d| d != door) {
                continue;
            }
            table.row(vec![
                Line::of(Style::Accent, door.to_string()),
                Line::plain(network.to_string()),
                state(verdict.state),
                Line::of(Style::Dim, when::relative(verdict.since, now)),
                Line::plain(verdict.evidence.clone()),
            ]);
            rows.push(Known { door, network, verdict });
        }
    }
    print("verdicts", &rows, table, output, page);
    Ok(())
}

/// A state in its colour.
pub fn state(state: State) -> Line {
    let style = match state {
        State::Reachable => Style::Good,
        State::Degraded => Style::Warn,
        State::Blocked | State::Down => Style::Bad,
        State::Unknown => Style::Dim,
    };
    Line::of(style, state.to_string())
}
