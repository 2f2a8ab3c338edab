//! What each population has, and is left with after losing any one thing.

use std::collections::BTreeMap;

use damm_fleet::PopulationName;
use damm_planner::{Survival, Survivors};

use super::table::Table;
use super::text::{GLUE, Line, Page, Style};

/// What is known of the addresses that a survival rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// They were given by their providers.
    Given,
    /// They are yet to be given: which prefix would hurt most can't be told, only how much.
    Expected,
}

/// Writes a row for each population.
pub fn draw(
    page: &mut Page,
    title: &str,
    survival: &BTreeMap<PopulationName, Survival>,
    addresses: Addresses,
) {
    if survival.is_empty() {
        return;
    }
    let columns = [title, ">doors", ">providers", ">ASNs", ">prefixes", "worst loss leaves"];
    let mut table = Table::new(&columns);
    for (name, s) in survival {
        let enough = if s.fronts >= s.min_fronts { Style::Good } else { Style::Bad };
        let doors = Line::of(enough, s.fronts.to_string());
        let number = |n: u32| Line::plain(n.to_string());
        table.row(vec![
            Line::plain(format!("  {name}")),
            doors.put(Style::Dim, format!("/{}", s.min_fronts)),
            number(s.providers),
            number(s.asns),
            number(s.prefixes),
            worst(s, addresses),
        ]);
    }
    page.gap();
    table.draw(page);
}

/// `8 sim-a · 8 AS64500 · 10 10.1.2.0/24`
fn worst(survival: &Survival, addresses: Addresses) -> Line {
    let losses = survival.worst.iter().filter(|w| !w.lost.is_empty());
    let mut line = Line::new();
    for (i, loss) in losses.enumerate() {
        let gap = if i == 0 { "" } else { " · " };
        line = line.put(Style::Dim, gap).join(left(loss, survival.min_fronts, addresses));
    }
    line
}

fn left(loss: &Survivors, min: u32, addresses: Addresses) -> Line {
    let lost = match addresses == Addresses::Expected && loss.kind == "prefix" {
        true => "any\u{a0}prefix",
        false => &loss.lost,
    };
    let style = match loss.left {
        0 => Style::Bad,
        n if n < min => Style::Warn,
        _ => Style::Plain,
    };
    Line::of(style, loss.left.to_string()).put(Style::Dim, format!("{GLUE}{lost}"))
}
