//! The stage: the fleet, its clock, and what is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use damm_clouds::ManualClock;
use damm_fleet::{FrontdoorId, Reason, Span, Subject, Timestamp};
use damm_planner::{Changed, Decision, Item};

use super::client;
use super::crowd::{Blocks, Crowd};
use crate::exit::{Failure, Result};
use crate::output::Output;
use crate::render::{Line, Page, Style, changes};
use crate::workbench::Workbench;

/// Plans within one moment; more would be a planner that does not come to rest.
const PLANS: u32 = 24;
/// Clients are heard at least so often.
const REPORTS: Span = Span::from_mins(5);
/// Who the audit log says it was.
const ACTOR: &str = "demo";

/// The fleet on its stage.
pub struct Theatre<'a> {
    /// The fleet.
    pub bench: &'a Workbench,
    /// Its clock.
    pub clock: ManualClock,
    /// Whether changes are told as they happen.
    pub loud: bool,
    /// The clients, once they have come.
    pub crowd: Option<Crowd>,
    /// The fewest front doors that any population was left with, since it had its first ones.
    pub fewest: Option<usize>,
    /// Decisions so far, by what was decided.
    pub decided: BTreeMap<String, usize>,
    /// Until when each front door was ever named, read from the published bytes.
    named: BTreeMap<FrontdoorId, Timestamp>,
    /// Front doors whose address went back while a client could still be told of it.
    pub too_early: Vec<FrontdoorId>,
    published: PathBuf,
    start: Timestamp,
    pace: Duration,
    output: Output,
}

impl<'a> Theatre<'a> {
    /// A stage before the play.
    pub fn new(bench: &'a Workbench, clock: ManualClock, pace: Duration, output: Output) -> Self {
        Self {
            bench,
            start: bench.engine.now(),
            clock,
            loud: true,
            crowd: None,
            fewest: None,
            decided: BTreeMap::new(),
            named: BTreeMap::new(),
            too_early: Vec::new(),
            published: crate::workbench::base(&bench.file.name).join("published"),
            pace,
            output,
        }
    }

    /// The moment.
    pub fn now(&self) -> Timestamp {
        self.bench.engine.now()
    }

    /// `day 3 09:05`, since the play began.
    pub fn when(&self, at: Timestamp) -> String {
        let minutes = at.since(self.start).as_millis() / 60_000;
        let (day, hour, minute) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
        format!("day {day} {hour:02}:{minute:02}")
    }

    /// The time since the play began.
    pub fn elapsed(&self) -> Span {
        self.now().since(self.start)
    }

    /// Hears the clients, looks, plans and carries out all that can be done at this moment; returns
    /// what was decided.
    pub async fn act(&mut self) -> Result<Vec<Changed>> {
        self.hear_clients().await?;
        let engine = &self.bench.engine;
        engine.refresh().await?;
        let mut decided = Vec::new();
        let mut taken_down = 0;
        for _ in 0..PLANS {
            let plan = engine.replan(taken_down).await?;
            let rests = plan.diff.is_empty();
            if !rests {
                engine.adopt(&plan, ACTOR).await?;
                taken_down += damm_planner::destroys(&plan.report);
                self.hear(&plan.report.changes);
                decided.extend(plan.report.changes);
            }
            let passed = engine.pass().await?;
            if rests && passed.done == 0 {
                break;
            }
        }
        self.count_doors();
        self.heed_the_named()?;
        Ok(decided)
    }

    /// Acts again and again, `step` apart, until `done` says so of what was decided.
    pub async fn act_until(
        &mut self,
        step: Span,
        limit: Span,
        mut done: impl FnMut(&Self, &[Changed]) -> bool,
    ) -> Result<Vec<Changed>> {
        let end = self.now() + limit + step;
        let mut all = Vec::new();
        loop {
            let decided = self.act().await?;
            let enough = done(self, &decided);
            all.extend(decided);
            if enough {
                return Ok(all);
            }
            if self.now() >= end {
                let message = format!("the play got stuck on {}", self.when(self.now()));
                return Err(Failure::error(message)
                    .help("run it again with another --seed, and report this one"));
            }
            self.pass(step).await?;
        }
    }

    /// Lets time pass.
    pub async fn live(&mut self, step: Span, span: Span) -> Result<Vec<Changed>> {
        let end = self.now() + span;
        self.act_until(step, span, |this, _| this.now() >= end).await
    }

    /// Lives on until the machine's own time, so that whoever looks around finds a living fleet.
    pub async fn catch_up(&mut self, until: Timestamp) -> Result<()> {
        self.loud = false;
        const STEP: Span = Span::from_hours(2);
        while self.now() < until {
            let left = until.since(self.now());
            self.pass(left.min(STEP)).await?;
            self.act().await?;
        }
        Ok(())
    }

    /// Lets time pass in which nothing is done but that clients report.
    async fn pass(&mut self, span: Span) -> Result<()> {
        let end = self.now() + span;
        while self.crowd.is_some() && end.since(self.now()) > REPORTS {
            self.clock.advance(REPORTS);
            self.hear_clients().await?;
        }
        self.clock.advance(end.since(self.now()));
        Ok(())
    }

    async fn hear_clients(&mut self) -> Result<()> {
        let Some(mut crowd) = self.crowd.take() else { return Ok(()) };
        let lived = crowd.live(self).await;
        lived.map(|news| self.tell_blocks(&news, &crowd)).map(|()| self.crowd = Some(crowd))
    }

