//! The loop: look, plan, carry out, until nothing is left to do or only waiting is.

use std::collections::HashSet;

use damm_fleet::reason::NoRoom;
use damm_fleet::{Span, Timestamp, WaitingOn};
use damm_planner::{Report, Waiting, destroys};

use crate::due::Held;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::guard::Breach;
use crate::pass::{Failed, Passed};
use crate::patience::{POLL_FIRST, POLL_LAST};

/// Plans that may follow each other without a new look at the world. A build takes three; more than
/// this many would be a planner that does not come to rest.
const PLANS_A_LOOK: u32 = 24;

/// While sessions drain they are looked at this often: they may end long before their deadline.
const DRAIN_LOOK: Span = Span::from_secs(60);

/// How long [`Engine::settle`] goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Looks in a row that show no change while something is under way.
    pub polls: u32,
    /// The longest that it sleeps for something whose moment is known, such as a drain's deadline.
    pub patience: Span,
    /// What the same run has taken down before: it counts against the topology's limit.
    pub destroyed: u32,
}

impl Default for Budget {
    /// A command's: about 20 minutes of looking at what is being made, and no waiting for drains.
    fn default() -> Self {
        Self { polls: 45, patience: Span::from_mins(5), destroyed: 0 }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to do.
    Done,
    /// What is left has to wait for longer than the budget allows, or for the operator.
    Waiting {
        /// When it is worth going on, where that is known.
        next: Option<Timestamp>,
    },
    /// It was told to stop.
    Stopped,
}

/// What was done and what is left.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// How it ended.
    pub ended: Ended,
    /// Blueprints that became the target.
    pub plans: u32,
    /// Steps that were done.
    pub steps: usize,
    /// What the whole run has planned to take down.
    pub destroyed: u32,
    /// Steps of the last pass that failed.
    pub failed: Vec<Failed>,
    /// Calls that were not made, because they would have broken a rule.
    pub breaches: Vec<Breach>,
    /// What the last pass left undone, and why.
    pub held: Vec<Held>,
    /// What the last plan left undone, and why.
    pub waits: Vec<Waiting>,
    /// The last plan's report.
    pub report: Report,
}

impl Settled {
    const fn new(report: Report) -> Self {
        Self {
            ended: Ended::Done,
            plans: 0,
            steps: 0,
            destroyed: 0,
            failed: Vec::new(),
            breaches: Vec::new(),
            held: Vec::new(),
            waits: Vec::new(),
            report,
        }
    }
}

/// How one round went.
#[derive(Debug, Default)]
struct Round {
    /// Whether something is under way whose end is not known.
    under_way: bool,
    /// When the next thing can be done whose moment is known.
    next: Option<Timestamp>,
    /// Whether anything is left at all.
    left: bool,
    /// Whether sessions drain.
    draining: bool,
}

impl Engine {
    /// Looks, plans and carries out until nothing is left to do, or only waiting is that takes
    /// longer than the budget allows.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh), [`pass`](Self::pass) and [`replan`](Self::replan).
    pub async fn settle(&self, budget: Budget, actor: &str) -> Result<Settled, Error> {
        let mut settled = Settled::new(Report::default());
        let (mut idle, mut pace) = (0, POLL_FIRST);
        settled.destroyed = budget.destroyed;
        // Progress is a world that was not there before in this run: what goes back and forth, or
        // is asked for again and again, is none.
        let mut worlds = HashSet::new();
        loop {
            let looked = self.now();
            let round = self.round(&mut settled, actor).await?;
            if self.stop.is_stopped() {
                settled.ended = Ended::Stopped;
                return Ok(settled);
            }
            (idle, pace) = match worlds.insert(self.world().fingerprint()) {
                true => (0, POLL_FIRST),
                false => (idle + 1, pace.scale(1.5).min(POLL_LAST)),
            };
            let now = self.now();
            let patient = round.next.filter(|t| t.since(now) <= budget.patience);
            let polls = round.under_way && idle < budget.polls;
            // Counted from the last one: what was made in a long pass has come up meanwhile.
            let look = now.max(looked + pace);
            let wake = match (round.left, polls, patient) {
                (false, _, _) => None,
                (true, true, Some(at)) => Some(at.min(look)),
                (true, true, None) => Some(look),
                (true, false, Some(at)) if round.draining => Some(at.min(now + DRAIN_LOOK)),
                (true, false, at) => at,
            };
            let Some(until) = wake else {
                settled.ended = match round.left {
                    true => Ended::Waiting { next: round.next },
                    false => Ended::Done,
                };
                return Ok(settled);
            };
            self.sleep(until).await;
        }
    }

