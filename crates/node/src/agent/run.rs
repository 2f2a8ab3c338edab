//! The agent with hands.

use std::sync::Arc;

use damm_fleet::{Span, Timestamp};
use damm_protocol::{JoinRequest, NodeConfig, Seat, SyncRequest};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::decisions::Core;
use super::deeds::{Ahead, Deed, Event};
use super::{Pace, Works};
use crate::home::{Home, HomeError, Status, Tripwire};
use crate::link::{Link, LinkError};

/// What the agent's state is written down for people at most, and at least.
const TELL: (Span, Span) = (Span::from_secs(2), Span::from_mins(1));

/// Why an agent can't begin. Once it has begun it goes on, whatever happens.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its state directory can't be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Its seat does not say where the controller is.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What works with packets and services has broken down.
    #[error("the agent broke down and has to be started again; what was set up goes on")]
    Broken,
}

/// The agent with hands.
pub struct Agent {
    seat: Seat,
    home: Home,
    link: Link,
    clock: Clock,
    core: Core,
    /// To the one who holds the works.
    jobs: UnboundedSender<Job>,
    /// It ends before the agent does only if it breaks down.
    labour: JoinHandle<()>,
    happened: (UnboundedSender<Event>, UnboundedReceiver<Event>),
    /// The request that is under way.
    request: Option<AbortHandle>,
    status: Option<(Status, Timestamp)>,
}

/// What is done with the works, one after the other.
enum Job {
    Apply(Arc<NodeConfig>),
    Observe,
}

/// A clock that never goes back, whatever is done to the server's.
struct Clock {
    started: Timestamp,
    since: Instant,
}

impl Clock {
    fn now(&self) -> Timestamp {
        let passed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started + Span::from_millis(passed)
    }

    /// How long until then.
    fn until(&self, then: Timestamp) -> std::time::Duration {
        then.since(self.now()).to_std()
    }
}

impl Agent {
    /// An agent at `now`, with a seed of its own for its waits. It has begun to apply what it
    /// holds when this returns.
    ///
    /// # Errors
    ///
    /// [`AgentError`].
    pub fn begin(
        (seat, home): (Seat, Home),
        works: impl Works,
        (pace, seed): (Pace, u64),
        tripwire: Tripwire,
        now: Timestamp,
    ) -> Result<Self, AgentError> {
        let link = Link::new(seat.controller.parse()?, seat.pin)?;
        let memory = home.recall()?;
        let clock = Clock { started: now, since: Instant::now() };
        let (told, happened) = mpsc::unbounded_channel();
        let (jobs, todo) = mpsc::unbounded_channel();
        let who = (seat.node, seat.role);
        let core = Core::new(who, memory, works.transports(), (pace, seed), now);
        let labour = tokio::spawn(labour(works, todo, told.clone(), tripwire));
        let happened = (told, happened);
        let (request, status) = (None, None);
        Ok(Self { seat, home, link, clock, core, jobs, labour, happened, request, status })
    }

