//! Who is let in, what they were told of, and which node each door belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use damm_assign::Paths;
use damm_engine::Keys;
use damm_fleet::topology::Population;
use damm_fleet::{FrontdoorId, Inventory, Network, NodeId, PopulationName, Timestamp, Topology};
use damm_hearing::{Member, Roll};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{ReporterKey, WitnessKey};

/// What reports are held against. In memory, 24 bytes for a client.
pub(super) struct Book {
    keys: Arc<Keys>,
    populations: Vec<Served>,
    places: BTreeMap<PopulationName, u32>,
    clients: BTreeMap<CredentialId, Entry>,
    doors: BTreeMap<FrontdoorId, NodeId>,
    /// Addresses of the fleet's own.
    own: BTreeSet<IpAddr>,
    /// The buckets that were ever told of a door, by population.
    told: BTreeMap<FrontdoorId, BTreeSet<(u32, u32)>>,
}

struct Served {
    population: Population,
    country: [u8; 2],
    paths: Paths,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Its place among the populations.
    population: u32,
    /// The day of its enrolment.
    day: Timestamp,
}

impl Book {
    /// A book of a topology's populations, without clients.
    pub(super) fn new(topology: &Topology, keys: Arc<Keys>) -> Self {
        let (assign, buckets) = (keys.secret().assign_key(), topology.catalog.buckets);
        let served = topology.populations.iter().map(|(name, population)| Served {
            // Two capitals, as the topology's checks have it.
            country: population.country.as_bytes().try_into().unwrap_or(*b"ZZ"),
            population: population.clone(),
            paths: Paths::new(&assign, name, buckets),
        });
        let names = topology.populations.keys().cloned();
        Self {
            populations: served.collect(),
            places: names.zip(0..).collect(),
            clients: BTreeMap::new(),
            doors: BTreeMap::new(),
            told: BTreeMap::new(),
            own: BTreeSet::new(),
            keys,
        }
    }

    /// Notes a client; one of a population that is no more is not heard.
    pub(super) fn let_in(
        &mut self,
        client: CredentialId,
        population: &PopulationName,
        day: Timestamp,
    ) {
        if let Some(population) = self.places.get(population).copied() {
            self.clients.insert(client, Entry { population, day });
        }
    }

    /// Notes what buckets were told of; the doors of which that was news.
    pub(super) fn told(
        &mut self,
        told: &[(FrontdoorId, PopulationName, u32)],
    ) -> BTreeSet<FrontdoorId> {
        let mut news = BTreeSet::new();
        for (door, population, bucket) in told {
            let Some(population) = self.places.get(population).copied() else { continue };
            if self.told.entry(*door).or_default().insert((population, *bucket)) {
                news.insert(*door);
            }
        }
        news
    }

    /// The doors that there are; those that are no more are forgotten, and named.
    pub(super) fn stand(
        &mut self,
        doors: impl Iterator<Item = (FrontdoorId, NodeId)>,
    ) -> Vec<FrontdoorId> {
        let before = std::mem::replace(&mut self.doors, doors.collect());
        let gone = before.into_keys().filter(|door| !self.doors.contains_key(door));
        let gone: Vec<FrontdoorId> = gone.collect();
        gone.iter().for_each(|door| drop(self.told.remove(door)));
        gone
    }

    /// The doors that there are.
    pub(super) fn doors(&self) -> impl Iterator<Item = FrontdoorId> {
        self.doors.keys().copied()
    }

    /// Notes which addresses are the fleet's own.
    pub(super) fn own(&mut self, inventory: &Inventory) {
        let machines = inventory.machines.values().filter_map(|m| m.address);
        let doors = inventory.frontdoors.values().filter_map(|d| d.address);
        let exits = inventory.egress_ips.values().filter_map(|e| e.address);
        self.own = machines.chain(doors).chain(exits).collect();
    }

    /// Whether an address is one of the fleet's own.
    pub(super) fn is_ours(&self, address: IpAddr) -> bool {
        self.own.contains(&address)
    }

    /// Whether a population is for this network.
    pub(super) fn names(&self, network: Network) -> bool {
        self.populations.iter().any(|served| network.is_of(&served.population))
    }

    fn served(&self, client: CredentialId) -> Option<(Entry, &Served)> {
        let entry = self.clients.get(&client)?;
        Some((*entry, self.populations.get(entry.population as usize)?))
    }
}

impl Roll for Book {
    fn member(&self, client: CredentialId) -> Option<Member> {
        let (entry, served) = self.served(client)?;
        Some(Member { country: served.country, enrolled: entry.day })
    }

    fn is_home(&self, client: CredentialId, network: Network) -> bool {
        self.served(client).is_some_and(|(_, served)| network.is_of(&served.population))
    }

    fn reporter_key(&self, client: CredentialId) -> ReporterKey {
        ReporterKey::new(self.keys.secret().reporter(client.number()))
    }

    fn was_told(&self, client: CredentialId, door: FrontdoorId) -> bool {
        let told = || {
            let (entry, served) = self.served(client)?;
            let (buckets, told) = (served.paths.of(client.number()), self.told.get(&door)?);
            let mut buckets = buckets.buckets().into_iter().map(|bucket| bucket.number());
            buckets.find(|bucket| told.contains(&(entry.population, *bucket)))
        };
        told().is_some()
    }

    fn witness_key(&self, door: FrontdoorId) -> Option<WitnessKey> {
        let node = self.doors.get(&door)?;
        Some(WitnessKey::new(self.keys.secret().witness(*node)))
    }
}
