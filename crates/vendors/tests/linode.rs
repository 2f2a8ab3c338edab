//! Linode is held to the suite, and to its own traps.
#![cfg(feature = "linode")]
#![allow(clippy::unwrap_used)]

mod stage;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{AddressOrder, Balancer, BalancerTarget, Cloud, MachineOrder, ManualClock};
use damm_conformance::{Aim, BalancerVendor, CloudVendor, FLEET, Trouble, Vendor, tag};
use damm_doubles::{Front, linode};
use damm_fleet::topology::ProviderKind;
use damm_fleet::{BalancerName, Capabilities, FailureClass, NodeId, Seed, Span};
use damm_vendors::registry::{Parts, adapter};
use serde_json::json;

struct Linode {
    clock: ManualClock,
    double: Arc<linode::Linode>,
    front: Front,
    parts: Parts,
}

impl Linode {
    fn fresh() -> Self {
        let clock = stage::clock();
        let double = Arc::new(linode::Linode::new(clock.clone(), stage::TOKEN));
        let front = Front::over(double.clone());
        let endpoint = format!("{}/v4", front.url());
        let account = stage::account("linode", &endpoint, &clock, json!({}));
        Self { clock, double, front, parts: adapter(account).unwrap() }
    }

    fn order(&self, number: u64) -> MachineOrder {
        let tag = tag(Seed::from_number(number).node());
        let (machine, location) = self.place();
        let user_data = "#cloud-config\n".to_owned();
        MachineOrder { idempotency_key: format!("{tag}.1"), tag, machine, location, user_data }
    }

    fn address_order(&self, location: &str) -> AddressOrder {
        let tag = tag(Seed::from_number(9).frontdoor());
        let (idempotency_key, location) = (format!("{tag}.1"), location.to_owned());
        AddressOrder { tag, idempotency_key, location, prefer_v6: true }
    }

    /// The requests since the last look, as method and path.
    fn asked(&self) -> Vec<String> {
        let lines = self.front.take_journal().into_iter();
        lines.map(|l| format!("{} {}", l.method, l.path.trim_start_matches("/v4"))).collect()
    }
}

#[async_trait]
impl Vendor for Linode {
    async fn wait(&self, span: Span) {
        self.clock.advance(span);
    }

    fn patience(&self) -> Span {
        Span::from_mins(2)
    }

    fn makes(&self, _: Trouble) -> bool {
        true
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.front.trouble(trouble, aim);
    }

    fn secrets(&self) -> Vec<String> {
        vec![stage::TOKEN.to_owned()]
    }
}

#[async_trait]
impl CloudVendor for Linode {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.parts.cloud.clone().unwrap()
    }

    fn capabilities(&self) -> Capabilities {
        let sheet = ProviderKind::Linode.sheet().unwrap();
        sheet.machines.as_ref().unwrap().capabilities.clone()
    }

    fn place(&self) -> (String, String) {
        ("g6-nanode-1".to_owned(), "eu-central".to_owned())
    }

    fn quota(&self) -> Option<usize> {
        Some(3)
    }

    fn address_quota(&self) -> Option<usize> {
        Some(14)
    }

    async fn raise_quota(&self, machines: usize, addresses: usize) -> bool {
        self.double.raise_quota(machines, addresses);
        true
    }

    fn nobody(&self) -> (String, String) {
        ("1234".to_owned(), "192.0.2.77".to_owned())
    }

    async fn steal(&self, address_ref: &str, machine_ref: &str) -> bool {
        self.double.move_address(address_ref, machine_ref);
        true
    }
}

#[async_trait]
impl BalancerVendor for Linode {
    fn balancer(&self) -> Arc<dyn Balancer> {
        self.parts.balancer.clone().unwrap()
    }

    fn balancer_name(&self) -> BalancerName {
        "front".parse().unwrap()
    }

    async fn target(&self, number: usize) -> (NodeId, BalancerTarget) {
        let node = Seed::from_number(number as u64).node();
        let tags = [format!("damm:{FLEET}"), format!("damm-id:{node}")];
        let address = self.double.put_instance(&format!("target-{number}"), &tags).into();
        (node, BalancerTarget { address, port: 443, draining: false })
    }
}

mod as_it_comes {
    use super::*;

    async fn fresh() -> Linode {
        Linode::fresh()
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
    damm_conformance::balancers!(fresh());
}

#[tokio::test]
async fn a_label_that_somebody_else_took_is_not_adopted() {
    let linode = Linode::fresh();
    let order = linode.order(1);
    let made = linode.cloud().create_machine(&order).await.unwrap();
    linode.double.set_tags(&made.provider_ref, &["another".to_owned()]);
    let error = linode.cloud().create_machine(&order).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("is not this order's"), "{error}");
}

#[tokio::test]
async fn a_label_that_is_taken_but_not_listed_yet_is_busy() {
    let linode = Linode::fresh();
    let order = linode.order(1);
    linode.front.trouble(Trouble::LateListings, Aim::All);
    let made = linode.cloud().create_machine(&order).await.unwrap();
    let again = linode.cloud().create_machine(&order).await.unwrap_err();
    assert_eq!(again.class, FailureClass::Busy);
    linode.clock.advance(linode.capabilities().list_lag);
    let again = linode.cloud().create_machine(&order).await.unwrap();
    assert_eq!(again.provider_ref, made.provider_ref);
}

#[tokio::test]
async fn a_machines_own_address_stays_its_own_when_reserved_ones_come() {
    let linode = Linode::fresh();
    let cloud = linode.cloud();
    let made = cloud.create_machine(&linode.order(1)).await.unwrap();
    let reserved = cloud.allocate_address(&linode.address_order("eu-central")).await.unwrap();
    cloud.attach_address(&reserved.provider_ref, &made.provider_ref).await.unwrap();
    let [listed] = cloud.list_machines(FLEET).await.unwrap().try_into().unwrap();
    assert_eq!(listed.address, made.address);
    assert_ne!(listed.address, Some(reserved.address));
    // What was made before is told so as well.
    let again = cloud.create_machine(&linode.order(1)).await.unwrap();
    assert_eq!(again.address, made.address);
}

