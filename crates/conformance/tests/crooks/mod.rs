//! Adapters that are wrong in one way each, over the embedded cloud.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::sim::MemoryStorage;
use damm_clouds::traits::Result;
use damm_clouds::{
    AddressOrder, Balancer, BalancerTarget, Clock, Cloud, Dns, ListedAddress, ListedMachine,
    MachineOrder, MachineState, ManualClock, Providers,
};
use damm_conformance::{Aim, BalancerVendor, CloudVendor, DnsVendor, FLEET, Trouble, Vendor};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::Dial;
use damm_fleet::{
    BalancerName, Capabilities, FailureClass, NodeId, Offer, ProviderName, Seed, Span, Timestamp,
    Topology,
};
use serde_json::json;

const ZONE: &str = "example.net";

/// What is wrong with an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vice {
    Nothing,
    CreatesAgainWhenNoAnswerComes,
    TakesAnErrorForAnEmptyListing,
    ListsTheFirstPageAlone,
    ListsTwice,
    ListsAllFleets,
    LosesTags,
    LosesSpareMachines,
    Steals,
    DetachesToRelease,
    HidesWhatIsGoing,
    TakesAcceptedForGone,
    TakesStuckForRunning,
    TellsUserData,
    TellsACredential,
    SaysNothing,
    TakesNoAnswerForARefusal,
    TakesARefusalForNoAnswer,
    ForgetsWhenToComeBack,
    TakesFullForRefused,
    TakesEmptyUserData,
    AddsRecords,
    ForgetsTtl,
    ShowsOthersRecords,
    NeverDrains,
    RemovesTheWrongTarget,
}

/// A fresh account of the embedded cloud behind a wrong adapter.
#[derive(Clone)]
pub struct Crook {
    vice: Vice,
    providers: Arc<Providers>,
    topology: Topology,
    clock: ManualClock,
}

fn account() -> ProviderName {
    "a".parse().unwrap()
}

impl Crook {
    pub async fn fresh(vice: Vice) -> Self {
        let topology: Topology = serde_json::from_value(json!({
            "fleet": FLEET,
            "providers": { "a": {
                "kind": "sim", "asns": [64500], "locations": { "eu": "a1" },
                "limits": { "requests_per_hour": 36_000_000 }, "sim": { "quota": 3 },
            } },
            "profiles": {}, "regions": {}, "populations": {},
            "dns": [{
                "provider": "a", "zone": ZONE, "region": "eu", "names": "region", "label": "eu",
            }],
            "balancers": [{ "name": "lb", "provider": "a", "region": "eu", "port": 443 }],
        }))
        .unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(1_795_000_000_000));
        let (storage, time) = (Arc::new(MemoryStorage::default()), Arc::new(clock.clone()));
        let providers = Providers::connect(&topology, storage, time).await.unwrap();
        Self { vice, providers: Arc::new(providers), topology, clock }
    }

    fn is(&self, vice: Vice) -> bool {
        self.vice == vice
    }

    fn honest(&self) -> &Arc<dyn Cloud> {
        &self.providers.clouds[&account()]
    }

    /// What this adapter makes of an error.
    fn told<T>(&self, answer: Result<T>) -> Result<T> {
        answer.map_err(|mut e| {
            match (self.vice, e.class) {
                (Vice::SaysNothing, _) => e.message = String::new(),
                (Vice::TellsACredential, _) => e.message += " (token abracadabra)",
                (Vice::TakesNoAnswerForARefusal, FailureClass::Unknown)
                | (Vice::TakesFullForRefused, FailureClass::Exhausted) => {
                    e.class = FailureClass::Rejected;
                }
                (Vice::TakesARefusalForNoAnswer, FailureClass::Throttled) => {
                    e.class = FailureClass::Unknown;
                }
                (Vice::ForgetsWhenToComeBack, _) => e.retry_after = None,
                _ => {}
            }
            e
        })
    }

    fn listed<T>(&self, answer: Result<Vec<T>>) -> Result<Vec<T>> {
        match self.told(answer) {
            Err(_) if self.is(Vice::TakesAnErrorForAnEmptyListing) => Ok(Vec::new()),
            Ok(mut all) if self.is(Vice::ListsTheFirstPageAlone) => {
                all.truncate(50);
                Ok(all)
            }
            other => other,
        }
    }
}

#[async_trait]
impl Cloud for Crook {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        let mut order = order.clone();
        if self.is(Vice::TakesEmptyUserData) && order.user_data.is_empty() {
            order.user_data = "#".to_owned();
        }
        let mut answer = self.honest().create_machine(&order).await;
        let unheard = matches!(&answer, Err(e) if e.class == FailureClass::Unknown);
        if unheard && self.is(Vice::CreatesAgainWhenNoAnswerComes) {
            answer = self.honest().create_machine(&order).await;
        }
        if let (Err(e), true) = (&mut answer, self.is(Vice::TellsUserData)) {
            e.message = format!("can't make it with {}", order.user_data);
        }
        self.told(answer)
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let mut all = self.listed(self.honest().list_machines(fleet).await)?;
        match self.vice {
            Vice::ListsTwice => all.extend(all.clone()),
            Vice::ListsAllFleets => all.extend(self.honest().list_machines("other").await?),
            Vice::LosesTags => all.iter_mut().for_each(|m| m.tag = None),
            Vice::LosesSpareMachines => all.dedup_by(|a, b| a.tag == b.tag),
            Vice::HidesWhatIsGoing => all.retain(|m| m.state != MachineState::Stopping),
            Vice::TakesStuckForRunning => {
                all.iter_mut().for_each(|m| m.state = MachineState::Running);
            }
            _ => {}
        }
        Ok(all)
    }

    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        match self.told(self.honest().delete_machine(provider_ref).await) {
            Err(e) if e.class == FailureClass::Gone && self.is(Vice::TakesAcceptedForGone) => {
                Ok(())
            }
            other => other,
        }
    }

    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        let answer = self.honest().allocate_address(order).await;
        self.told(answer)
    }

    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        let answer = self.honest().list_addresses(fleet).await;
        self.listed(answer)
    }

    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        if self.is(Vice::Steals) {
            self.honest().detach_address(address_ref).await?;
        }
        self.told(self.honest().attach_address(address_ref, machine_ref).await)
    }

    async fn detach_address(&self, address_ref: &str) -> Result<()> {
        self.told(self.honest().detach_address(address_ref).await)
    }

    async fn release_address(&self, address_ref: &str) -> Result<()> {
        if self.is(Vice::DetachesToRelease) {
            self.honest().detach_address(address_ref).await?;
        }
        self.told(self.honest().release_address(address_ref).await)
    }
}

