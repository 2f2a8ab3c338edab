//! What waits and for what, and pools whose rotation is halted.

use damm_fleet::{Share, Timestamp, WaitingOn};
use damm_planner::{Halt, Waiting};

use super::text::{Line, Page, Style};
use super::when;

const LISTED: usize = 3;

/// Writes what waits; alike ones on one line.
pub fn draw(page: &mut Page, waits: &[Waiting], now: Timestamp, unfolded: bool) {
    if waits.is_empty() {
        return;
    }
    page.heading("Waiting");
    for group in grouped(waits, unfolded) {
        let first = group[0];
        let n = if group.len() > 1 { format!(" × {}", group.len()) } else { String::new() };
        let text = Line::plain(format!("{} ", first.region))
            .put(Style::Bold, format!("{}{n}", first.would))
            .put(Style::Plain, named(&group))
            .put(Style::Dim, " waits for ")
            .put(Style::Plain, on(&first.on, now));
        page.wrapped(Line::plain("  ").put(Style::Warn, "… "), text);
    }
}

fn named(group: &[&Waiting]) -> String {
    match group.len() {
        n if n <= LISTED => {
            let ids: Vec<_> = group.iter().map(|w| w.item.to_string()).collect();
            format!(" {}", ids.join(", "))
        }
        _ => String::new(),
    }
}

fn grouped(waits: &[Waiting], unfolded: bool) -> Vec<Vec<&Waiting>> {
    let mut groups: Vec<Vec<&Waiting>> = Vec::new();
    for wait in waits {
        let alike = |g: &&mut Vec<&Waiting>| {
            let first = g[0];
            !unfolded
                && first.region == wait.region
                && first.would == wait.would
                && first.on == wait.on
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(wait),
            None => groups.push(vec![wait]),
        }
    }
    groups
}

/// What is waited for, with the moment told from now where there is one.
pub fn on(on: &WaitingOn, now: Timestamp) -> String {
    match until(on) {
        Some(at) => format!("{on} ({})", when::relative(at, now)),
        None => on.to_string(),
    }
}

/// When waiting ends by itself, where that is known.
pub const fn until(on: &WaitingOn) -> Option<Timestamp> {
    match on {
        WaitingOn::CatalogExpiry { until }
        | WaitingOn::DnsExpiry { until }
        | WaitingOn::Drain { until, .. } => Some(*until),
        _ => None,
    }
}

/// Writes each halted pool in a box.
pub fn draw_halts(page: &mut Page, halts: &[Halt], breaker: Share) {
    if halts.is_empty() {
        return;
    }
    let mut inner = Page::new(page.width().saturating_sub(4));
    for halt in halts {
        let text = Line::of(Style::Bold, format!("{} {}: ", halt.region, halt.role)).put(
            Style::Plain,
            format!(
                "{} of {} look blocked or down at once. The observer may be what broke, so nothing \
                 here is rotated until no more than {breaker} of the pool look so.",
                halt.bad, halt.of
            ),
        );
        inner.wrapped(Line::new(), text);
    }
    page.gap();
    boxed(page, "Rotation halted", inner);
}

fn boxed(page: &mut Page, title: &str, inner: Page) {
    let width = inner.width();
    let rest = "─".repeat(width.saturating_sub(title.chars().count() + 1));
    page.line(Line::of(Style::Bad, format!("╭─ {title} {rest}╮")));
    for line in inner.into_lines() {
        let side = |l: Line, edge: &str| l.put(Style::Bad, edge.to_owned());
        page.line(side(side(Line::new(), "│ ").join(line.pad(width, false)), " │"));
    }
    page.line(Line::of(Style::Bad, format!("╰{}╯", "─".repeat(width + 2))));
}
