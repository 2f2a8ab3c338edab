//! From a topology's providers to the traits that the engine calls.
//!
//! What runs on this machine alone is here; accounts at vendors are added by the room `vendors`,
//! and channels by the room `channels`.

use std::collections::BTreeMap;
use std::sync::Arc;

use damm_fleet::topology::ProviderKind;
use damm_fleet::{ProviderName, Topology};

use crate::clock::Clock;
use crate::sim::{OpenError, SimAgents, SimBalancer, SimCloud, SimDns, SimStorage, SimWorld};
use crate::traits::{Agents, Balancer, Channel, Cloud, Dns};

/// All that the engine calls, by account.
#[derive(Clone)]
pub struct Providers {
    /// Machines and addresses.
    pub clouds: BTreeMap<ProviderName, Arc<dyn Cloud>>,
    /// Zones.
    pub dns: BTreeMap<ProviderName, Arc<dyn Dns>>,
    /// Load balancers.
    pub balancers: BTreeMap<ProviderName, Arc<dyn Balancer>>,
    /// Places where catalogs are published, by the channel's name in the topology.
    pub channels: BTreeMap<String, Arc<dyn Channel>>,
    /// The agents on all nodes.
    pub agents: Arc<dyn Agents>,
    /// The embedded cloud's world, for demos and tests to reach into.
    pub world: Arc<SimWorld>,
}

impl Providers {
    /// Connects to all accounts of a topology. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the embedded cloud's objects can't be read.
    pub async fn connect(
        topology: &Topology,
        storage: Arc<dyn SimStorage>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let world = SimWorld::open(storage, clock, topology).await?;
        Ok(Self::over(topology, world))
    }

    /// The accounts of a topology over a world that is open already.
    pub fn over(topology: &Topology, world: Arc<SimWorld>) -> Self {
        let mut providers = Self {
            clouds: BTreeMap::new(),
            dns: BTreeMap::new(),
            balancers: BTreeMap::new(),
            channels: BTreeMap::new(),
            agents: Arc::new(SimAgents::new(world.clone())),
            world,
        };
        for (name, provider) in &topology.providers {
            // Whoever has them adds the others: a lab, and accounts at vendors.
            if provider.kind == ProviderKind::Sim {
                providers.add_sim(name);
            }
        }
        providers
    }

    fn add_sim(&mut self, name: &ProviderName) {
        let (world, name) = (&self.world, name.clone());
        let cloud = SimCloud::new(world.clone(), name.clone());
        let dns = SimDns::new(world.clone(), name.clone());
        let balancer = SimBalancer::new(world.clone(), name.clone());
        self.clouds.insert(name.clone(), Arc::new(cloud));
        self.dns.insert(name.clone(), Arc::new(dns));
        self.balancers.insert(name, Arc::new(balancer));
    }
}