#[async_trait]
impl Dns for Crook {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        let (dns, mut set) = (&self.providers.dns[&account()], set.clone());
        let before = dns.list_records(fleet, zone).await?;
        if let Some(before) = before.get(name) {
            match self.vice {
                Vice::AddsRecords => set.addresses.extend(before.addresses.iter().copied()),
                Vice::ForgetsTtl => set.ttl = before.ttl,
                _ => {}
            }
        }
        self.told(dns.put_records(fleet, zone, name, &set).await)
    }

    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        let dns = &self.providers.dns[&account()];
        let mut all = match dns.list_records(fleet, zone).await {
            Err(_) if self.is(Vice::TakesAnErrorForAnEmptyListing) => return Ok(BTreeMap::new()),
            other => self.told(other)?,
        };
        match self.vice {
            Vice::ShowsOthersRecords => all.extend(dns.list_records("other", zone).await?),
            Vice::ListsTheFirstPageAlone => all = all.into_iter().take(50).collect(),
            _ => {}
        }
        Ok(all)
    }
}

#[async_trait]
impl Balancer for Crook {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        let draining = target.draining && !self.is(Vice::NeverDrains);
        let target = BalancerTarget { draining, ..target.clone() };
        let balancers = &self.providers.balancers[&account()];
        self.told(balancers.put_target(balancer, node, &target).await)
    }

    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        let balancers = &self.providers.balancers[&account()];
        let mut all = balancers.list_targets(balancer).await?.into_keys();
        let wrong = all.find(|n| *n != node).filter(|_| self.is(Vice::RemovesTheWrongTarget));
        self.told(balancers.remove_target(balancer, wrong.unwrap_or(node)).await)
    }

    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        let answer = self.providers.balancers[&account()].list_targets(balancer).await;
        self.told(answer)
    }
}

#[async_trait]
impl Vendor for Crook {
    async fn wait(&self, span: Span) {
        self.clock.sleep(span).await;
    }

    fn patience(&self) -> Span {
        Span::from_mins(5)
    }

    fn makes(&self, trouble: Trouble) -> bool {
        matches!(
            trouble,
            Trouble::LostAnswers
                | Trouble::FailedRequests
                | Trouble::FailedAnswers
                | Trouble::Throttling
                | Trouble::SilentThrottling
                | Trouble::StuckCreates
                | Trouble::SlowDeletes
        )
    }

    async fn trouble(&self, trouble: Trouble, _: Aim) {
        let on = |t| f64::from(trouble == t);
        let dial = Dial {
            lost_response: on(Trouble::LostAnswers),
            error_before: on(Trouble::FailedRequests),
            error_after: on(Trouble::FailedAnswers),
            throttled: on(Trouble::Throttling),
            throttled_silent: on(Trouble::SilentThrottling),
            stuck_create: on(Trouble::StuckCreates),
            slow_delete: on(Trouble::SlowDeletes),
            ..Dial::default()
        };
        self.providers.world.set_dial(&account(), &dial);
    }

    fn secrets(&self) -> Vec<String> {
        vec!["abracadabra".to_owned()]
    }
}

#[async_trait]
impl CloudVendor for Crook {
    fn cloud(&self) -> Arc<dyn Cloud> {
        Arc::new(self.clone())
    }

    fn capabilities(&self) -> Capabilities {
        Offer::built_in(&self.topology.providers[&account()]).capabilities
    }

    fn place(&self) -> (String, String) {
        ("small".to_owned(), "a1".to_owned())
    }

    fn quota(&self) -> Option<usize> {
        Some(3)
    }

    async fn raise_quota(&self, machines: usize, _: usize) -> bool {
        let mut topology = self.topology.clone();
        let account = topology.providers.get_mut(&account()).unwrap();
        account.sim.as_mut().unwrap().quota = Some(machines.try_into().unwrap());
        self.providers.world.adopt(&topology);
        true
    }
}

#[async_trait]
impl DnsVendor for Crook {
    fn dns(&self) -> Arc<dyn Dns> {
        Arc::new(self.clone())
    }

    fn zone(&self) -> String {
        ZONE.to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        let put = self.providers.world.add_foreign_record(&account(), ZONE, name, set).await;
        put.unwrap();
    }
}

#[async_trait]
impl BalancerVendor for Crook {
    fn balancer(&self) -> Arc<dyn Balancer> {
        Arc::new(self.clone())
    }

    fn balancer_name(&self) -> BalancerName {
        "lb".parse().unwrap()
    }

    async fn target(&self, number: usize) -> (NodeId, BalancerTarget) {
        let node = Seed::from_number(number as u64).node();
        let address = format!("192.0.2.{number}").parse().unwrap();
        (node, BalancerTarget { address, port: 443, draining: false })
    }
}
