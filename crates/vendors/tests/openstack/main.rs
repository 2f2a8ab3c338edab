//! OpenStack is held to the suite, and to its own traps.
#![cfg(feature = "openstack")]
#![allow(clippy::unwrap_used)]

mod network_traps;
mod traps;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{AddressOrder, Balancer, BalancerTarget, Cloud, MachineOrder, ManualClock};
use damm_conformance::{Aim, BalancerVendor, CloudVendor, FLEET, Trouble, Vendor, tag};
use damm_doubles::Front;
use damm_doubles::openstack::{Knobs, OpenStack, ZONE};
use damm_fleet::topology::{Provider, ProviderKind};
use damm_fleet::{Asn, BalancerName, Capabilities, NodeId, Seed, Span, Timestamp};
use damm_vendors::credentials::Secret;
use damm_vendors::origins::Origins;
use damm_vendors::registry::{Account, Parts, adapter};
use serde_json::{Value, json};

const CREDENTIAL: (&str, &str) =
    ("21dced0fd20347869b93710d2b98aae0", "SecretOfTheCredentialThatNoErrorMayEverRepeat");

struct Rig {
    clock: ManualClock,
    double: Arc<OpenStack>,
    front: Front,
    parts: Parts,
}

/// An account at an identity service, with settings beside its networks.
fn account(endpoint: &str, clock: &ManualClock, settings: &Value) -> Account {
    let mut all = json!({ "network": "private", "floating_network": "public" });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let provider = json!({ "kind": "openstack", "endpoint": endpoint, "settings": all });
    let provider: Provider = serde_json::from_value(provider).unwrap();
    let (id, secret) = CREDENTIAL;
    let secret =
        format!("application_credential_id = {id}\napplication_credential_secret = {secret}\n");
    Account {
        name: "here".parse().unwrap(),
        fleet: FLEET.to_owned(),
        sheet: provider.kind.sheet().unwrap(),
        provider,
        secret: Some(Secret::new(secret)),
        origins: Origins::new(vec![Asn(64_500)]),
        ca: None,
        clock: Arc::new(clock.clone()),
    }
}

impl Rig {
    fn fresh() -> Self {
        Self::with(&json!({}))
    }

    fn with(settings: &Value) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_760_000_000_000));
        let double = Arc::new(OpenStack::new(clock.clone(), CREDENTIAL));
        let front = Front::over(double.clone());
        let endpoint = format!("{}/identity/v3", front.url());
        let parts = adapter(account(&endpoint, &clock, settings)).unwrap();
        Self { clock, double, front, parts }
    }

    fn turn(self, change: impl FnOnce(&mut Knobs)) -> Self {
        self.double.turn(change);
        self
    }

    fn order(&self, number: u64) -> MachineOrder {
        let tag = tag(Seed::from_number(number).node());
        let (machine, location) = self.place();
        let user_data = "#cloud-config\n".to_owned();
        MachineOrder { idempotency_key: format!("{tag}.1"), tag, machine, location, user_data }
    }

    fn address_order(&self, number: u64) -> AddressOrder {
        let tag = tag(Seed::from_number(number).frontdoor());
        let location = self.place().1;
        AddressOrder { idempotency_key: format!("{tag}.1"), tag, location, prefer_v6: false }
    }

    /// A machine that runs.
    async fn machine(&self, number: u64) -> String {
        let made = self.cloud().create_machine(&self.order(number)).await.unwrap();
        self.clock.advance(self.patience());
        made.provider_ref
    }

    /// An address, attached to nothing.
    async fn address(&self, number: u64) -> String {
        let order = self.address_order(number);
        self.cloud().allocate_address(&order).await.unwrap().provider_ref
    }

    /// The requests since the last look, as method and path.
    fn asked(&self) -> Vec<String> {
        let lines = self.front.take_journal().into_iter();
        lines.map(|l| format!("{} {}", l.method, l.path)).collect()
    }

    /// The requests since the last look that changed something.
    fn written(&self) -> Vec<String> {
        let asked = self.asked().into_iter();
        asked.filter(|a| !a.starts_with("GET") && !a.contains("/identity/")).collect()
    }
}

#[async_trait]
impl Vendor for Rig {
    async fn wait(&self, span: Span) {
        self.clock.advance(span);
    }

    fn patience(&self) -> Span {
        Span::from_mins(2)
    }

    /// A cloud that is out of stock accepts the order, and fails later: a test below.
    fn makes(&self, trouble: Trouble) -> bool {
        trouble != Trouble::OutOfStock
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.front.trouble(trouble, aim);
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.double.given_tokens();
        secrets.push(CREDENTIAL.1.to_owned());
        secrets
    }
}

#[async_trait]
impl CloudVendor for Rig {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.parts.cloud.clone().unwrap()
    }

    fn capabilities(&self) -> Capabilities {
        ProviderKind::OpenStack.sheet().unwrap().offer().capabilities
    }

    fn place(&self) -> (String, String) {
        ("b2-7".to_owned(), ZONE.to_owned())
    }

    fn quota(&self) -> Option<usize> {
        Some(3)
    }

    fn address_quota(&self) -> Option<usize> {
        Some(10)
    }

    async fn raise_quota(&self, machines: usize, addresses: usize) -> bool {
        self.double.raise_quota(machines, addresses);
        true
    }

    fn nobody(&self) -> (String, String) {
        let never = |end: &str| format!("0f6e4b9c-8d2b-4c1e-9a53-5a1b2c3d4e{end}");
        (never("01"), never("02"))
    }

    async fn steal(&self, address_ref: &str, machine_ref: &str) -> bool {
        self.double.move_address(address_ref, machine_ref);
        true
    }
}

#[async_trait]
impl BalancerVendor for Rig {
    fn balancer(&self) -> Arc<dyn Balancer> {
        self.parts.balancer.clone().unwrap()
    }

    fn balancer_name(&self) -> BalancerName {
        "lb".parse().unwrap()
    }

    async fn target(&self, number: usize) -> (NodeId, BalancerTarget) {
        let node = Seed::from_number(number as u64).node();
        let address = format!("10.20.9.{number}").parse().unwrap();
        (node, BalancerTarget { address, port: 443, draining: false })
    }
}

mod as_it_comes {
    use super::*;

    async fn fresh() -> Rig {
        Rig::fresh()
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
    damm_conformance::balancers!(fresh());
}

mod with_two_networks_and_volumes {
    use super::*;

    async fn fresh() -> Rig {
        let networks = json!({ "network": "Ext-Net", "inner_network": "private", "volume": "20" });
        Rig::with(&networks)
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
}
