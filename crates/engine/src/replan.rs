//! What should be next, and making it the target.

use damm_planner::{Plan, Situation, lint, plan};

use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;

impl Engine {
    /// Asks the planner what should be next, from what is stored. Nothing is called or changed.
    ///
    /// `destroys_used` is what earlier plans of the same run took down.
    ///
    /// # Errors
    ///
    /// [`Error::Unlawful`] when the plan would break a rule; failures of the store.
    pub async fn replan(&self, destroys_used: u32) -> Result<Plan, Error> {
        let mut inventory = self.inventory().await?;
        let verdicts = self.store.verdicts().await?;
        let parent = self.blueprint();
        inventory.lessons = self.learn(&parent, &inventory, &verdicts).await?;
        let situation = Situation {
            topology: &self.topology,
            parent: &parent,
            inventory: &inventory,
            offers: &self.offers,
            verdicts: &verdicts,
            now: self.now(),
            destroys_used,
        };
        let next = plan(&situation, self.seed());
        let violations = lint(&situation, &next.blueprint);
        match violations.is_empty() {
            true => Ok(next),
            false => Err(Error::Unlawful(violations)),
        }
    }

    /// Makes a plan's blueprint the target.
    ///
    /// # Errors
    ///
    /// [`damm_store::Error::Stale`] when the target is no longer the plan's parent; other failures
    /// of the store.
    pub async fn adopt(&self, plan: &Plan, actor: &str) -> Result<(), Error> {
        let report = serde_json::to_value(&plan.report).map_err(Error::Report)?;
        let (blueprint, diff) = (&plan.blueprint, &plan.diff);
        self.store.set_target(blueprint, diff, &report, actor).await?;
        self.providers.agents.retarget().await;
        self.tell(&Event::Adopted {
            blueprint: blueprint.id,
            generation: blueprint.generation,
            changes: diff.0.len(),
        });
        Ok(())
    }
}
