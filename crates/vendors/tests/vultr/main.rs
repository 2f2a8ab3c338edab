//! Vultr's adapter is held to the suite against its double, and to the vendor's own traps.
#![cfg(feature = "vultr")]
#![allow(clippy::unwrap_used)]

mod traps;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{AddressOrder, Cloud, MachineOrder, ManualClock};
use damm_conformance::{Aim, CloudVendor, FLEET, Trouble, Vendor, tag};
use damm_doubles::Front;
use damm_doubles::vultr::{Knobs, PLAN, REGION, Vultr};
use damm_fleet::topology::ProviderKind;
use damm_fleet::{Asn, Capabilities, Seed, Span};
use damm_vendors::credentials::Secret;
use damm_vendors::origins::Origins;
use damm_vendors::registry::{Account, adapter};
use serde_json::json;

const TOKEN: &str = "KEY-of-the-suite-and-of-nobody-else";

struct Rig {
    double: Arc<Vultr>,
    front: Front,
    clock: ManualClock,
    cloud: Arc<dyn Cloud>,
}

fn cloud(url: &str, clock: &ManualClock, image: Option<&str>) -> Arc<dyn Cloud> {
    let provider = json!({
        "kind": "vultr", "asns": [20473], "endpoint": format!("{url}/v2"), "image": image,
    });
    let account = Account {
        name: "vultr".parse().unwrap(),
        fleet: FLEET.to_owned(),
        provider: serde_json::from_value(provider).unwrap(),
        sheet: ProviderKind::Vultr.sheet().unwrap(),
        secret: Some(Secret::new(TOKEN)),
        origins: Origins::new(vec![Asn(20473)]),
        ca: None,
        clock: Arc::new(clock.clone()),
    };
    adapter(account).unwrap().cloud.unwrap()
}

impl Rig {
    fn new() -> Self {
        let clock = ManualClock::at("2026-03-01T12:00:00.250Z".parse().unwrap());
        let double = Arc::new(Vultr::new(clock.clone(), TOKEN));
        let front = Front::over(double.clone());
        let cloud = cloud(&front.url(), &clock, None);
        Self { double, front, clock, cloud }
    }

    fn turn(self, change: impl FnOnce(&mut Knobs)) -> Self {
        self.double.turn(change);
        self
    }

    fn machine_order(&self, number: u64) -> MachineOrder {
        let tag = tag(Seed::from_number(number).node());
        MachineOrder {
            idempotency_key: format!("{tag}.1"),
            tag,
            machine: PLAN.to_owned(),
            location: REGION.to_owned(),
            user_data: "#cloud-config\n".to_owned(),
        }
    }

    /// A machine that runs.
    async fn machine(&self, number: u64) -> String {
        let made = self.cloud.create_machine(&self.machine_order(number)).await.unwrap();
        self.wait(self.patience()).await;
        made.provider_ref
    }

    async fn address(&self) -> String {
        let tag = tag(Seed::from_number(1).frontdoor());
        let idempotency_key = format!("{tag}.1");
        let location = REGION.to_owned();
        let order = AddressOrder { idempotency_key, tag, location, prefer_v6: false };
        self.cloud.allocate_address(&order).await.unwrap().provider_ref
    }

    /// The requests so far, by method and path.
    fn requests(&self) -> Vec<String> {
        let lines = self.front.take_journal().into_iter();
        lines.map(|l| format!("{} {}", l.method, l.path)).collect()
    }
}

#[async_trait]
impl Vendor for Rig {
    async fn wait(&self, span: Span) {
        self.clock.advance(span);
    }

    fn patience(&self) -> Span {
        Span::from_mins(5)
    }

    fn makes(&self, _: Trouble) -> bool {
        true
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.front.trouble(trouble, aim);
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}

#[async_trait]
impl CloudVendor for Rig {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.cloud.clone()
    }

    fn capabilities(&self) -> Capabilities {
        ProviderKind::Vultr.sheet().unwrap().offer().capabilities
    }

    fn place(&self) -> (String, String) {
        (PLAN.to_owned(), REGION.to_owned())
    }

    fn quota(&self) -> Option<usize> {
        Some(Knobs::default().instances)
    }

    fn address_quota(&self) -> Option<usize> {
        Some(Knobs::default().addresses)
    }

    async fn raise_quota(&self, machines: usize, addresses: usize) -> bool {
        self.double.turn(|k| (k.instances, k.addresses) = (machines, addresses));
        true
    }

    fn nobody(&self) -> (String, String) {
        let nobody = "00000000-0000-4000-8000-000000000000";
        (nobody.to_owned(), nobody.to_owned())
    }

    async fn steal(&self, address_ref: &str, machine_ref: &str) -> bool {
        self.double.attach(address_ref, machine_ref)
    }

    fn gives_v6(&self) -> bool {
        true
    }
}

mod as_it_comes {
    use super::*;

    async fn fresh() -> Rig {
        Rig::new()
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
}