    /// Works until `stop`. All that was set up goes on without the agent.
    ///
    /// # Errors
    ///
    /// [`AgentError::Broken`].
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), AgentError> {
        let mut stop = std::pin::pin!(stop);
        loop {
            self.act();
            let told = self.write_status();
            let wait = self.core.wake().map_or(told, |at| at.min(told));
            let wait = self.clock.until(wait);
            let event = tokio::select! {
                () = &mut stop => break,
                _ = &mut self.labour => return Err(AgentError::Broken),
                event = self.happened.1.recv() => event.unwrap_or(Event::Tick),
                () = tokio::time::sleep(wait) => Event::Tick,
            };
            self.core.handle(event, self.clock.now());
        }
        tracing::info!("stopped; what was set up goes on");
        Ok(())
    }

    /// Carries out what there is to do.
    fn act(&mut self) {
        while let Some(deed) = self.core.deed() {
            if let Some(kept) = self.carry_out(deed) {
                if let Err(error) = &kept {
                    tracing::error!("{error}");
                }
                let kept = kept.map_err(|e| e.to_string());
                self.core.handle(Event::Kept(kept), self.clock.now());
            }
        }
    }

    fn carry_out(&mut self, deed: Deed) -> Option<Result<(), HomeError>> {
        match deed {
            Deed::Join(ask) => self.join(ask),
            Deed::Sync(ask, ahead) => return Some(self.sync(ask, *ahead)),
            Deed::GiveUp => self.request.iter().for_each(AbortHandle::abort),
            Deed::Rise(above) => self.home.rise(above),
            Deed::KeepJoined(joined) => {
                tracing::info!("joined the fleet {}", self.seat.fleet);
                return Some(self.home.keep_joined(&joined));
            }
            Deed::KeepHeld(config) => {
                tracing::info!(generation = config.generation, "received");
                return Some(self.home.keep_held(&config));
            }
            Deed::KeepApplied(config) => {
                tracing::info!(generation = config.generation, "applied");
                return Some(self.home.keep_applied(&config));
            }
            Deed::KeepVerified(verified) => return Some(self.home.keep_verified(&verified)),
            Deed::Apply(config) => self.order(Job::Apply(config)),
            Deed::Observe => self.order(Job::Observe),
            Deed::Prove(address) => {
                let (link, told) = (self.link.clone(), self.happened.0.clone());
                tokio::spawn(async move {
                    drop(told.send(Event::Echoed(address, link.echo(address).await)));
                });
            }
        }
        None
    }

    fn order(&self, job: Job) {
        // It listens for as long as this agent lives.
        drop(self.jobs.send(job));
    }

    fn join(&mut self, ask: u64) {
        let key = self.home.keys().identity();
        let request = JoinRequest {
            fleet: self.seat.fleet.clone(),
            node: self.seat.node,
            token: self.seat.join_token.clone(),
            identity: key.public(),
            overlay: self.home.keys().overlay().wireguard_public(),
            transports: self.core.transports().clone(),
        };
        let (link, told) = (self.link.clone(), self.happened.0.clone());
        let asked = tokio::spawn(async move {
            let answer = link.join(&key, &request).await;
            drop(told.send(Event::Joined(ask, answer)));
        });
        self.request = Some(asked.abort_handle());
    }

    fn sync(&mut self, ask: u64, ahead: Ahead) -> Result<(), HomeError> {
        let reserved = self.home.reserve_sequence();
        let Ahead { have, report, transports, wait } = ahead;
        let (node, sequence) = (self.seat.node, self.home.next_sequence());
        let request = SyncRequest { node, sequence, have, report, transports, wait };
        let key = self.home.keys().identity();
        let (link, told) = (self.link.clone(), self.happened.0.clone());
        let asked = tokio::spawn(async move {
            let answer = link.sync(&key, &request).await;
            drop(told.send(Event::Synced(ask, answer)));
        });
        self.request = Some(asked.abort_handle());
        reserved
    }

    /// Writes down how the agent is, and says what has changed; when to come again.
    fn write_status(&mut self) -> Timestamp {
        let now = self.clock.now();
        let report = self.core.report();
        let status = Status {
            fleet: self.seat.fleet.clone(),
            node: self.seat.node,
            role: self.seat.role,
            at: now,
            joined: self.core.is_joined(),
            alone_for: self.core.alone_since().map(|since| now.since(since)),
            held: self.core.held(),
            report,
        };
        if let Some((last, at)) = &self.status {
            let age = now.since(*at);
            let same = Status { at: last.at, alone_for: last.alone_for, ..status.clone() } == *last;
            let rest = if same { TELL.1 } else { TELL.0 };
            if age < rest {
                return *at + rest;
            }
        }
        let before = self.status.as_ref().map(|(s, _)| &s.report.problems);
        let new = |p: &&_| before.is_none_or(|b| !b.contains(p));
        for problem in status.report.problems.iter().filter(new) {
            tracing::warn!(part = problem.part, "{}", problem.message);
        }
        if let Err(error) = self.home.tell(&status) {
            tracing::warn!("{error}");
        }
        self.status = Some((status, now));
        now + TELL.1
    }
}

/// Holds the works, and does one thing after the other with them.
async fn labour(
    mut works: impl Works,
    mut todo: UnboundedReceiver<Job>,
    told: UnboundedSender<Event>,
    tripwire: Tripwire,
) {
    while let Some(job) = todo.recv().await {
        let event = match job {
            Job::Apply(config) => {
                tripwire.pass("apply", "not begun");
                let ended = works.apply(&config).await;
                tripwire.pass("apply", "ended");
                Event::Applied(ended, works.transports())
            }
            Job::Observe => {
                let seen = Box::new(works.observe().await);
                Event::Observed(seen, works.listening())
            }
        };
        if told.send(event).is_err() {
            return;
        }
    }
}
