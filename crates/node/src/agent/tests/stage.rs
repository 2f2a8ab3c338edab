//! A world for the agent without hands: a controller, a server and a clock that only the test
//! moves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use damm_fleet::{NodeId, Role, Span, Timestamp};
use damm_protocol::{JoinAnswer, NodeConfig, Problem, Refusal, Report, SyncAnswer};

use super::super::{Ahead, Core, Deed, Event, Pace};
use crate::dataplane::Observation;
use crate::home::Memory;
use crate::link::LinkError;

/// From a request to its answer.
const TRIP: Span = Span::from_millis(80);
/// From a config to its being in force.
const LABOUR: Span = Span::from_millis(300);

/// A world for the agent without hands.
pub struct Stage {
    pub core: Core,
    pub now: Timestamp,
    /// Whether the controller is there.
    pub online: bool,
    /// What asking comes to when it is not.
    pub away: LinkError,
    /// What it sends.
    pub config: Option<NodeConfig>,
    /// It sends this once, whatever the agent has.
    pub slip: Option<NodeConfig>,
    /// It refuses everything with this.
    pub refusal: Option<Refusal>,
    /// Generations that can't be applied.
    pub broken: Vec<u64>,
    /// What the server is like.
    pub seen: Observation,
    /// Transports that take connections.
    pub listening: BTreeSet<String>,
    /// What addresses are seen as; as themselves when they are not here.
    pub masks: BTreeMap<IpAddr, IpAddr>,
    /// What the agent did, and when.
    pub deeds: Vec<(Timestamp, Deed)>,
    /// What happens later.
    later: VecDeque<(Timestamp, Event)>,
    /// The held-open request: its number, what is had, and until when it may be held.
    open: Option<(u64, u64, Timestamp)>,
}

impl Stage {
    pub fn new(who: (NodeId, Role), memory: Memory) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let core = Core::new(who, memory, BTreeMap::new(), (Pace::default(), 5), now);
        Self {
            core,
            now,
            online: true,
            away: LinkError::Absent("nobody is there".to_owned()),
            config: None,
            slip: None,
            refusal: None,
            broken: Vec::new(),
            seen: Observation::default(),
            listening: BTreeSet::new(),
            masks: BTreeMap::new(),
            deeds: Vec::new(),
            later: VecDeque::new(),
            open: None,
        }
    }

    /// Lets time go by.
    pub fn pass(&mut self, span: Span) {
        self.act();
        let end = self.now + span;
        let mut steps = 0;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            steps += 1;
            assert!(steps < 200_000, "the agent never rests: {:?}", self.deeds.last());
            self.now = self.now.max(at);
            let event = self.due().unwrap_or(Event::Tick);
            self.core.handle(event, self.now);
            self.act();
        }
        self.now = end;
    }

    /// Changes what the controller sends, and tells who waits.
    pub fn send(&mut self, config: NodeConfig) {
        self.config = Some(config);
        self.answer_open();
    }

    /// The controller goes away, and whoever waits for it notices.
    pub fn go_offline(&mut self) {
        self.online = false;
        if let Some((ask, ..)) = self.open.take() {
            self.soon(TRIP, Event::Synced(ask, Err(broken())));
        }
    }

    /// What the agent told in its reports, in order.
    pub fn reports(&self) -> Vec<(Timestamp, &Report)> {
        let told = self.syncs().into_iter();
        told.filter_map(|(at, ahead)| ahead.report.as_ref().map(|r| (at, r))).collect()
    }

    pub fn syncs(&self) -> Vec<(Timestamp, &Ahead)> {
        let syncs = self.deeds.iter().filter_map(|(at, deed)| match deed {
            Deed::Sync(_, ahead) => Some((*at, &**ahead)),
            _ => None,
        });
        syncs.collect()
    }

    /// How often the agent did such a thing.
    pub fn count(&self, of: impl Fn(&Deed) -> bool) -> usize {
        self.deeds.iter().filter(|(_, deed)| of(deed)).count()
    }

    /// Generations in the order in which they were begun.
    pub fn begun(&self) -> Vec<u64> {
        let begun = self.deeds.iter().filter_map(|(_, deed)| match deed {
            Deed::Apply(config) => Some(config.generation),
            _ => None,
        });
        begun.collect()
    }

    fn next(&self) -> Option<Timestamp> {
        let held = self.open.map(|(.., until)| until);
        self.later.iter().map(|(at, _)| *at).chain(held).chain(self.core.wake()).min()
    }

    fn due(&mut self) -> Option<Event> {
        if let Some((ask, ..)) = self.open.take_if(|(.., until)| *until <= self.now) {
            return Some(Event::Synced(ask, Ok(SyncAnswer { config: None })));
        }
        let due = self.later.iter().position(|(at, _)| *at <= self.now)?;
        self.later.remove(due).map(|(_, event)| event)
    }

    fn soon(&mut self, after: Span, event: Event) {
        self.later.push_back((self.now + after, event));
        self.later.make_contiguous().sort_by_key(|(at, _)| *at);
    }

    pub fn act(&mut self) {
        while let Some(deed) = self.core.deed() {
            self.deeds.push((self.now, deed.clone()));
            self.carry_out(deed);
        }
    }

    fn carry_out(&mut self, deed: Deed) {
        let said = match (&self.refusal, self.online) {
            (_, false) => Some(self.away.clone()),
            (Some(refusal), true) => Some(LinkError::Refused(refusal.clone())),
            (None, true) => None,
        };
        match (deed, said) {
            (Deed::Join(ask), Some(error)) => self.soon(TRIP, Event::Joined(ask, Err(error))),
            (Deed::Join(ask), None) => {
                let config = self.config.clone();
                self.soon(TRIP, Event::Joined(ask, Ok(JoinAnswer { config })));
            }
            (Deed::Sync(ask, _), Some(error)) => self.soon(TRIP, Event::Synced(ask, Err(error))),
            (Deed::Sync(ask, ahead), None) => {
                assert_eq!(self.open, None, "two requests at once");
                self.open = Some((ask, ahead.have, self.now + ahead.wait));
                self.answer_open();
            }
            (Deed::GiveUp, _) => self.open = None,
            (Deed::Apply(config), _) => {
                let broken = self.broken.contains(&config.generation);
                let message = "it is broken".to_owned();
                let problem = Problem { part: "packets".to_owned(), message };
                let ended = if broken { Err(problem) } else { Ok(()) };
                self.soon(LABOUR, Event::Applied(ended, BTreeMap::new()));
            }
            (Deed::Observe, _) => {
                let seen = Box::new(self.seen.clone());
                self.soon(Span::from_millis(10), Event::Observed(seen, self.listening.clone()));
            }
            (Deed::Prove(address), said) => {
                let seen = self.masks.get(&address).copied().unwrap_or(address);
                self.soon(TRIP, Event::Echoed(address, said.map_or(Ok(seen), Err)));
            }
            _ => {}
        }
    }

    fn answer_open(&mut self) {
        let Some((ask, have, _)) = self.open else { return };
        let newer = self.config.clone().filter(|c| c.generation > have);
        if let Some(config) = self.slip.take().or(newer) {
            self.open = None;
            self.soon(TRIP, Event::Synced(ask, Ok(SyncAnswer { config: Some(config) })));
        }
    }
}

/// A connection that stood does no more.
pub fn broken() -> LinkError {
    LinkError::Unreachable("the connection broke".to_owned())
}
