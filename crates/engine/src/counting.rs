//! Counting: how many clients can ever have learned each front door.

use std::collections::BTreeMap;

use damm_fleet::{FrontdoorId, Span, Timestamp};
use damm_protocol::CredentialId;
use damm_store::Exposure;

use crate::engine::Engine;
use crate::error::Error;

/// How often newcomers are counted at most. Days pass until a door is known to too many; counting
/// a million clients takes a second.
const PAUSE: Span = Span::from_mins(10);

/// Up to where it was counted who can have learned of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The number that the next client will have.
    next: Option<CredentialId>,
    at: Timestamp,
}

impl Engine {
    /// Counts how many clients can have learned each door, if buckets were told of a door since, or
    /// clients came.
    ///
    /// # Caveats
    ///
    /// Who came after a bucket was told of another door counts as having learned the first one, and
    /// so does who never fetched a catalog. The number never falls; yet of those who were revoked,
    /// it only holds as many as were counted at once.
    pub(crate) async fn count_who_learned(&self) -> Result<(), Error> {
        let (before, now) = (self.world().counted, self.now());
        if before.is_some_and(|c| now.since(c.at) < PAUSE) {
            return Ok(());
        }
        let next = self.store.next_credential().await?;
        if before.is_none_or(|c| c.next != next) {
            let more = self.who_learned_more().await?;
            self.raise(more).await?;
        }
        self.world().counted = Some(Counted { next, at: now });
        Ok(())
    }

    /// The doors that more clients can have learned than it is known of.
    async fn who_learned_more(&self) -> Result<Vec<(FrontdoorId, Exposure)>, Error> {
        let mut counts: BTreeMap<FrontdoorId, usize> = BTreeMap::new();
        for (population, learned) in self.learned().await? {
            let census = self.census(&population).await?;
            for door in learned.doors() {
                *counts.entry(door).or_default() += learned.clients(door, &census);
            }
        }
        let world = self.world();
        let more = counts.into_iter().filter_map(|(door, count)| {
            let learned_by = u32::try_from(count).unwrap_or(u32::MAX);
            let known = world.exposures.get(&door).map_or(0, |e| e.learned_by);
            (learned_by > known).then(|| (door, Exposure { learned_by, ..Exposure::default() }))
        });
        Ok(more.collect())
    }
}
