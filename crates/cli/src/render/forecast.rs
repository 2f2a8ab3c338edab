//! What would follow a plan.

use damm_planner::{Forecast, Report};

use super::changes::{by_region, symbol, words};
use super::text::{Line, Page, Style};

/// Writes one line for each plan that would follow and region.
pub fn draw(page: &mut Page, forecast: &Forecast) {
    let steps = forecast.then.iter().filter(|r| !r.changes.is_empty());
    for (i, report) in steps.enumerate() {
        if i == 0 {
            page.heading("Then, once that is verified");
        }
        for (region, changes) in by_region(&report.changes) {
            let mut kinds: Vec<(&damm_planner::Decision, usize)> = Vec::new();
            for change in changes {
                match kinds.iter_mut().find(|(d, _)| **d == change.decision) {
                    Some((_, n)) => *n += 1,
                    None => kinds.push((&change.decision, 1)),
                }
            }
            let mut text = Line::new();
            for (n, (decision, count)) in kinds.into_iter().enumerate() {
                let (mark, style) = symbol(decision);
                let gap = if n == 0 { "" } else { ", " };
                let times = if count > 1 { format!(" × {count}") } else { String::new() };
                text = text
                    .put(Style::Plain, gap)
                    .put(style, format!("{mark} "))
                    .put(Style::Plain, format!("{}{times}", words(decision)));
            }
            let lead = Line::of(Style::Dim, format!("  {}. ", i + 1));
            page.wrapped(lead.put(Style::Plain, format!("{region}  ")), text);
        }
    }
}

/// The report that holds once all that follows is done: the last one, or the plan's own.
pub fn settled<'a>(own: &'a Report, forecast: &'a Forecast) -> &'a Report {
    forecast.then.last().unwrap_or(own)
}
