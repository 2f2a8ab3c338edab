//! The loop: look, plan, carry out, until nothing is left to do or only waiting is.

use std::collections::HashSet;

use damm_fleet::reason::NoRoom;
use damm_fleet::{Span, Timestamp, WaitingOn};
use damm_planner::{Report, Waiting, destroys};

use crate::due::{Held, Hold};
use crate::effort::{Effort, GivenUp};
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
    /// Plans that may give up what was made before it worked, with nothing having come up in
    /// between.
    pub tries: u32,
}

impl Default for Budget {
    /// A command's: about 20 minutes of looking at what is being made, no waiting for drains, and
    /// three tries: one may fail by bad luck, and the next because of what came of that.
    fn default() -> Self {
        Self { polls: 45, patience: Span::from_mins(5), tries: 3, destroyed: 0 }
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
    /// What it makes does not come up: [`Settled::given_up`] tells what. It could go on making more
    /// of it, and stopped instead.
    Fruitless,
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
    /// What was given up since anything came up, when it ended [`Fruitless`](Ended::Fruitless).
    pub given_up: Vec<GivenUp>,
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
            given_up: Vec::new(),
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
    /// When the next call is made again that failed. It may fail then too, so this is no moment
    /// that is worth any patience.
    retry: Option<Timestamp>,
    /// Whether anything is left at all.
    left: bool,
    /// Whether sessions drain.
    draining: bool,
    /// Whether what is made does not come up.
    fruitless: bool,
}

/// One run, so far.
struct Course<'a> {
    actor: &'a str,
    effort: Effort,
    settled: Settled,
}

impl Course<'_> {
    fn end(mut self, ended: Ended) -> Settled {
        if ended == Ended::Fruitless {
            self.settled.given_up = self.effort.given_up();
        }
        Settled { ended, ..self.settled }
    }
}

impl Engine {
    /// Looks, plans and carries out until nothing is left to do, or only waiting is that takes
    /// longer than the budget allows, or what it makes does not come up.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh), [`pass`](Self::pass) and [`replan`](Self::replan).
    pub async fn settle(&self, budget: Budget, actor: &str) -> Result<Settled, Error> {
        let effort = Effort::new(budget.tries, self.topology.rotation.join_timeout);
        let settled = Settled { destroyed: budget.destroyed, ..Settled::new(Report::default()) };
        let mut course = Course { actor, effort, settled };
        let (mut idle, mut pace) = (0, POLL_FIRST);
        // Progress is a world that was not there before in this run: what goes back and forth, or
        // is asked for again and again, is none.
        let mut worlds = HashSet::new();
        loop {
            let looked = self.now();
            let round = self.round(&mut course).await?;
            if self.stop.is_stopped() {
                return Ok(course.end(Ended::Stopped));
            }
            if round.fruitless {
                return Ok(course.end(Ended::Fruitless));
            }
            (idle, pace) = match worlds.insert(self.world().fingerprint()) {
                true => (0, POLL_FIRST),
                false => (idle + 1, pace.scale(1.5).min(POLL_LAST)),
            };
            // Counted from the last one: what was made in a long pass has come up meanwhile.
            let look = self.now().max(looked + pace);
            let polls = round.under_way && idle < budget.polls;
            match round.wake(polls.then_some(look), budget.patience, self.now()) {
                Some(until) => self.sleep(until).await,
                None => return Ok(course.end(round.end())),
            }
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
    async fn round(&self, course: &mut Course<'_>) -> Result<Round, Error> {
        let refreshed = self.refresh().await?;
        course.effort.look(&self.world().rows);
        let mut round = Round {
            under_way: !refreshed.unlisted.is_empty(),
            left: !refreshed.unlisted.is_empty(),
            ..Round::default()
        };
        for _ in 0..PLANS_A_LOOK {
            if self.stop.is_stopped() {
                break;
            }
            self.count_who_learned().await?;
            let plan = self.replan(course.settled.destroyed).await?;
            let rests = plan.diff.is_empty();
            if !rests {
                round.fruitless = course.effort.plan(&plan.report, &self.world().rows, self.now());
                if round.fruitless {
                    break;
                }
                self.adopt(&plan, course.actor).await?;
                course.settled.destroyed += destroys(&plan.report);
                course.settled.plans += 1;
            }
            self.judge_blocks(&plan.report).await?;
            course.settled.waits.clone_from(&plan.report.waits);
            course.settled.report = plan.report;
            let passed = self.pass().await?;
            let moved = passed.done > 0 || passed.stale;
            course.settled.take(passed, &mut round);
            if rests && !moved {
                break;
            }
        }
        course.settled.weigh(&mut round, self.now());
        Ok(round)
    }
}

impl Round {
    /// When to go on, if at all. `look` is the next look at what is under way, while the budget has
    /// one left.
    fn wake(&self, look: Option<Timestamp>, patience: Span, now: Timestamp) -> Option<Timestamp> {
        if !self.left {
            return None;
        }
        let known = self.next.filter(|at| at.since(now) <= patience);
        match look {
            Some(_) => [known, self.retry, look].into_iter().flatten().min(),
            None if self.draining => known.map(|at| at.min(now + DRAIN_LOOK)),
            None => known,
        }
    }

    fn end(&self) -> Ended {
        match self.left {
            true => Ended::Waiting { next: [self.next, self.retry].into_iter().flatten().min() },
            false => Ended::Done,
        }
    }

    fn soonest(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |n| n.min(at)));
    }

    fn retries(&mut self, at: Timestamp) {
        self.retry = Some(self.retry.map_or(at, |n| n.min(at)));
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
        for held in &self.held {
            round.left = true;
            match (&held.hold, held.until) {
                (Hold::Backoff { rejected, .. }, Some(at)) if at > now => {
                    round.retries(at);
                    round.under_way |= !rejected;
                }
                // Nothing waits for a channel that is down.
                (Hold::Lagging { .. }, Some(at)) if at > now => round.retries(at),
                (_, Some(at)) if at > now => round.soonest(at),
                (hold, _) if hold.needs_operator() => {}
                _ => round.under_way = true,
            }
        }
        for wait in &self.waits {
            round.left = true;
            round.draining |= matches!(wait.on, WaitingOn::Drain { .. });
            match moment(&wait.on) {
                Moment::At(at) => round.soonest(at.max(now)),
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
