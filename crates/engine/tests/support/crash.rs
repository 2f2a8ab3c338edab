//! A process that dies at a chosen point: before or after any commit of the state, and before or
//! after any call to a provider or an agent.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{
    AddressOrder, Agents, Balancer, BalancerTarget, Cloud, Dns, ListedAddress, ListedMachine,
    MachineOrder, NodeOrders, NodeReport, Providers,
};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{BalancerName, NodeId};
use damm_store::Tripwire;
use tokio::sync::Notify;

/// Counts points, and dies at one of them.
#[derive(Debug, Default)]
pub struct Fuse {
    /// The point at which to die, from 1; 0: never.
    at: u64,
    passed: AtomicU64,
    dead: AtomicBool,
    died: Notify,
}

impl Fuse {
    pub fn at(at: u64) -> Arc<Self> {
        Arc::new(Self {
            at,
            ..Self::default()
        })
    }

    /// Whether the process is dead from this point on.
    fn burns(&self) -> bool {
        let passed = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
        if passed == self.at {
            self.dead.store(true, Ordering::Relaxed);
            self.died.notify_one();
        }
        self.is_dead()
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Whether it never burns.
    pub const fn is_never(&self) -> bool {
        self.at == 0
    }

    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    pub async fn died(&self) {
        self.died.notified().await;
    }

    pub fn tripwire(self: &Arc<Self>) -> Tripwire {
        let fuse = self.clone();
        Tripwire::new(move |_| fuse.burns())
    }

    /// A dead process neither makes a call nor hears an answer.
    async fn point(&self) {
        if self.burns() {
            pending::<()>().await;
        }
    }

    async fn around<T>(&self, call: impl Future<Output = T> + Send) -> T {
        self.point().await;
        let answer = call.await;
        self.point().await;
        answer
    }

    pub fn wire(self: &Arc<Self>, providers: Providers) -> Providers {
        Providers {
            clouds: self.each(providers.clouds, |w| Arc::new(w) as Arc<dyn Cloud>),
            dns: self.each(providers.dns, |w| Arc::new(w) as Arc<dyn Dns>),
            balancers: self.each(providers.balancers, |w| Arc::new(w) as Arc<dyn Balancer>),
            agents: Arc::new(Wired {
                fuse: self.clone(),
                inner: providers.agents,
            }),
            world: providers.world,
        }
    }

    fn each<K: Ord, T: ?Sized>(
        self: &Arc<Self>,
        all: BTreeMap<K, Arc<T>>,
        wrap: impl Fn(Wired<T>) -> Arc<T>,
    ) -> BTreeMap<K, Arc<T>> {
        let wire = |inner| {
            let fuse = self.clone();
            wrap(Wired { fuse, inner })
        };
        all.into_iter().map(|(k, inner)| (k, wire(inner))).collect()
    }
}

/// One trait with a fuse around each of its calls.
struct Wired<T: ?Sized> {
    fuse: Arc<Fuse>,
    inner: Arc<T>,
}

#[async_trait]
impl Cloud for Wired<dyn Cloud> {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        self.fuse.around(self.inner.create_machine(order)).await
    }
    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        self.fuse.around(self.inner.list_machines(fleet)).await
    }
    async fn delete_machine(&self, machine: &str) -> Result<()> {
        self.fuse.around(self.inner.delete_machine(machine)).await
    }
    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        self.fuse.around(self.inner.allocate_address(order)).await
    }
    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        self.fuse.around(self.inner.list_addresses(fleet)).await
    }
    async fn attach_address(&self, address: &str, machine: &str) -> Result<()> {
        let call = self.inner.attach_address(address, machine);
        self.fuse.around(call).await
    }
    async fn detach_address(&self, address: &str) -> Result<()> {
        self.fuse.around(self.inner.detach_address(address)).await
    }
    async fn release_address(&self, address: &str) -> Result<()> {
        self.fuse.around(self.inner.release_address(address)).await
    }
}

#[async_trait]
impl Dns for Wired<dyn Dns> {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        let call = self.inner.put_records(fleet, zone, name, set);
        self.fuse.around(call).await
    }
    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        self.fuse.around(self.inner.list_records(fleet, zone)).await
    }
}

#[async_trait]
impl Balancer for Wired<dyn Balancer> {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        let call = self.inner.put_target(balancer, node, target);
        self.fuse.around(call).await
    }
    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        let call = self.inner.remove_target(balancer, node);
        self.fuse.around(call).await
    }
    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        self.fuse.around(self.inner.list_targets(balancer)).await
    }
}

#[async_trait]
impl Agents for Wired<dyn Agents> {
    async fn reports(&self) -> Result<BTreeMap<NodeId, NodeReport>> {
        self.fuse.around(self.inner.reports()).await
    }
    async fn order(&self, node: NodeId, orders: &NodeOrders) -> Result<()> {
        self.fuse.around(self.inner.order(node, orders)).await
    }
}