    async fn sleep(&self, until: Timestamp) {
        // A moment that has come still lets a second pass: listings closer than that tell nothing.
        let span = until.since(self.now()).max(Span::from_secs(1));
        self.tell(&Event::Waiting { until });
        tokio::select! {
            () = self.clock.sleep(span) => {}
            () = self.stop.stopped() => {}
        }
    }

    /// One look, and all that can be planned and carried out on it.
    async fn round(&self, settled: &mut Settled, actor: &str) -> Result<Round, Error> {
        let refreshed = self.refresh().await?;
        let mut round = Round {
            under_way: !refreshed.unlisted.is_empty(),
            left: !refreshed.unlisted.is_empty(),
            ..Round::default()
        };
        for _ in 0..PLANS_A_LOOK {
            if self.stop.is_stopped() {
                break;
            }
            let plan = self.replan(settled.destroyed).await?;
            let rests = plan.diff.is_empty();
            if !rests {
                self.adopt(&plan, actor).await?;
                settled.destroyed += destroys(&plan.report);
                settled.plans += 1;
            }
            settled.waits.clone_from(&plan.report.waits);
            settled.report = plan.report;
            let passed = self.pass().await?;
            let moved = passed.done > 0 || passed.stale;
            settled.take(passed, &mut round);
            if rests && !moved {
                break;
            }
        }
        settled.weigh(&mut round, self.now());
        Ok(round)
    }
}

impl Settled {
    fn take(&mut self, passed: Passed, round: &mut Round) {
        self.steps += passed.done;
        self.failed = passed.failed;
        self.breaches.extend(passed.breaches);
        self.held = passed.held;
        round.under_way |= passed.left > 0;
        round.left |= passed.left > 0;
    }

    /// What is left to do, and when.
    fn weigh(&self, round: &mut Round, now: Timestamp) {
        let soonest = |round: &mut Round, at: Timestamp| {
            round.next = Some(round.next.map_or(at, |n| n.min(at)));
        };
        for held in &self.held {
            round.left = true;
            match held.until {
                Some(at) if at > now => soonest(round, at),
                _ if held.hold.needs_operator() => {}
                _ => round.under_way = true,
            }
        }
        for wait in &self.waits {
            round.left = true;
            round.draining |= matches!(wait.on, WaitingOn::Drain { .. });
            match moment(&wait.on) {
                Moment::At(at) => soonest(round, at.max(now)),
                Moment::Soon => round.under_way = true,
                Moment::Never => {}
            }
        }
    }
}

/// When something that is waited for comes.
enum Moment {
    At(Timestamp),
    /// Something else is under way, and this follows it.
    Soon,
    /// Not by waiting alone.
    Never,
}

fn moment(on: &WaitingOn) -> Moment {
    match on {
        WaitingOn::CatalogExpiry { until }
        | WaitingOn::DnsExpiry { until }
        | WaitingOn::Drain { until, .. } => Moment::At(*until),
        WaitingOn::Providers { each } => {
            let until = each.iter().filter_map(|(_, why)| match why {
                NoRoom::Exhausted { until } => Some(*until),
                _ => None,
            });
            until.min().map_or(Moment::Never, Moment::At)
        }
        WaitingOn::Verification { .. } | WaitingOn::Disappearance { .. } => Moment::Soon,
        // These follow something that is itself under way, or waited for in its own line.
        _ => Moment::Never,
    }
}
