//! Looking at the world: listings and reports, batched, once per account.

use std::collections::BTreeMap;

use damm_clouds::{Error as CloudError, NodeReport, Tag};
use damm_fleet::{FailureClass, NodeId, Phase, ProviderName, Resource, Subject};
use damm_store::{Orphan, StoredReport};
use futures::future::join_all;

use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::patience::CALL_TIMEOUT;
use crate::sight::{self, Evidence, Listing, Look, Seen, Stray, StrayKnown};

/// What a look at the world found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refreshed {
    /// Rows that changed.
    pub changed: usize,
    /// Accounts that could not be listed, with their words.
    pub unlisted: Vec<(ProviderName, String)>,
}

impl Engine {
    /// Looks at all accounts side by side and at the agents' reports, and updates the rows.
    ///
    /// # Errors
    ///
    /// Failures of the store, and programming errors. An account that can't be listed is none:
    /// nothing is concluded about what it holds.
    pub async fn refresh(&self) -> Result<Refreshed, Error> {
        let _turn = self.turn.lock().await;
        self.reload().await?;
        let (listings, reports) = futures::join!(self.list(), self.providers.agents.reports());
        let reports = reports.ok();
        if let Some(reports) = &reports {
            self.store_reports(reports).await?;
        }
        let mut refreshed = Refreshed::default();
        let mut strays = Vec::new();
        let mut seen = Seen::default();
        for (listing, failures) in &listings {
            for error in failures {
                let provider = listing.provider.clone();
                let message = error.message.clone();
                refreshed.unlisted.push((provider.clone(), message.clone()));
                self.tell(&Event::Unlisted { provider, message });
            }
            let look = self.judge(listing, reports.as_ref())?;
            refreshed.changed += look.changed.len();
            self.keep(&look).await?;
            seen.failed.extend(look.failed);
            seen.elsewhere.extend(look.elsewhere);
            strays.extend(look.strays);
            seen.unheld.extend(look.unheld.map(|names| (listing.provider.clone(), names)));
        }
        let whole = |l: &Listing| l.machines.is_some() && l.addresses.is_some();
        let whole: Vec<&ProviderName> =
            listings.iter().filter_map(|(l, _)| whole(l).then_some(&l.provider)).collect();
        seen.strays = self.keep_strays(strays, &whole).await?;
        self.world().seen = seen;
        Ok(refreshed)
    }

    async fn list(&self) -> Vec<(Listing, Vec<CloudError>)> {
        let accounts = self.providers.clouds.keys();
        join_all(accounts.map(|name| self.list_one(name))).await
    }

    async fn list_one(&self, name: &ProviderName) -> (Listing, Vec<CloudError>) {
        let mut listing = Listing {
            provider: name.clone(),
            asked_at: self.now(),
            machines: None,
            addresses: None,
        };
        let Some(cloud) = self.providers.clouds.get(name) else {
            return (listing, Vec::new());
        };
        let fleet = &self.topology.fleet;
        let machines = self.ask(name, cloud.list_machines(fleet)).await;
        let addresses = self.ask(name, cloud.list_addresses(fleet)).await;
        let mut failures = Vec::new();
        let (machines, asked_first) = machines;
        let (addresses, asked_last) = addresses;
        // What was made between the two may be missing from the first.
        listing.asked_at = asked_first.min(asked_last);
        listing.machines = machines.map_err(|e| failures.push(e)).ok();
        listing.addresses = addresses.map_err(|e| failures.push(e)).ok();
        (listing, failures)
    }

    async fn ask<T>(
        &self,
        name: &ProviderName,
        call: impl Future<Output = Result<T, CloudError>>,
    ) -> (Result<T, CloudError>, damm_fleet::Timestamp) {
        let gate = self.gates.get(name);
        let _permit = match gate {
            Some(gate) => gate.enter(&*self.clock).await,
            None => None,
        };
        let asked_at = self.now();
        let timeout = tokio::time::timeout(CALL_TIMEOUT.to_std(), call).await;
        let answer = timeout.unwrap_or_else(|_| {
            Err(CloudError {
                class: FailureClass::Unknown,
                provider: name.to_string(),
                operation: "list",
                message: format!("no answer within {CALL_TIMEOUT}"),
                retry_after: None,
            })
        });
        if let Some(gate) = gate {
            match &answer {
                Err(e) if e.class == FailureClass::Throttled => {
                    gate.throttled(e.retry_after, self.now()).await;
                }
                _ => gate.answered().await,
            }
        }
        (answer, asked_at)
    }

