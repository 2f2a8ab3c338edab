//! One attempt at everything that is due.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::resource::Observed;
use damm_fleet::{FailureClass, NodeId, ProviderName, Resource, Span, Subject};
use futures::stream::{FuturesUnordered, TryStreamExt};

use crate::due::{Due, Held, Hold};
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::guard::Breach;
use crate::step::{Call, Step};

/// The least time that a machine takes from its creation until it runs.
const BEFORE_IT_RUNS: Span = Span::from_secs(4);

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passed {
    /// Steps that were done.
    pub done: usize,
    /// Steps that failed.
    pub failed: Vec<Failed>,
    /// Steps that were not made, because they would have broken a rule.
    pub breaches: Vec<Breach>,
    /// What is not due yet, and why.
    pub held: Vec<Held>,
    /// Steps that are due again: they failed, or their turn did not come.
    pub left: usize,
    /// Whether it ended early because the target moved on.
    pub stale: bool,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// The step.
    pub step: Step,
    /// What that means for the world.
    pub class: FailureClass,
    /// The provider's words.
    pub message: String,
}

/// How one step of a pass ended.
#[derive(Debug)]
pub(crate) enum Carried {
    Done,
    Failed(Failed),
    Breach(Breach),
    /// It was not begun: the engine is stopping.
    Skipped,
    /// It was not begun: the target is another one now.
    Stale,
}

impl Engine {
    /// Makes one attempt at every step that is due, and at those that become due by it.
    ///
    /// A step is tried once in a pass. Steps of one account wait for its limits, those of one
    /// balancer for each other; all others go side by side.
    ///
    /// # Errors
    ///
    /// Failures of the store, and programming errors. A failure of a provider is none: it stands in
    /// the answer.
    pub async fn pass(&self) -> Result<Passed, Error> {
        let _turn = self.turn.lock().await;
        self.reload().await?;
        self.pass_on().await
    }

    /// Carries on with the target that is in memory, which may have been replaced since.
    pub(crate) async fn pass_on(&self) -> Result<Passed, Error> {
        let mut passed = Passed::default();
        let mut tried = BTreeSet::new();
        loop {
            let due = self.compile();
            // Rows that were never made and are no longer wanted end here.
            self.observe(due.closed.iter().copied(), Observed::Delete).await?;
            let wave = self.choose(&due.steps, &mut tried);
            if wave.is_empty() || passed.stale || self.stop.is_stopped() {
                passed.left = due.steps.len();
                passed.held = due.held;
                return Ok(passed);
            }
            self.wave(wave, &mut passed).await?;
        }
    }

    /// The steps of the next wave: what was not tried yet, with what can't wait in front.
    ///
    /// Where addresses can't be attached to a running machine, only as many machines are made at
    /// once as can get their addresses before they run; the others follow in the next wave.
    fn choose(&self, steps: &[Step], tried: &mut BTreeSet<String>) -> Vec<Step> {
        let mut room: BTreeMap<&ProviderName, usize> = BTreeMap::new();
        let mut wave = Vec::new();
        for step in steps.iter().filter(|s| !tried.contains(&s.id())) {
            if let (Call::CreateMachine { node }, Some(p)) = (&step.call, &step.provider) {
                let left = room.entry(p).or_insert_with(|| self.machines_at_once(p, *node));
                if *left == 0 {
                    continue;
                }
                *left -= 1;
            }
            wave.push(step.clone());
        }
        tried.extend(wave.iter().map(Step::id));
        wave.sort_by_key(|s| !matches!(s.call, Call::Attach { .. } | Call::Detach { .. }));
        wave
    }

    fn machines_at_once(&self, provider: &ProviderName, node: NodeId) -> usize {
        let moves = self.offers.get(provider);
        if moves.is_none_or(|o| o.capabilities.movable_addresses) {
            return usize::MAX;
        }
        let account = self.topology.providers.get(provider);
        let an_hour = account.map_or(1, |p| p.limits.requests_per_hour);
        let world = self.world();
        let node = world.blueprint.nodes.get(&node);
        let calls = 1 + node.map_or(0, |n| n.frontdoors.len() + n.egress_ips.len());
        let fitting = f64::from(an_hour) / 3_600.0 * BEFORE_IT_RUNS.as_secs_f64();
        ((fitting / calls as f64) as usize).max(1)
    }

    async fn wave(&self, steps: Vec<Step>, passed: &mut Passed) -> Result<(), Error> {
        let count = steps.len();
        self.tell(&Event::Due { steps: count });
        let mut under_way: FuturesUnordered<_> =
            steps.into_iter().map(|step| self.carry(step)).collect();
        while let Some(carried) = under_way.try_next().await? {
            match carried {
                Carried::Done => passed.done += 1,
                Carried::Failed(failed) => passed.failed.push(failed),
                Carried::Breach(breach) => passed.breaches.push(breach),
                Carried::Stale => passed.stale = true,
                Carried::Skipped => {}
            }
        }
        Ok(())
    }

    /// Writes down the same of all these rows at once.
    pub(crate) async fn observe(
        &self,
        subjects: impl Iterator<Item = Subject>,
        observed: Observed,
    ) -> Result<(), Error> {
        let now = self.now();
        let mut rows: Vec<Resource> = subjects.filter_map(|subject| self.row(subject)).collect();
        for row in &mut rows {
            row.observe(observed, now)?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        self.store.put_resources(&rows).await?;
        let mut world = self.world();
        rows.into_iter().for_each(|row| world.put(row));
        Ok(())
    }

    /// Takes out of what is due the steps without a row that failed a short while ago.
    pub(crate) fn rest(&self, due: &mut Due) {
        let now = self.now();
        let world = self.world();
        due.steps.retain(|step| {
            let rest = world.resting.get(&step.id()).filter(|r| r.until > now);
            if let Some(rest) = rest {
                let (message, count) = (rest.message.clone(), rest.count);
                let hold = match step.call {
                    Call::CatchUp { .. } => Hold::Lagging { message, count },
                    _ => Hold::Backoff { message, count, rejected: rest.rejected },
                };
                let object = step.object.clone();
                due.held.push(Held { object, hold, until: Some(rest.until) });
            }
            rest.is_none()
        });
    }
}
