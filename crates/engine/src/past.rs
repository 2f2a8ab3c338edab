//! What became of addresses is noted, and new ones are held against it.

use std::sync::Arc;

use damm_fleet::history::Lessons;
use damm_fleet::{Blueprint, Inventory, Verdicts};

use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// Notes what became of the target's front doors, before a plan can forget them; gives what new
    /// addresses are held against.
    pub(crate) async fn learn(
        &self,
        target: &Blueprint,
        inventory: &Inventory,
        verdicts: &Verdicts,
    ) -> Result<Lessons, Error> {
        // Taken out: should it not be written, it is read again.
        let known = self.world().history.take();
        let mut known = match known {
            Some(known) => known,
            None => Arc::new(self.store.history().await?),
        };
        let now = self.now();
        let noted = Arc::make_mut(&mut known).note(target, inventory, verdicts, now);
        if !noted.is_empty() {
            self.store.put_history(&known, &noted).await?;
        }
        let lessons = known.lessons(now);
        self.world().history = Some(known);
        Ok(lessons)
    }
}