    fn judge(
        &self,
        listing: &Listing,
        reports: Option<&BTreeMap<NodeId, NodeReport>>,
    ) -> Result<Look, Error> {
        let capabilities = self.offers.get(&listing.provider).map(|o| &o.capabilities);
        let world = self.world();
        let evidence = Evidence {
            rows: &world.rows,
            reports,
            fleet: &self.topology.fleet,
            tagged: capabilities.is_none_or(|c| c.tagged_addresses),
            list_lag: capabilities.map(|c| c.list_lag).unwrap_or_default(),
            dead_after: self.topology.rotation.dead_after,
        };
        Ok(sight::look(listing, &evidence)?)
    }

    /// Stores what a look has changed, and closes what it has found out.
    async fn keep(&self, look: &Look) -> Result<(), Error> {
        let rows: Vec<Resource> = look.changed.values().cloned().collect();
        if !rows.is_empty() {
            self.store.put_resources(&rows).await?;
        }
        let mut moved = Vec::new();
        {
            let mut world = self.world();
            for row in rows {
                let before = world.rows.get(&row.subject).map(|r| r.phase);
                moved.extend(before.map(|b| (row.subject, b, row.phase)));
                world.put(row);
            }
        }
        for (subject, from, to) in moved.into_iter().filter(|(_, from, to)| from != to) {
            self.tell(&Event::Observed { subject, from, to });
            if let (Subject::Node(node), Phase::Gone) = (subject, to) {
                self.store.put_applied_orders(node, None).await?;
                self.world().told.orders.remove(&node);
            }
        }
        for (subject, answer) in &look.answers {
            self.settle_open(*subject, *answer).await?;
        }
        Ok(())
    }

    async fn store_reports(&self, reports: &BTreeMap<NodeId, NodeReport>) -> Result<(), Error> {
        let mut changed = BTreeMap::new();
        for (node, said) in reports {
            // An agent speaks on for a while after its node was forgotten.
            if self.row((*node).into()).is_none() {
                continue;
            }
            let before = self.world().reports.get(node).cloned();
            let report = stored(said, before.as_ref());
            if before.as_ref() != Some(&report) {
                changed.insert(*node, report);
            }
        }
        if !changed.is_empty() {
            self.store.put_reports(&changed).await?;
            self.world().reports.extend(changed);
        }
        Ok(())
    }

    /// Notes the strays of this look, and forgets those that are gone.
    async fn keep_strays(
        &self,
        strays: Vec<Stray>,
        whole: &[&ProviderName],
    ) -> Result<Vec<StrayKnown>, Error> {
        let now = self.now();
        let orphans = self.store.orphans().await?;
        let key = |o: &Orphan| (o.provider.clone(), o.provider_ref.clone());
        let mut known: BTreeMap<_, _> = orphans.into_iter().map(|o| (key(&o), o)).collect();
        let mut kept = Vec::new();
        for stray in strays {
            let before = known.remove(&(stray.provider.clone(), stray.provider_ref.clone()));
            let ever_known = match &stray.tag {
                Some(tag) => self.store.ever_known(tag.subject).await?,
                None => false,
            };
            if before.is_none() {
                self.tell(&Event::Stray {
                    provider: stray.provider.clone(),
                    provider_ref: stray.provider_ref.clone(),
                    ever_known,
                });
            }
            let orphan = orphan(&stray, before, now);
            self.store.put_orphan(&orphan).await?;
            kept.push(StrayKnown {
                ever_known,
                times_seen: orphan.times_seen,
                first_seen: orphan.first_seen,
                stray,
            });
        }
        for orphan in known.into_values().filter(|o| whole.contains(&&o.provider)) {
            let (provider, reference) = (&orphan.provider, &orphan.provider_ref);
            self.store.forget_orphan(provider, reference).await?;
        }
        Ok(kept)
    }
}

fn orphan(stray: &Stray, before: Option<Orphan>, now: damm_fleet::Timestamp) -> Orphan {
    Orphan {
        provider: stray.provider.clone(),
        provider_ref: stray.provider_ref.clone(),
        kind: if stray.machine { "machine" } else { "address" }.to_owned(),
        tag: stray.tag.as_ref().map(Tag::to_string).unwrap_or_default(),
        first_seen: before.as_ref().map_or(now, |o| o.first_seen),
        last_seen: now,
        times_seen: before.map_or(0, |o| o.times_seen) + 1,
        created_at: stray.created_at,
    }
}

fn stored(said: &NodeReport, before: Option<&StoredReport>) -> StoredReport {
    let same = before.filter(|b| b.healthy == said.healthy);
    StoredReport {
        heard_at: said.heard_at,
        healthy: said.healthy,
        since: same.map_or(said.heard_at, |b| b.since),
        generation: said.generation,
        sessions: said.sessions.clone(),
    }
}