#[tokio::test]
async fn reserved_addresses_are_looked_at_only_where_a_machine_has_several() {
    let linode = Linode::fresh();
    linode.cloud().create_machine(&linode.order(1)).await.unwrap();
    linode.asked();
    linode.cloud().list_machines(FLEET).await.unwrap();
    assert_eq!(linode.asked(), ["GET /linode/instances?page=1&page_size=500"]);
}

#[tokio::test]
async fn an_address_of_another_region_is_rejected() {
    let linode = Linode::fresh();
    let cloud = linode.cloud();
    let made = cloud.create_machine(&linode.order(1)).await.unwrap();
    let far = cloud.allocate_address(&linode.address_order("us-east")).await.unwrap();
    let attach = cloud.attach_address(&far.provider_ref, &made.provider_ref).await;
    assert_eq!(attach.unwrap_err().class, FailureClass::Rejected);
}

#[tokio::test]
async fn an_attached_address_is_not_even_asked_to_be_given_back() {
    let linode = Linode::fresh();
    let cloud = linode.cloud();
    let made = cloud.create_machine(&linode.order(1)).await.unwrap();
    let reserved = cloud.allocate_address(&linode.address_order("eu-central")).await.unwrap();
    cloud.attach_address(&reserved.provider_ref, &made.provider_ref).await.unwrap();
    linode.asked();
    let release = cloud.release_address(&reserved.provider_ref).await;
    assert_eq!(release.unwrap_err().class, FailureClass::Busy);
    let asked = linode.asked();
    assert!(asked.iter().all(|a| a.starts_with("GET")), "{asked:?}");
}

#[tokio::test]
async fn a_target_is_the_private_address_under_the_port_that_fits() {
    let linode = Linode::fresh();
    linode.double.listen(8_443);
    let (node, target) = linode.target(1).await;
    let (balancer, name) = (linode.balancer(), linode.balancer_name());
    balancer.put_target(&name, node, &target).await.unwrap();
    let [(label, address, mode)] = linode.double.targets(443).try_into().unwrap();
    assert!(label.starts_with(&node.to_string()) && label.len() <= 32, "{label}");
    assert!(address.starts_with("192.168.") && address.ends_with(":443"), "{address}");
    assert_eq!((mode.as_str(), linode.double.targets(8_443).len()), ("accept", 0));
    // Another port: it moves there, and is not left behind.
    let moved = BalancerTarget { port: 8_443, draining: true, ..target.clone() };
    balancer.put_target(&name, node, &moved).await.unwrap();
    assert_eq!(linode.double.targets(443), []);
    assert_eq!(linode.double.targets(8_443)[0].2, "drain");
    let shown = balancer.list_targets(&name).await.unwrap();
    assert_eq!(shown, [(node, moved)].into());
    let nowhere = BalancerTarget { port: 80, ..target };
    let put = balancer.put_target(&name, node, &nowhere).await;
    assert_eq!(put.unwrap_err().class, FailureClass::Rejected);
}

#[tokio::test]
async fn a_target_whose_machine_is_gone_can_be_removed() {
    let linode = Linode::fresh();
    let (balancer, name) = (linode.balancer(), linode.balancer_name());
    let (node, target) = linode.target(1).await;
    balancer.put_target(&name, node, &target).await.unwrap();
    let [machine] = linode.cloud().list_machines(FLEET).await.unwrap().try_into().unwrap();
    linode.cloud().delete_machine(&machine.provider_ref).await.unwrap();
    let shown = balancer.list_targets(&name).await.unwrap();
    assert!(shown.contains_key(&node), "it is still a target");
    let put = balancer.put_target(&name, node, &target).await;
    assert_eq!(put.unwrap_err().class, FailureClass::Gone);
    balancer.remove_target(&name, node).await.unwrap();
    assert_eq!(linode.double.targets(443), []);
}

#[tokio::test]
async fn an_unsure_408_is_looked_into() {
    let clock = stage::clock();
    let front = Front::over(Arc::new(Hurried));
    let account = stage::account("linode", &front.url(), &clock, json!({}));
    let cloud = adapter(account).unwrap().cloud.unwrap();
    let order = Linode::fresh().order(1);
    assert_eq!(cloud.create_machine(&order).await.unwrap_err().class, FailureClass::Unknown);
}

/// Linode when too many instances are ordered at once: some of them are made.
struct Hurried;

#[async_trait]
impl damm_doubles::Api for Hurried {
    async fn answer(&self, _: &damm_doubles::Asked) -> damm_doubles::Answer {
        let error = json!({ "errors": [{ "reason": "Please try again" }] });
        damm_doubles::Answer::json(408, &error)
    }
}

#[tokio::test]
async fn a_listing_of_several_pages_is_whole_or_fails() {
    let linode = Linode::fresh();
    for number in 0..510 {
        let node = Seed::from_number(number).node();
        let tags = [format!("damm:{FLEET}"), format!("damm-id:{node}")];
        linode.double.put_instance(&format!("many-{number}"), &tags);
    }
    let listed = linode.cloud().list_machines(FLEET).await.unwrap();
    assert_eq!((listed.len(), linode.asked().len()), (510, 2));
    linode.front.trouble(Trouble::FailedPages, Aim::All);
    let listed = linode.cloud().list_machines(FLEET).await;
    assert_eq!(listed.unwrap_err().class, FailureClass::Unknown);
}
