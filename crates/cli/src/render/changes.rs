//! What changes: grouped by region, then by what is done and why; alike ones folded.

use damm_fleet::{Reason, RegionName, Verb};
use damm_planner::{Changed, Decision};

use super::text::{Line, Page, Style};

/// Groups of at most this many are listed one by one; larger ones are folded unless asked for more.
const LISTED: usize = 3;

/// Changes that are alike: the same region, decision and kind of reason.
struct Group<'a> {
    decision: &'a Decision,
    members: Vec<&'a Changed>,
}

/// Writes all changes of a region, under its name.
pub fn draw(page: &mut Page, region: &RegionName, changes: &[&Changed], unfolded: bool) {
    page.heading(region.as_str());
    for group in grouped(changes) {
        group.draw(page, unfolded);
    }
}

/// The changes of each region, regions in the order of the report.
pub fn by_region(changes: &[Changed]) -> Vec<(&RegionName, Vec<&Changed>)> {
    let mut regions: Vec<(&RegionName, Vec<&Changed>)> = Vec::new();
    for change in changes {
        match regions.iter_mut().find(|(r, _)| **r == change.region) {
            Some((_, list)) => list.push(change),
            None => regions.push((&change.region, vec![change])),
        }
    }
    regions
}

fn grouped<'a>(changes: &[&'a Changed]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for change in changes {
        let alike = |g: &&mut Group<'_>| {
            *g.decision == change.decision && kind(&g.members[0].why) == kind(&change.why)
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.members.push(change),
            None => groups.push(Group { decision: &change.decision, members: vec![change] }),
        }
    }
    groups
}

const fn kind(why: &Reason) -> std::mem::Discriminant<Reason> {
    std::mem::discriminant(why)
}

/// The symbol of a decision, and its colour.
pub const fn symbol(decision: &Decision) -> (&'static str, Style) {
    match decision {
        Decision::Act { verb } => verb_symbol(*verb),
        Decision::Verified | Decision::StepIn | Decision::Restore { .. } => ("✓", Style::Good),
        Decision::Withhold { .. } => ("~", Style::Warn),
        Decision::Forget => ("·", Style::Dim),
    }
}

const fn verb_symbol(verb: Verb) -> (&'static str, Style) {
    match verb {
        Verb::CreateIngress
        | Verb::CreateEgress
        | Verb::AllocateIngressFrontdoors
        | Verb::AllocateEgressIps => ("+", Style::Good),
        Verb::DrainNode | Verb::DrainFrontdoor | Verb::DrainEgressIp => ("~", Style::Warn),
        Verb::PublishEndpointCatalog => ("↑", Style::Accent),
        Verb::RetireNode | Verb::ReleaseFrontdoor | Verb::ReleaseEgressIp => ("-", Style::Bad),
    }
}

/// A decision in words; verbs in the contract's spelling.
pub fn words(decision: &Decision) -> String {
    match decision {
        Decision::Act { verb } => verb.to_string(),
        Decision::Verified => "verified".to_owned(),
        Decision::StepIn => "step in".to_owned(),
        Decision::Withhold { population } => format!("withhold from {population}"),
        Decision::Restore { population } => format!("tell {population} again"),
        Decision::Forget => "forget".to_owned(),
    }
}

impl Group<'_> {
    fn draw(&self, page: &mut Page, unfolded: bool) {
        let (symbol, style) = symbol(self.decision);
        let mut what = Line::of(Style::Bold, words(self.decision));
        if self.members.len() > 1 {
            what = what.put(Style::Bold, format!(" × {}", self.members.len()));
        }
        let shared = self.shared_reason();
        if let Some(why) = &shared {
            what = what.put(Style::Plain, "  ").put(Style::Dim, why.clone());
        }
        page.wrapped(Line::plain("  ").put(style, symbol).put(Style::Plain, " "), what);
        match unfolded || self.members.len() <= LISTED {
            true => self.members.iter().for_each(|m| item(page, m, shared.is_none())),
            false => self.fold(page),
        }
    }

    /// The reason that all of them have, or what their reasons have in common.
    fn shared_reason(&self) -> Option<String> {
        let first = &self.members[0].why;
        match self.members.iter().all(|m| m.why == *first) {
            true => said_already(self.decision, first),
            false => in_common(self.members.iter().map(|m| &m.why)),
        }
    }

    fn fold(&self, page: &mut Page) {
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for member in &self.members {
            match kinds.iter_mut().find(|(d, _)| *d == member.detail) {
                Some((_, n)) => *n += 1,
                None => kinds.push((&member.detail, 1)),
            }
        }
        let digits = kinds.iter().map(|(_, n)| n.to_string().len()).max();
        for (detail, n) in kinds.iter().filter(|(d, _)| !d.is_empty()) {
            let count = format!("{n:>0$} × ", digits.unwrap_or(1));
            let lead = Line::plain("      ").put(Style::Accent, count);
            page.wrapped(lead, Line::plain(*detail));
        }
    }
}

/// Why alike decisions were made, in a few words: each kind of reason once.
pub fn reasons(group: &[&Changed]) -> String {
    let mut kinds: Vec<Vec<&Reason>> = Vec::new();
    for change in group {
        match kinds.iter_mut().find(|k| kind(k[0]) == kind(&change.why)) {
            Some(reasons) => reasons.push(&change.why),
            None => kinds.push(vec![&change.why]),
        }
    }
    let texts = kinds.iter().filter_map(|k| match k.iter().all(|r| *r == k[0]) {
        true => said_already(&group[0].decision, k[0]),
        false => in_common(k.iter().copied()),
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// The reason's text, unless the decision says the same.
fn said_already(decision: &Decision, why: &Reason) -> Option<String> {
    match (decision, why) {
        (Decision::Verified, Reason::Verified) => None,
        _ => Some(why.to_string()),
    }
}

/// One wording for reasons of one kind that differ in their particulars.
fn in_common<'a>(mut reasons: impl Iterator<Item = &'a Reason> + Clone) -> Option<String> {
    let limits = || {
        reasons.clone().filter_map(|r| match r {
            Reason::Aged { limit } => Some(*limit),
            _ => None,
        })
    };
    match (limits().min(), limits().max()) {
        (Some(min), Some(max)) => Some(format!("reached their age limits, {min} to {max}")),
        _ => match reasons.next() {
            Some(Reason::BelowTarget { want, .. }) => Some(format!("fewer than {want} in service")),
            Some(Reason::BelowStandby { want, .. }) => {
                Some(format!("fewer than {want} on standby"))
            }
            Some(Reason::BelowReserve { want, .. }) => {
                Some(format!("fewer than {want} in reserve"))
            }
            Some(Reason::Exposed { budget, .. }) => {
                Some(format!("known to {budget} clients or more"))
            }
            Some(Reason::Surplus { want, .. }) => Some(format!("more than the {want} wanted")),
            _ => None,
        },
    }
}

/// One change on a line of its own.
fn item(page: &mut Page, change: &Changed, with_reason: bool) {
    let lead = Line::plain("      ").put(Style::Accent, change.item.to_string());
    let mut text = Line::plain(change.detail.clone());
    if with_reason && said_already(&change.decision, &change.why).is_some() {
        let gap = if change.detail.is_empty() { "" } else { "  " };
        text = text.put(Style::Plain, gap).put(Style::Dim, change.why.to_string());
    }
    page.wrapped(lead.put(Style::Plain, "  "), text);
}
