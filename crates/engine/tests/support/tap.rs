//! Something that listens in on every call to a provider or an agent, and may meddle.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{
    AddressOrder, Agents, Balancer, BalancerTarget, Cloud, Dns, Error, ListedAddress,
    ListedMachine, MachineOrder, NodeOrders, NodeReport, Providers,
};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{BalancerName, FailureClass, NodeId};

/// Listens in.
#[async_trait]
pub trait Tap: Send + Sync {
    /// Before a call is made; an error is what it answers instead.
    async fn before(&self, call: &'static str) -> Option<Error>;

    /// After a call was made; an error is what it answers in spite of it.
    async fn after(&self, call: &'static str) -> Option<Error>;

    /// Whether a call that can be repeated is made once more.
    async fn again(&self, _: &'static str) -> bool {
        false
    }
}

pub fn error(class: FailureClass, operation: &'static str) -> Error {
    Error {
        class,
        provider: "tapped".to_owned(),
        operation,
        message: "meddled with".to_owned(),
        retry_after: None,
    }
}

/// Whether a call only looks.
pub fn looks(call: &str) -> bool {
    call.starts_with("list") || call == "reports"
}

/// The same accounts and agents, with somebody listening in.
pub fn tapped(providers: Providers, tap: &Arc<dyn Tap>) -> Providers {
    Providers {
        clouds: each(providers.clouds, tap, |w| Arc::new(w) as Arc<dyn Cloud>),
        dns: each(providers.dns, tap, |w| Arc::new(w) as Arc<dyn Dns>),
        balancers: each(providers.balancers, tap, |w| Arc::new(w) as Arc<dyn Balancer>),
        channels: providers.channels,
        agents: Arc::new(Wire { tap: tap.clone(), inner: providers.agents }),
        world: providers.world,
    }
}

fn each<K: Ord, T: ?Sized>(
    all: BTreeMap<K, Arc<T>>,
    tap: &Arc<dyn Tap>,
    wrap: impl Fn(Wire<T>) -> Arc<T>,
) -> BTreeMap<K, Arc<T>> {
    let wire = |inner| {
        let tap = tap.clone();
        wrap(Wire { tap, inner })
    };
    all.into_iter().map(|(k, inner)| (k, wire(inner))).collect()
}

struct Wire<T: ?Sized> {
    tap: Arc<dyn Tap>,
    inner: Arc<T>,
}

impl<T: ?Sized> Wire<T> {
    async fn once<R>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<R>> + Send,
    ) -> Result<R> {
        if let Some(error) = self.tap.before(name).await {
            return Err(error);
        }
        let answer = call.await;
        match self.tap.after(name).await {
            Some(error) => Err(error),
            None => answer,
        }
    }

    /// A call that can be repeated.
    async fn any<F: Future<Output = Result<()>> + Send>(
        &self,
        name: &'static str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<()> {
        let answer = self.once(name, call()).await;
        if answer.is_ok() && self.tap.again(name).await {
            let second = call().await;
            let fine = |e: &Error| e.class == FailureClass::Gone;
            assert!(second.as_ref().err().is_none_or(fine), "{name} again: {second:?}");
            self.tap.after(name).await;
        }
        answer
    }
}

#[async_trait]
impl Cloud for Wire<dyn Cloud> {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        let call = self.inner.create_machine(order);
        self.once("create_machine", call).await
    }
    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let call = self.inner.list_machines(fleet);
        self.once("list_machines", call).await
    }
    async fn delete_machine(&self, machine: &str) -> Result<()> {
        let call = || self.inner.delete_machine(machine);
        self.any("delete_machine", call).await
    }
    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        let call = self.inner.allocate_address(order);
        self.once("allocate_address", call).await
    }
    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        let call = self.inner.list_addresses(fleet);
        self.once("list_addresses", call).await
    }
    async fn attach_address(&self, address: &str, machine: &str) -> Result<()> {
        let call = || self.inner.attach_address(address, machine);
        self.any("attach_address", call).await
    }
    async fn detach_address(&self, address: &str) -> Result<()> {
        let call = || self.inner.detach_address(address);
        self.any("detach_address", call).await
    }
    async fn release_address(&self, address: &str) -> Result<()> {
        let call = || self.inner.release_address(address);
        self.any("release_address", call).await
    }
}

#[async_trait]
impl Dns for Wire<dyn Dns> {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        let call = || self.inner.put_records(fleet, zone, name, set);
        self.any("put_records", call).await
    }
    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        let call = self.inner.list_records(fleet, zone);
        self.once("list_records", call).await
    }
}

#[async_trait]
impl Balancer for Wire<dyn Balancer> {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        let call = || self.inner.put_target(balancer, node, target);
        self.any("put_target", call).await
    }
    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        let call = || self.inner.remove_target(balancer, node);
        self.any("remove_target", call).await
    }
    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        let call = self.inner.list_targets(balancer);
        self.once("list_targets", call).await
    }
}

#[async_trait]
impl Agents for Wire<dyn Agents> {
    async fn reports(&self) -> Result<BTreeMap<NodeId, NodeReport>> {
        self.once("reports", self.inner.reports()).await
    }
    async fn order(&self, node: NodeId, orders: &NodeOrders) -> Result<()> {
        let call = || self.inner.order(node, orders);
        self.any("order", call).await
    }
}