    /// One line for each door that is newly held to be blocked somewhere.
    fn tell_blocks(&self, news: &Blocks, crowd: &Crowd) {
        let doors: BTreeSet<FrontdoorId> = news.iter().map(|(door, _)| *door).collect();
        for door in doors {
            let networks = news.iter().filter(|(d, _)| *d == door);
            let networks: Vec<String> = networks.map(|(_, n)| n.to_string()).collect();
            let text = Line::of(Style::Accent, door.to_string())
                .put(Style::Plain, format!(" is blocked in {}  ", networks.join(", ")))
                .put(Style::Dim, crowd.evidence(door));
            self.line(Line::of(Style::Warn, "! "), text);
        }
    }

    fn hear(&mut self, decided: &[Changed]) {
        for change in decided {
            *self.decided.entry(changes::words(&change.decision)).or_default() += 1;
        }
        if self.loud {
            self.tell(decided);
        }
    }

    /// One line for each kind of decision.
    fn tell(&self, decided: &[Changed]) {
        let mut groups: Vec<(&Decision, Vec<&Changed>)> = Vec::new();
        for change in decided.iter().filter(|c| is_news(c)) {
            match groups.iter_mut().find(|(d, _)| **d == change.decision) {
                Some((_, group)) => group.push(change),
                None => groups.push((&change.decision, vec![change])),
            }
        }
        for (decision, group) in groups {
            let (symbol, style) = changes::symbol(decision);
            self.line(Line::of(style, format!("{symbol} ")), self.sentence(decision, &group));
        }
    }

    /// Tells a line at this moment.
    pub fn say(&self, text: impl Into<String>) {
        self.line(Line::plain("  "), Line::plain(text));
    }

    /// Tells a line that something is as it should be.
    pub fn good(&self, text: impl Into<String>) {
        self.line(Line::of(Style::Good, "✓ "), Line::plain(text));
    }

    /// Tells a line, with a mark before it.
    pub fn line(&self, mark: Line, text: Line) {
        let mut page = self.output.page();
        let lead = Line::of(Style::Dim, format!("{:<12}  ", self.when(self.now()))).join(mark);
        page.wrapped(lead, text);
        self.show(&page);
    }

    /// Begins an act.
    pub fn act_title(&self, title: &str) {
        let mut page = self.output.page();
        if self.elapsed() > Span::ZERO {
            page.say("");
        }
        page.line(Line::of(Style::Bold, title));
        self.show(&page);
    }

    /// Shows a page, and leaves the reader a moment.
    pub fn show(&self, page: &Page) {
        self.output.page_now(page);
        if !self.pace.is_zero() && !self.output.json() {
            std::thread::sleep(self.pace);
        }
    }

    /// What is written to.
    pub const fn output(&self) -> &Output {
        &self.output
    }

    /// Whether clients could ever know of it: of a front door from a catalog only.
    pub fn was_told(&self, subject: Subject) -> bool {
        match subject {
            Subject::Frontdoor(door) => {
                self.named.contains_key(&door) || self.too_early.contains(&door)
            }
            _ => true,
        }
    }

    /// Notes what is published, and whether any address went back too early.
    fn heed_the_named(&mut self) -> Result<()> {
        for (door, until) in client::named_until(&self.published)? {
            let known = self.named.entry(door).or_insert(until);
            *known = until.max(*known);
        }
        let (now, target) = (self.now(), self.bench.engine.blueprint());
        let gone = |door: &FrontdoorId| match target.frontdoor(*door) {
            None => true,
            Some((node, d)) => d.stage.is_leaving() || node.stage.is_leaving(),
        };
        let early = self.named.iter().filter(|(door, until)| **until > now && gone(door));
        let early: Vec<_> = early.map(|(door, _)| *door).collect();
        self.named.retain(|door, _| !early.contains(door));
        self.too_early.extend(early);
        Ok(())
    }

    fn count_doors(&mut self) {
        let (blueprint, topology) = (self.bench.engine.blueprint(), self.bench.engine.topology());
        let counts = topology.populations.keys().map(|p| blueprint.told(topology, p).count());
        let fewest = counts.min().unwrap_or(0);
        self.fewest = match self.fewest {
            None if fewest == 0 => None,
            known => Some(known.map_or(fewest, |k| k.min(fewest))),
        };
    }
}

/// Renewals and what is only bookkeeping are not told.
const fn is_news(change: &Changed) -> bool {
    !matches!(change.decision, Decision::Forget)
        && !matches!(change.why, Reason::CatalogRenewal)
        && !matches!(change.why, Reason::CatalogChanged { added: 0, removed: 0 })
}

impl Theatre<'_> {
    /// `createIngress × 6  0 of 6 in service`
    fn sentence(&self, decision: &Decision, group: &[&Changed]) -> Line {
        let mut line = Line::of(Style::Bold, changes::words(decision));
        line = match (group.len(), &group[0].item) {
            (1, Item::Catalog) => line,
            (1, item) => line.put(Style::Plain, " ").put(Style::Accent, item.to_string()),
            (n, _) => line.put(Style::Bold, format!(" × {n}")),
        };
        match self.why(group) {
            why if why.is_empty() => line,
            why => line.put(Style::Plain, "  ").put(Style::Dim, why),
        }
    }

    /// Reasons with the play's own days in them.
    fn why(&self, group: &[&Changed]) -> String {
        match &group[0].why {
            Reason::Dead { since } => format!("down since {}", self.when(*since)),
            // What a silent server still held when it was last heard of says nothing now.
            Reason::DrainDeadline { .. } => "its drain deadline has come".to_owned(),
            _ => changes::reasons(group),
        }
    }
}
