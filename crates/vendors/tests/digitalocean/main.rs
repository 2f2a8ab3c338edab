//! DigitalOcean's adapter is held to the suite against its double, and to the vendor's own traps.
#![cfg(feature = "digitalocean")]
#![allow(clippy::unwrap_used)]

mod traps;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use damm_clouds::{AddressOrder, Balancer, BalancerTarget, Cloud, Dns, MachineOrder, ManualClock};
use damm_conformance::{Aim, BalancerVendor, CloudVendor, DnsVendor, FLEET, Trouble, Vendor, tag};
use damm_doubles::Front;
use damm_doubles::digitalocean::{DigitalOcean, Knobs, PROJECT, REGION, SIZE};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::ProviderKind;
use damm_fleet::{BalancerName, Capabilities, NodeId, Seed, Span};
use damm_vendors::credentials::Secret;
use damm_vendors::origins::Origins;
use damm_vendors::registry::{Account, Parts, adapter};
use serde_json::json;

const TOKEN: &str = "dop_v1_of-the-suite-and-of-nobody-else";
const ZONE: &str = "example.org";
const BALANCER: &str = "lb";

struct Rig {
    double: Arc<DigitalOcean>,
    front: Front,
    clock: ManualClock,
    parts: Parts,
    targets: Mutex<BTreeMap<usize, (NodeId, BalancerTarget)>>,
    /// Domains' records are never locked.
    locks: bool,
}

fn parts(url: &str, clock: &ManualClock) -> Parts {
    let provider = json!({
        "kind": "digitalocean", "asns": [14061], "endpoint": format!("{url}/v2"),
        "settings": { "project": PROJECT },
    });
    let account = Account {
        name: "do".parse().unwrap(),
        fleet: FLEET.to_owned(),
        provider: serde_json::from_value(provider).unwrap(),
        sheet: ProviderKind::DigitalOcean.sheet().unwrap(),
        secret: Some(Secret::new(TOKEN)),
        origins: Origins::new(vec![damm_fleet::Asn(14061)]),
        ca: None,
        clock: Arc::new(clock.clone()),
    };
    adapter(account).unwrap()
}

impl Rig {
    fn new() -> Self {
        let clock = ManualClock::at("2026-03-01T12:00:00.250Z".parse().unwrap());
        let double = Arc::new(DigitalOcean::new(clock.clone(), TOKEN));
        double.make_domain(ZONE);
        double.make_balancer(BALANCER, 443, None);
        let front = Front::over(double.clone());
        let parts = parts(&front.url(), &clock);
        Self { double, front, clock, parts, targets: Mutex::default(), locks: true }
    }

    fn turn(self, change: impl FnOnce(&mut Knobs)) -> Self {
        self.double.turn(change);
        self
    }

    fn dns(&self) -> Arc<dyn Dns> {
        self.parts.dns.clone().unwrap()
    }

    fn balancer(&self) -> Arc<dyn Balancer> {
        self.parts.balancer.clone().unwrap()
    }

    fn machine_order(&self, number: u64) -> MachineOrder {
        let tag = tag(Seed::from_number(number).node());
        MachineOrder {
            idempotency_key: format!("{tag}.1"),
            tag,
            machine: SIZE.to_owned(),
            location: REGION.to_owned(),
            user_data: "#cloud-config\n".to_owned(),
        }
    }

    fn address_order(&self, prefer_v6: bool) -> AddressOrder {
        let tag = tag(Seed::from_number(1).frontdoor());
        let idempotency_key = format!("{tag}.1");
        AddressOrder { idempotency_key, tag, location: REGION.to_owned(), prefer_v6 }
    }

    /// A machine that runs.
    async fn machine(&self, number: u64) -> String {
        let made = self.cloud().create_machine(&self.machine_order(number)).await.unwrap();
        self.wait(self.patience()).await;
        made.provider_ref
    }

    async fn address(&self, v6: bool) -> String {
        self.cloud().allocate_address(&self.address_order(v6)).await.unwrap().provider_ref
    }

    /// The requests that changed something.
    fn writes(&self) -> Vec<String> {
        let lines = self.front.take_journal().into_iter().filter(|l| l.method != "GET");
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

    fn makes(&self, trouble: Trouble) -> bool {
        self.locks || trouble != Trouble::Busy
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
        self.parts.cloud.clone().unwrap()
    }

    fn capabilities(&self) -> Capabilities {
        ProviderKind::DigitalOcean.sheet().unwrap().offer().capabilities
    }

    fn place(&self) -> (String, String) {
        (SIZE.to_owned(), REGION.to_owned())
    }

    fn quota(&self) -> Option<usize> {
        Some(Knobs::default().droplets)
    }

    fn address_quota(&self) -> Option<usize> {
        Some(Knobs::default().addresses)
    }

    async fn raise_quota(&self, machines: usize, addresses: usize) -> bool {
        self.double.turn(|k| (k.droplets, k.addresses) = (machines, addresses));
        true
    }

    fn nobody(&self) -> (String, String) {
        ("39999999".to_owned(), "203.0.113.254".to_owned())
    }

    async fn steal(&self, address_ref: &str, machine_ref: &str) -> bool {
        self.double.assign(address_ref, machine_ref)
    }

    fn gives_v6(&self) -> bool {
        true
    }
}

#[async_trait]
impl DnsVendor for Rig {
    fn dns(&self) -> Arc<dyn Dns> {
        self.dns()
    }

    fn zone(&self) -> String {
        ZONE.to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        self.double.put_records(ZONE, name, set);
    }
}

#[async_trait]
impl BalancerVendor for Rig {
    fn balancer(&self) -> Arc<dyn Balancer> {
        self.balancer()
    }

    fn balancer_name(&self) -> BalancerName {
        BALANCER.parse().unwrap()
    }

    async fn target(&self, number: usize) -> (NodeId, BalancerTarget) {
        if let Some(made) = self.targets.lock().unwrap().get(&number) {
            return made.clone();
        }
        let id = self.machine(number as u64).await;
        let listed = self.cloud().list_machines(FLEET).await.unwrap();
        let machine = listed.into_iter().find(|m| m.provider_ref == id).unwrap();
        let address = machine.address.unwrap();
        let node = Seed::from_number(number as u64).node();
        let target = (node, BalancerTarget { address, port: 443, draining: false });
        self.targets.lock().unwrap().insert(number, target.clone());
        target
    }

    fn drains(&self) -> bool {
        false
    }
}

mod as_it_comes {
    use super::*;

    async fn fresh() -> Rig {
        Rig::new()
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
    damm_conformance::balancers!(fresh());
}

mod domains {
    use super::*;

    async fn fresh() -> Rig {
        Rig { locks: false, ..Rig::new() }
    }

    damm_conformance::names!(fresh());
}
