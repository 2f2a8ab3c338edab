//! What an answer, or its lack, does to a row.

use damm_clouds::Error as CloudError;
use damm_fleet::resource::{Failure, IllegalPhase, Observed};
use damm_fleet::{FailureClass, Resource, Span, Timestamp};

use crate::call::Answer;
use crate::carry::vague;
use crate::engine::Engine;
use crate::error::Error;
use crate::patience::{DELETE_AGAIN, backoff};
use crate::step::{Call, Step};
use crate::world::Rest;

impl Engine {
    /// What a row becomes when its call was done.
    pub(crate) fn settle_row(
        &self,
        step: &Step,
        row: &mut Resource,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), IllegalPhase> {
        row.failure = None;
        row.not_before = None;
        match (&step.call, answer) {
            (_, Answer::Machine(m)) => {
                row.observe(Observed::Found, now)?;
                row.provider_ref = Some(m.provider_ref.clone());
                row.address = m.address;
                row.asn = m.asn;
            }
            (_, Answer::Address(a)) => {
                row.observe(Observed::Found, now)?;
                row.provider_ref = Some(a.provider_ref.clone());
                row.address = Some(a.address);
                row.asn = Some(a.asn);
                row.attached = a.attached_to.is_some();
                row.inner = a.inner;
            }
            (Call::Attach { .. }, _) => row.attached = true,
            (Call::Detach { .. }, _) => {
                row.attached = false;
                row.inner = None;
                self.world().seen.elsewhere.remove(&row.subject);
            }
            (call, _) if call.takes_down() => row.not_before = Some(now + DELETE_AGAIN),
            _ => {}
        }
        Ok(())
    }

    /// What a row becomes when its call failed.
    pub(crate) fn fail_row(
        &self,
        step: &Step,
        row: &mut Resource,
        error: &CloudError,
        now: Timestamp,
    ) -> Result<(), IllegalPhase> {
        use FailureClass as C;
        if step.call.creates() {
            row.observe(after_creation(error.class), now)?;
        }
        if error.class == C::Throttled {
            // The account waits, not the row.
            return Ok(());
        }
        if error.class == C::Gone && step.call.takes_down() {
            row.failure = None;
            row.not_before = Some(now + DELETE_AGAIN);
            return Ok(());
        }
        let count = 1 + row.failure.as_ref().map_or(0, |f| f.count);
        row.failure = Some(Failure { class: error.class, message: error.message.clone(), count });
        row.not_before = Some(now + wait(error, count));
        Ok(())
    }

    /// A step without a row is left alone for a while.
    pub(crate) fn lay_to_rest(&self, step: &Step, error: &CloudError, now: Timestamp) {
        if error.class == FailureClass::Throttled {
            return;
        }
        let mut world = self.world();
        let count = 1 + world.resting.get(&step.id()).map_or(0, |r| r.count);
        let rest = Rest {
            count,
            until: now + wait(error, count),
            message: error.message.clone(),
            rejected: error.class == FailureClass::Rejected,
        };
        world.resting.insert(step.id(), rest);
    }

    /// What a failure says of the whole account.
    pub(crate) async fn note(&self, step: &Step, error: &CloudError) -> Result<(), Error> {
        let Some(provider) = &step.provider else {
            return Ok(());
        };
        let now = self.now();
        if let Some(gate) = self.gates.get(provider) {
            match error.class {
                FailureClass::Throttled => gate.throttled(error.retry_after, now).await,
                _ => gate.answered().await,
            }
        }
        // What refuses a creation refuses the next one too: without this the planner would ask the
        // same account again and again.
        let refused = error.class == FailureClass::Rejected && step.call.creates();
        if error.class == FailureClass::Exhausted || refused {
            let mut observed = self.world().providers.get(provider).cloned().unwrap_or_default();
            observed.exhausted_until = Some(now + wait(error, 1));
            self.store.put_provider(provider, &observed).await?;
            self.world().providers.insert(provider.clone(), observed);
        }
        Ok(())
    }
}

/// What a failed creation tells of its row.
const fn after_creation(class: FailureClass) -> Observed {
    match class {
        class if vague(class) => Observed::Vague,
        FailureClass::Rejected | FailureClass::Exhausted => Observed::Refuse,
        // Nothing was done, and the same call will do: as if it had not been made.
        _ => Observed::Absent,
    }
}

fn wait(error: &CloudError, count: u32) -> Span {
    let asked = error.retry_after.unwrap_or(Span::ZERO);
    backoff(error.class, count).max(asked)
}
