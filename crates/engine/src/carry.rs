//! One step: written down, made, written down.

use std::collections::BTreeSet;

use damm_clouds::Error as CloudError;
use damm_fleet::blueprint::{RecordKey, RecordSet};
use damm_fleet::resource::{Before, Observed};
use damm_fleet::{FrontdoorId, Resource, Span};
use damm_store::{Exposure, Intent, Outcome};
use serde_json::json;

use crate::call::Answer;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::guard::{self, Breach};
use crate::pass::{Carried, Failed};
use crate::patience::CALL_TIMEOUT;
use crate::step::{Call, Step};

impl Engine {
    pub(crate) async fn carry(&self, step: Step) -> Result<Carried, Error> {
        // The permits are held until the result is recorded.
        let _serial = match balancer(&step.call).and_then(|name| self.balancers.get(name)) {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        let gate = step.provider.as_ref().and_then(|p| self.gates.get(p));
        let _permit = match gate {
            Some(gate) => gate.enter(&*self.clock).await,
            None => None,
        };
        if self.stop.is_stopped() {
            return Ok(Carried::Skipped);
        }
        let target = self.world().blueprint.id;
        if self.store.target_id().await? != target {
            return Ok(Carried::Stale);
        }
        if let Err(breach) = self.look(|view| guard::check(view, &step)) {
            return self.refuse(&step, breach).await;
        }
        let (seq, row) = self.begin(&step).await?;
        self.tell(&Event::Began { step: step.clone() });
        match self.call(&step, row.as_ref()).await? {
            Ok(answer) => self.done(step, seq, row, answer).await,
            Err(error) => self.failed(step, seq, row, error).await,
        }
    }

    async fn refuse(&self, step: &Step, breach: Breach) -> Result<Carried, Error> {
        let what = breach.to_string();
        let detail = json!({ "rule": breach.rule(), "step": step.to_string(), "why": what });
        self.store.audit("engine", "breach", &detail, self.now()).await?;
        self.tell(&Event::Breach { what });
        Ok(Carried::Breach(breach))
    }

    /// Writes the intent down, with the row's new phase where the call may change it.
    async fn begin(&self, step: &Step) -> Result<(u64, Option<Resource>), Error> {
        let now = self.now();
        if let Call::PutRecords { set, .. } = &step.call {
            // Before the name can be asked for: an answer that is lost may still have put it.
            let until = now + CALL_TIMEOUT + set.ttl;
            self.expose(&self.doors_at(set), until).await?;
        }
        let mut row = step.subject.filter(|_| owns(&step.call)).and_then(|s| self.row(s));
        let changes = match (&mut row, step.call.creates(), step.call.takes_down()) {
            (Some(row), true, _) => {
                row.observe(Observed::Begin, now)?;
                row.before = self.before(step, now);
                row.attempt += 1;
                true
            }
            (Some(row), _, true) => {
                row.observe(Observed::Delete, now)?;
                true
            }
            _ => false,
        };
        let intent = self.intent(step, now);
        let seq = self.store.begin(&intent, row.as_ref().filter(|_| changes)).await?;
        if let Some(row) = row.clone().filter(|_| changes) {
            self.world().put(row);
        }
        Ok((seq, row))
    }

    /// What was there before an address is made that will carry no tag.
    fn before(&self, step: &Step, at: damm_fleet::Timestamp) -> Option<Before> {
        let provider =
            step.provider.as_ref().filter(|_| matches!(step.call, Call::Allocate { .. }))?;
        let shown = self.world().seen.unheld.get(provider).cloned()?;
        Some(Before { at, shown })
    }

    fn intent(&self, step: &Step, at: damm_fleet::Timestamp) -> Intent {
        // A row's own calls are about nothing but their subject.
        let object = match step.subject.is_some() && owns(&step.call) {
            true => String::new(),
            false => step.object.clone(),
        };
        Intent {
            blueprint: self.world().blueprint.id,
            verb: step.verb,
            step: step.call.name().to_owned(),
            subject: step.subject,
            object,
            provider: step.provider.clone(),
            key: step.key.clone(),
            at,
        }
    }

    async fn done(
        &self,
        step: Step,
        seq: u64,
        row: Option<Resource>,
        answer: Answer,
    ) -> Result<Carried, Error> {
        if let Some(gate) = step.provider.as_ref().and_then(|p| self.gates.get(p)) {
            gate.answered().await;
        }
        self.remember(&step).await?;
        let now = self.now();
        let row = match row {
            Some(mut row) => {
                self.settle_row(&step, &mut row, &answer, now)?;
                Some(row)
            }
            None => None,
        };
        let provider_ref = match &answer {
            Answer::Machine(m) => Some(m.provider_ref.clone()),
            Answer::Address(a) => Some(a.provider_ref.clone()),
            Answer::Nothing => None,
        };
        let outcome = Outcome::Done { provider_ref };
        self.store.end(seq, &outcome, row.as_ref(), now).await?;
        let mut world = self.world();
        row.into_iter().for_each(|row| world.put(row));
        world.resting.remove(&step.id());
        drop(world);
        self.tell(&Event::Done { step });
        Ok(Carried::Done)
    }

    /// Stores what was told outside, once it was told.
    async fn remember(&self, step: &Step) -> Result<(), Error> {
        let now = self.now();
        match &step.call {
            Call::PutRecords { key, set } => self.put_records(key, set).await?,
            Call::PutTarget { key, target } => {
                self.store.put_applied_target(key, Some(target)).await?;
                self.world().told.targets.insert(key.clone(), target.clone());
            }
            Call::RemoveTarget { key } => {
                self.store.put_applied_target(key, None).await?;
                self.world().told.targets.remove(key);
            }
            Call::Order { node, digest, .. } => {
                self.store.put_applied_orders(*node, Some(digest)).await?;
                self.world().told.orders.insert(*node, digest.clone());
            }
            Call::DestroyStray { .. } => {
                let detail = json!({ "what": step.object, "provider": step.provider });
                self.store.audit("engine", "destroyed a stray", &detail, now).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn put_records(&self, key: &RecordKey, set: &RecordSet) -> Result<(), Error> {
        let now = self.now();
        let before = self.world().told.records.get(key).map(|(set, _)| set.clone());
        if let Some(mut left) = before {
            // What was named until now stays in caches for as long as they were told to keep it.
            let ttl: Span = left.ttl.max(set.ttl);
            left.addresses.retain(|a| !set.addresses.contains(a));
            self.expose(&self.doors_at(&left), now + ttl).await?;
        }
        let stays = Some(set).filter(|s| !s.addresses.is_empty());
        self.store.put_applied_record(key, stays, now).await?;
        let records = &mut self.world().told.records;
        match stays {
            Some(set) => drop(records.insert(key.clone(), (set.clone(), now))),
            None => drop(records.remove(key)),
        }
        Ok(())
    }

    fn doors_at(&self, set: &RecordSet) -> BTreeSet<FrontdoorId> {
        let world = self.world();
        let door = |a| world.index.doors.get(a).copied();
        set.addresses.iter().filter_map(door).collect()
    }

    async fn expose(
        &self,
        doors: &BTreeSet<FrontdoorId>,
        resolvable: damm_fleet::Timestamp,
    ) -> Result<(), Error> {
        let exposure = Exposure { resolvable_until: Some(resolvable), ..Exposure::default() };
        self.raise(doors.iter().map(|d| (*d, exposure)).collect()).await
    }

    /// Stores until when doors may be known outside and to how many, and keeps it in memory.
    pub(crate) async fn raise(&self, exposures: Vec<(FrontdoorId, Exposure)>) -> Result<(), Error> {
        if exposures.is_empty() {
            return Ok(());
        }
        self.store.expose(&exposures).await?;
        let mut world = self.world();
        for (door, raised) in exposures {
            let known = world.exposures.entry(door).or_default();
            known.named_until = known.named_until.max(raised.named_until);
            known.resolvable_until = known.resolvable_until.max(raised.resolvable_until);
            known.learned_by = known.learned_by.max(raised.learned_by);
        }
        Ok(())
    }

    async fn failed(
        &self,
        step: Step,
        seq: u64,
        row: Option<Resource>,
        error: CloudError,
    ) -> Result<Carried, Error> {
        self.note(&step, &error).await?;
        let now = self.now();
        let class = error.class;
        let unknown = step.call.creates() && vague(class);
        let row = match row {
            Some(mut row) => {
                self.fail_row(&step, &mut row, &error, now)?;
                Some(row)
            }
            None => {
                self.lay_to_rest(&step, &error, now);
                None
            }
        };
        match (&row, unknown) {
            // The intent stays open until it is found out.
            (Some(row), true) => {
                self.store.put_resources(std::slice::from_ref(row)).await?;
                self.world().open.entry(row.subject).or_default().push(seq);
            }
            _ => {
                let message = error.message.clone();
                let outcome = Outcome::Failed { class, message };
                self.store.end(seq, &outcome, row.as_ref(), now).await?;
            }
        }
        if let Some(row) = row {
            self.world().put(row);
        }
        let message = error.message;
        self.tell(&Event::Failed { step: step.clone(), class, message: message.clone() });
        Ok(Carried::Failed(Failed { step, class, message }))
    }
}

/// Whether a failed creation may have made something all the same. That the thing is "gone" which
/// was to be made tells nothing.
pub(crate) const fn vague(class: damm_fleet::FailureClass) -> bool {
    use damm_fleet::FailureClass as C;
    matches!(class, C::Unknown | C::Gone)
}

/// Whether a row's own calls: orders, targets and strays have a subject, but leave its row alone.
const fn owns(call: &Call) -> bool {
    matches!(
        call,
        Call::CreateMachine { .. }
            | Call::DeleteMachine { .. }
            | Call::Allocate { .. }
            | Call::Attach { .. }
            | Call::Detach { .. }
            | Call::Release { .. }
    )
}

const fn balancer(call: &Call) -> Option<&damm_fleet::BalancerName> {
    match call {
        Call::PutTarget { key, .. } | Call::RemoveTarget { key } => Some(&key.balancer),
        _ => None,
    }
}
