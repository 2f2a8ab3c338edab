//! What it came to, as the embedded cloud itself saw it.

use std::collections::BTreeSet;

use damm_clouds::sim::Happening;
use damm_fleet::{Subject, Timestamp};
use serde::Serialize;

use super::Stage;
use super::theatre::Theatre;
use crate::exit::{Exit, Failure, Result};
use crate::render::{Line, Page, Style, Table};

/// What the embedded cloud saw.
#[derive(Debug, Serialize)]
pub struct Tally {
    days: u64,
    blueprints: u64,
    servers_made: usize,
    addresses_made: usize,
    addresses_returned: usize,
    calls: u64,
    fewest_doors: usize,
    sessions_cut: u64,
    returned_too_early: usize,
    orphans: usize,
    duplicates: usize,
    audit_entries: u64,
}

/// Asks the embedded cloud, not the ledger.
pub async fn of(theatre: &Theatre<'_>) -> Result<Tally> {
    let world = &theatre.bench.providers.world;
    let events = world.events();
    let count = |f: fn(&Happening) -> bool| events.iter().filter(|e| f(&e.what)).count();
    let store = theatre.bench.store();
    let standing = world.audit();
    let rows = store.resources().await?;
    let known: BTreeSet<Subject> =
        rows.iter().filter(|r| r.phase.may_exist()).map(|r| r.subject).collect();
    let tags = standing.values().flat_map(|s| {
        let machines = s.machines.iter().map(|m| &m.tag);
        machines.chain(s.addresses.iter().map(|a| &a.tag))
    });
    let stray =
        |t: &&Option<damm_clouds::Tag>| t.as_ref().is_none_or(|t| !known.contains(&t.subject));
    Ok(Tally {
        days: theatre.elapsed().as_millis() / 86_400_000,
        blueprints: theatre.bench.engine.blueprint().generation,
        servers_made: count(|w| matches!(w, Happening::MachineCreated)),
        addresses_made: count(|w| matches!(w, Happening::AddressAllocated)),
        addresses_returned: count(|w| matches!(w, Happening::AddressReleased)),
        calls: standing.values().map(|s| s.calls).sum(),
        fewest_doors: theatre.fewest.unwrap_or(0),
        sessions_cut: cuts(theatre).map(|cut| cut.2).sum(),
        returned_too_early: theatre.too_early.len(),
        orphans: tags.filter(stray).count(),
        duplicates: world.duplicates().len(),
        audit_entries: store.verify_audit().await?,
    })
}

/// Tells it. What must be zero and is not makes the play fail.
pub fn tell(tally: &Tally, theatre: &Theatre<'_>, stage: &Stage) -> Result<Exit> {
    let mut page = theatre.output().page();
    page.gap();
    page.say("");
    page.line(Line::of(Style::Bold, format!("{} days, as the cloud itself saw them", tally.days)));
    let mut table = Table::new(&["", ">", ""]);
    for (n, what) in [
        (tally.servers_made as u64, "servers made"),
        (tally.addresses_made as u64, "addresses taken"),
        (tally.addresses_returned as u64, "addresses given back"),
        (tally.fewest_doors as u64, "front doors, the fewest that any population had"),
    ] {
        table.row(vec![
            Line::plain(" "),
            Line::of(Style::Accent, n.to_string()),
            Line::plain(what),
        ]);
    }
    let zeros = [
        (tally.sessions_cut, "sessions cut"),
        (tally.returned_too_early as u64, "addresses given back while a catalog named them"),
        (tally.orphans as u64, "orphans: nothing is paid for that nobody knows of"),
        (tally.duplicates as u64, "duplicates: nothing was ever made twice"),
    ];
    for (n, what) in zeros {
        let style = if n == 0 { Style::Good } else { Style::Bad };
        table.row(vec![Line::plain(" "), Line::of(style, n.to_string()), Line::plain(what)]);
    }
    table.draw(&mut page);
    page.line(
        Line::of(Style::Good, "✓ ").put(
            Style::Plain,
            format!("the audit chain of {} entries is whole", tally.audit_entries),
        ),
    );
    next(&mut page, stage);
    theatre.output().result("demo", tally, &page);
    match zeros.iter().find(|(n, _)| *n > 0) {
        None => Ok(Exit::Done),
        Some((n, what)) => {
            let failure = Failure::error(format!("{n} {what}: please report this, with --seed"));
            Err(failure.help(told(theatre)))
        }
    }
}

/// When and where sessions were cut, and how many. The embedded cloud lets sessions come to every
/// address that an agent serves, also to a front door that is given up before any catalog named it:
/// these are nobody's.
fn cuts<'a>(theatre: &'a Theatre<'_>) -> impl Iterator<Item = (Timestamp, Subject, u64)> + use<'a> {
    let events = theatre.bench.providers.world.events();
    events.into_iter().filter_map(|event| match event.what {
        Happening::SessionsCut { subject, sessions } if theatre.was_told(subject) => {
            Some((event.at, subject, sessions))
        }
        _ => None,
    })
}

/// The same in words.
fn told(theatre: &Theatre<'_>) -> String {
    let line = |(at, subject, n)| format!("{}: {n} of {subject}", theatre.when(at));
    cuts(theatre).map(line).collect::<Vec<_>>().join("; ")
}

fn next(page: &mut Page, stage: &Stage) {
    page.gap();
    match stage.is_kept() {
        true => {
            let state = stage.dir.join("damm.db");
            page.say(format!("Look around: damm status --state sqlite:{}", state.display()));
        }
        false => page.say("Next: damm init my-fleet"),
    }
}
