//! Whether what is made comes up, or is made again and again for nothing.

use std::collections::{BTreeMap, HashSet};

use damm_fleet::{Phase, ProviderName, Reason, Span, Subject, Timestamp};
use damm_planner::{Item, Report};

use crate::due::Rows;

/// Something that was made or asked for, never worked, and was given up.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenUp {
    /// What.
    pub subject: Subject,
    /// The account that it was made at.
    pub provider: ProviderName,
    /// Why it was given up.
    pub why: Reason,
}

/// What came of one run's work so far.
#[derive(Debug)]
pub(crate) struct Effort {
    tries: u32,
    /// Accounts without stock are tried one after the other within a minute. That is no proof that
    /// going on is for nothing; tries that span this long are.
    span: Span,
    ready: HashSet<Subject>,
    given_up: BTreeMap<Subject, GivenUp>,
    /// Plans that gave something up, since anything worked for the first time.
    plans: u32,
    first: Option<Timestamp>,
}

impl Effort {
    /// Gives up after so many tries of something that has `join_timeout` to come up.
    pub(crate) fn new(tries: u32, join_timeout: Span) -> Self {
        Self {
            tries,
            span: join_timeout.scale(2.0),
            ready: HashSet::new(),
            given_up: BTreeMap::new(),
            plans: 0,
            first: None,
        }
    }

    /// Notes what works. When something does for the first time, going on is worth it.
    pub(crate) fn look(&mut self, rows: &Rows) {
        let before = self.ready.len();
        let ready = rows.values().filter(|r| r.phase == Phase::Ready);
        self.ready.extend(ready.map(|r| r.subject));
        if self.ready.len() > before {
            (self.plans, self.first) = (0, None);
            self.given_up.clear();
        }
    }

    /// Notes what a plan gives up. Tells whether as many plans as are allowed have done so, with
    /// nothing having come up in between: then making more of it costs money and changes nothing.
    pub(crate) fn plan(&mut self, report: &Report, rows: &Rows, now: Timestamp) -> bool {
        let before = self.given_up.len();
        for change in report.changes.iter().filter(|c| is_failure(&c.why)) {
            // What is to come in its place has no row yet; what has worked before was not in vain.
            if let Item::Subject(subject) = change.item
                && let Some(row) = rows.get(&subject).filter(|_| !self.ready.contains(&subject))
            {
                let (provider, why) = (row.provider.clone(), change.why.clone());
                self.given_up.entry(subject).or_insert(GivenUp { subject, provider, why });
            }
        }
        if self.given_up.len() == before {
            return false;
        }
        self.plans += 1;
        let first = *self.first.get_or_insert(now);
        self.plans >= self.tries && now.since(first) >= self.span
    }

    pub(crate) fn given_up(self) -> Vec<GivenUp> {
        self.given_up.into_values().collect()
    }
}

const fn is_failure(why: &Reason) -> bool {
    matches!(why, Reason::NeverJoined { .. } | Reason::Refused { .. } | Reason::Dead { .. })
}
