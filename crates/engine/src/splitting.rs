//! Splitting: what is blocked is judged, and who is suspected is told of doors of their own.

use std::collections::{BTreeMap, BTreeSet};

use damm_assign::{Bucket, Census, Evidence, Learned, Paths, Splitting, Turn, Watched};
use damm_fleet::topology::Population;
use damm_fleet::{
    Asn, FrontdoorId, Inventory, Node, PopulationName, Role, State, Timestamp, Verdicts, node,
    prefix_of,
};
use damm_planner::Report;

use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::inventory::assemble;

/// What was told, by population.
type AllLearned = BTreeMap<PopulationName, Learned>;

impl Engine {
    /// Judges what is blocked, and has the catalogs of populations published again whose buckets
    /// are split or merged by it. `report` says where rotation is halted.
    pub(crate) async fn judge_blocks(&self, report: &Report) -> Result<(), Error> {
        let verdicts = self.store.verdicts().await?;
        let mut splittings = self.store.splittings().await?;
        for (name, population) in &self.topology.populations {
            let splitting: Splitting = splittings.remove(name).unwrap_or_default();
            let blocked = blocked(&verdicts, population);
            let is_new = blocked.iter().any(|(door, since)| splitting.is_new(*door, *since));
            if is_new || !splitting.is_calm() {
                let halted = report.halts.iter();
                let mut halted = halted.filter(|h| h.role == Role::Ingress);
                let halted = halted.any(|h| population.regions.contains(&h.region));
                self.judge_one(name, population, splitting, &blocked, halted).await?;
            }
        }
        Ok(())
    }

    async fn judge_one(
        &self,
        name: &PopulationName,
        population: &Population,
        before: Splitting,
        blocked: &BTreeMap<FrontdoorId, Timestamp>,
        halted: bool,
    ) -> Result<(), Error> {
        let now = self.now();
        let watched = self.watched(population, blocked);
        let learned = self.learned().await?.remove(name).unwrap_or_default();
        let census = self.census(name).await?;
        let mut splitting = before.clone();
        let (watched, learned, census) = (&watched, &learned, &census);
        let turns = splitting.judge(Evidence { watched, learned, census, halted, now });
        if splitting == before {
            return Ok(());
        }
        self.store.put_splitting(name, &splitting).await?;
        for turn in &turns {
            self.tell_turn(name, turn, now).await?;
        }
        match turns.is_empty() {
            true => Ok(()),
            false => self.publish_again(population).await,
        }
    }

    async fn tell_turn(
        &self,
        population: &PopulationName,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<(), Error> {
        let detail = serde_json::json!({ "population": population, "buckets": turn });
        self.store.audit("engine", "split", &detail, now).await?;
        self.tell(&Event::Judged { population: population.clone(), turn: turn.clone() });
        Ok(())
    }

    /// The catalogs of a population's regions are out of date, though no front door has changed.
    async fn publish_again(&self, population: &Population) -> Result<(), Error> {
        for region in &population.regions {
            let published = self.world().told.catalogs.get(region).cloned();
            if let Some(mut observed) = published {
                observed.serial = observed.serial.saturating_sub(1);
                self.store.put_catalog(region, &observed).await?;
                self.world().told.catalogs.insert(region.clone(), observed);
            }
        }
        Ok(())
    }

    /// The population's doors that clients may know of, with what they have in common.
    fn watched(
        &self,
        population: &Population,
        blocked: &BTreeMap<FrontdoorId, Timestamp>,
    ) -> Vec<Watched> {
        let world = self.world();
        let inventory = assemble(&world, self.topology.rotation.dead_after, self.now());
        let nodes = world.blueprint.nodes.values();
        let nodes = nodes.filter(|n| population.regions.contains(&n.region));
        let doors = nodes.flat_map(|n| n.frontdoors.values().map(move |d| (n, d)));
        let watched = doors.filter_map(|(node, door)| {
            let blocked = blocked.get(&door.id).copied();
            let serves = node.serves() && door.stage.is_live();
            (serves || blocked.is_some()).then(|| self.watch(&inventory, node, door, blocked))?
        });
        watched.collect()
    }

    fn watch(
        &self,
        inventory: &Inventory,
        node: &Node,
        door: &node::Frontdoor,
        blocked: Option<Timestamp>,
    ) -> Option<Watched> {
        let observed = inventory.frontdoors.get(&door.id)?;
        let account = self.topology.providers.get(&node.provider);
        let declared = account.and_then(|p| p.asns.first());
        Some(Watched {
            door: door.id,
            provider: node.provider.clone(),
            asn: observed.asn.or(declared.copied()).unwrap_or(Asn(0)),
            prefix: prefix_of(observed.address?),
            transport: door.transport.kind.clone(),
            made: door.created_at,
            blocked,
        })
    }

    /// Who was told of what. Of doors that are no more, nothing is kept.
    pub(crate) async fn learned(&self) -> Result<AllLearned, Error> {
        let told = self.store.learned().await?;
        let standing: BTreeSet<FrontdoorId> = {
            let world = self.world();
            world.blueprint.nodes.values().flat_map(|n| n.frontdoors.keys()).copied().collect()
        };
        let (mut all, mut gone) = (AllLearned::new(), BTreeSet::new());
        for (door, population, bucket) in told {
            match (standing.contains(&door), Bucket::new(bucket)) {
                (true, Some(bucket)) => {
                    all.entry(population).or_default().tell(bucket, door);
                }
                _ => drop(gone.insert(door)),
            }
        }
        if !gone.is_empty() {
            self.store.unlearn(&gone.into_iter().collect::<Vec<_>>()).await?;
        }
        Ok(all)
    }

    /// Where a population's clients belong, by their numbers.
    pub(crate) async fn census(&self, population: &PopulationName) -> Result<Census, Error> {
        let key = self.keys.secret().assign_key();
        let paths = Paths::new(&key, population, self.topology.catalog.buckets);
        let numbers = self.store.client_numbers(population).await?;
        Ok(Census::new(numbers.into_iter().map(|n| paths.of(n))))
    }
}

/// The doors that are blocked for a population, and since when.
fn blocked(verdicts: &Verdicts, population: &Population) -> BTreeMap<FrontdoorId, Timestamp> {
    let since = |door: FrontdoorId| {
        let networks = verdicts.blocked_in(door, population);
        let blocked = verdicts.of(door).filter(|(n, _)| networks.contains(n));
        blocked.filter(|(_, v)| v.state == State::Blocked).map(|(_, v)| v.since).min()
    };
    verdicts.0.keys().filter_map(|door| Some((*door, since(*door)?))).collect()
}
