//! The four traits over the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{BalancerName, NodeId, ProviderName};

use super::state::State;
use super::world::{Call, Scene, SimWorld};
use crate::traits::{
    AddressOrder, Agents, Balancer, BalancerTarget, Cloud, Dns, ListedAddress, ListedMachine,
    MachineOrder, NodeOrders, NodeReport, Result,
};

/// Machines and addresses of one account of the embedded cloud.
#[derive(Clone)]
pub struct SimCloud {
    world: Arc<SimWorld>,
    provider: ProviderName,
}

/// The zones of one account of the embedded cloud.
#[derive(Clone)]
pub struct SimDns {
    world: Arc<SimWorld>,
    provider: ProviderName,
}

/// The load balancers of one account of the embedded cloud.
#[derive(Clone)]
pub struct SimBalancer {
    world: Arc<SimWorld>,
    provider: ProviderName,
}

/// The agents on all machines of the embedded cloud. They are ours and not the vendor's, so the
/// fault dial is not theirs either.
#[derive(Clone)]
pub struct SimAgents {
    world: Arc<SimWorld>,
}

macro_rules! of_one_account {
    ($name:ident) => {
        impl $name {
            /// This side of one account.
            pub const fn new(world: Arc<SimWorld>, provider: ProviderName) -> Self {
                Self { world, provider }
            }
        }
    };
}

of_one_account!(SimCloud);
of_one_account!(SimDns);
of_one_account!(SimBalancer);

impl SimAgents {
    /// All agents of a world.
    pub const fn new(world: Arc<SimWorld>) -> Self {
        Self { world }
    }
}

#[async_trait]
impl Cloud for SimCloud {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        let (p, call) = (&self.provider, Call::write("create machine"));
        let work = self.world.call(p, call, |s, at| s.create_machine(p, order, at));
        work.await
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let (p, call) = (&self.provider, Call::read("list machines"));
        let work = |s: &mut State, at: Scene| Ok(s.list_machines(p, fleet, at.now));
        self.world.call(p, call, work).await
    }

    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        let (p, call) = (&self.provider, Call::write("delete machine"));
        let work = self.world.call(p, call, |s, at| s.delete_machine(p, provider_ref, at));
        work.await
    }

    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        let (p, call) = (&self.provider, Call::write("allocate address"));
        let work = self.world.call(p, call, |s, at| s.allocate_address(p, order, at));
        work.await
    }

    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        let (p, call) = (&self.provider, Call::read("list addresses"));
        let work = |s: &mut State, at: Scene| Ok(s.list_addresses(p, fleet, at.now));
        self.world.call(p, call, work).await
    }

    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        let (p, call) = (&self.provider, Call::write("attach address"));
        let work =
            self.world.call(p, call, |s, at| s.attach_address(p, address_ref, machine_ref, at));
        work.await
    }

    async fn detach_address(&self, address_ref: &str) -> Result<()> {
        let (p, call) = (&self.provider, Call::write("detach address"));
        let work = self.world.call(p, call, |s, at| s.detach_address(p, address_ref, at.now));
        work.await
    }

    async fn release_address(&self, address_ref: &str) -> Result<()> {
        let (p, call) = (&self.provider, Call::write("release address"));
        let work = self.world.call(p, call, |s, at| s.release_address(p, address_ref, at));
        work.await
    }
}

#[async_trait]
impl Dns for SimDns {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        let (p, call) = (&self.provider, Call::write("put records"));
        let work = self.world.call(p, call, |s, _| s.put_records(p, fleet, zone, name, set));
        work.await
    }

    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        let (p, call) = (&self.provider, Call::read("list records"));
        let work = self.world.call(p, call, |s, _| s.list_records(p, fleet, zone));
        work.await
    }
}

#[async_trait]
impl Balancer for SimBalancer {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        let (p, call) = (&self.provider, Call::write("put target"));
        let work = self.world.call(p, call, |s, _| s.put_target(p, balancer, node, Some(target)));
        work.await
    }

    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        let (p, call) = (&self.provider, Call::write("remove target"));
        let work = self.world.call(p, call, |s, _| s.put_target(p, balancer, node, None));
        work.await
    }

    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        let (p, call) = (&self.provider, Call::read("list targets"));
        let work = self.world.call(p, call, |s, _| s.list_targets(p, balancer));
        work.await
    }
}

#[async_trait]
impl Agents for SimAgents {
    async fn reports(&self) -> Result<BTreeMap<NodeId, NodeReport>> {
        Ok(self.world.reports())
    }

    async fn order(&self, node: NodeId, orders: &NodeOrders) -> Result<()> {
        self.world.order(node, orders).await
    }
}
