//! Hetzner Cloud is held to the suite, and to its own traps.
#![cfg(feature = "hetzner")]
#![allow(clippy::unwrap_used)]

mod stage;

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{Balancer, BalancerTarget, Cloud, Dns, MachineOrder, ManualClock, Tag};
use damm_conformance::{Aim, BalancerVendor, CloudVendor, DnsVendor, FLEET, Trouble, Vendor};
use damm_doubles::{Front, hetzner};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::ProviderKind;
use damm_fleet::vendor::Sheet;
use damm_fleet::{BalancerName, Capabilities, FailureClass, NodeId, Seed, Span};
use damm_vendors::registry::{Parts, adapter};
use serde_json::json;

struct Hetzner {
    clock: ManualClock,
    double: Arc<hetzner::Hetzner>,
    front: Front,
    parts: Parts,
}

impl Hetzner {
    fn fresh() -> Self {
        let clock = stage::clock();
        let double = Arc::new(hetzner::Hetzner::new(clock.clone(), stage::TOKEN));
        let front = Front::over(double.clone());
        let endpoint = format!("{}/v1", front.url());
        let account = stage::account("hetzner", &endpoint, &clock, json!({}));
        Self { clock, double, front, parts: adapter(account).unwrap() }
    }

    fn sheet() -> &'static Sheet {
        ProviderKind::Hetzner.sheet().unwrap()
    }

    fn order(&self, number: u64) -> MachineOrder {
        let tag = tag(Seed::from_number(number).node());
        MachineOrder {
            idempotency_key: format!("{tag}.1"),
            tag,
            machine: self.place().0,
            location: self.place().1,
            user_data: "#cloud-config\n".to_owned(),
        }
    }

    /// The requests since the last look, as method and path.
    fn asked(&self) -> Vec<String> {
        let lines = self.front.take_journal().into_iter();
        lines.map(|l| format!("{} {}", l.method, l.path.trim_start_matches("/v1"))).collect()
    }
}

fn tag(node: NodeId) -> Tag {
    Tag { fleet: FLEET.to_owned(), subject: node.into() }
}

#[async_trait]
impl Vendor for Hetzner {
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
impl CloudVendor for Hetzner {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.parts.cloud.clone().unwrap()
    }

    fn capabilities(&self) -> Capabilities {
        Self::sheet().machines.as_ref().unwrap().capabilities.clone()
    }

    fn place(&self) -> (String, String) {
        ("cx22".to_owned(), "fsn1".to_owned())
    }

    fn quota(&self) -> Option<usize> {
        Some(3)
    }

    fn address_quota(&self) -> Option<usize> {
        Some(25)
    }

    async fn raise_quota(&self, machines: usize, addresses: usize) -> bool {
        self.double.raise_quota(machines, addresses);
        true
    }

    fn nobody(&self) -> (String, String) {
        ("1234".to_owned(), "5678".to_owned())
    }

    async fn steal(&self, address_ref: &str, machine_ref: &str) -> bool {
        self.double.move_floating_ip(address_ref, machine_ref);
        true
    }

    fn gives_v6(&self) -> bool {
        true
    }
}

#[async_trait]
impl DnsVendor for Hetzner {
    fn dns(&self) -> Arc<dyn Dns> {
        self.parts.dns.clone().unwrap()
    }

    fn zone(&self) -> String {
        "example.org".to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        let label = name.strip_suffix(".example.org").unwrap_or("@");
        for (kind, v6) in [("A", false), ("AAAA", true)] {
            let of = |a: &&IpAddr| a.is_ipv6() == v6;
            let values: Vec<_> = set.addresses.iter().filter(of).map(IpAddr::to_string).collect();
            if !values.is_empty() {
                self.double.put_record_set(label, kind, 3_600, &values);
            }
        }
    }
}

#[async_trait]
impl BalancerVendor for Hetzner {
    fn balancer(&self) -> Arc<dyn Balancer> {
        self.parts.balancer.clone().unwrap()
    }

    fn balancer_name(&self) -> BalancerName {
        "lb".parse().unwrap()
    }

    async fn target(&self, number: usize) -> (NodeId, BalancerTarget) {
        let node = Seed::from_number(number as u64).node();
        let (name, tag) = (format!("target-{number}"), tag(node).to_string());
        let labels = [("damm", tag.as_str()), ("damm-fleet", FLEET)];
        let address = self.double.put_server(&name, &labels);
        (node, BalancerTarget { address, port: 443, draining: false })
    }

    fn drains(&self) -> bool {
        Self::sheet().balancers.unwrap().drains
    }
}

mod as_it_comes {
    use super::*;

    async fn fresh() -> Hetzner {
        Hetzner::fresh()
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
    damm_conformance::names!(fresh());
    damm_conformance::balancers!(fresh());
}

#[tokio::test]
async fn a_name_that_somebody_else_took_is_not_adopted() {
    let hetzner = Hetzner::fresh();
    let order = hetzner.order(1);
    let cloud = hetzner.cloud();
    cloud.create_machine(&order).await.unwrap();
    let server = cloud.list_machines(FLEET).await.unwrap().remove(0).provider_ref;
    hetzner.double.set_label(&server, "damm", "another");
    let error = cloud.create_machine(&order).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("is not this order's"), "{error}");
}

#[tokio::test]
async fn an_order_is_one_request_and_asks_for_its_answer_only_when_its_name_is_taken() {
    let hetzner = Hetzner::fresh();
    let order = hetzner.order(1);
    hetzner.cloud().create_machine(&order).await.unwrap();
    assert_eq!(hetzner.asked(), ["POST /servers"]);
    hetzner.cloud().create_machine(&order).await.unwrap();
    let asked = hetzner.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].starts_with("GET /servers?name=n"), "{asked:?}");
}

#[tokio::test]
async fn a_name_that_is_taken_but_not_listed_yet_is_busy() {
    let hetzner = Hetzner::fresh();
    let order = hetzner.order(1);
    hetzner.front.trouble(Trouble::LateListings, Aim::All);
    let made = hetzner.cloud().create_machine(&order).await.unwrap();
    let again = hetzner.cloud().create_machine(&order).await.unwrap_err();
    assert_eq!(again.class, FailureClass::Busy);
    hetzner.clock.advance(hetzner.capabilities().list_lag);
    let again = hetzner.cloud().create_machine(&order).await.unwrap();
    assert_eq!(again.provider_ref, made.provider_ref);
}

#[tokio::test]
async fn a_project_whose_calls_are_used_up_is_left_alone_until_the_next_comes_back() {
    let hetzner = Hetzner::fresh();
    hetzner.double.use_up(3_599.0);
    hetzner.cloud().list_machines(FLEET).await.unwrap();
    hetzner.asked();
    let error = hetzner.cloud().list_machines(FLEET).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Throttled);
    assert_eq!(error.retry_after, Some(Span::from_secs(1)));
    assert_eq!(hetzner.asked(), [""; 0], "it was not even asked");
    hetzner.clock.advance(Span::from_secs(2));
    hetzner.cloud().list_machines(FLEET).await.unwrap();
}

#[tokio::test]
async fn what_is_done_already_is_not_asked_for_again() {
    let hetzner = Hetzner::fresh();
    let dns = hetzner.dns();
    let set = |ttl| RecordSet {
        addresses: ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()].into(),
        ttl: Span::from_secs(ttl),
    };
    let reads = |asked: &[String]| asked.iter().filter(|a| a.starts_with("GET")).count();
    for (ttl, writes) in [(300, 2), (300, 0), (600, 2)] {
        dns.put_records(FLEET, "example.org", "eu.example.org", &set(ttl)).await.unwrap();
        let asked = hetzner.asked();
        assert_eq!((reads(&asked), asked.len()), (1, 1 + writes), "{asked:?}");
    }
}

#[tokio::test]
async fn a_change_of_a_name_that_broke_off_is_seen_as_one() {
    let hetzner = Hetzner::fresh();
    let (dns, name) = (hetzner.dns(), "eu.example.org");
    let set = |ttl| RecordSet {
        addresses: ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()].into(),
        ttl: Span::from_secs(ttl),
    };
    for (before, after) in [(300, 600), (600, 300)] {
        dns.put_records(FLEET, "example.org", name, &set(before)).await.unwrap();
        hetzner.front.trouble(Trouble::LostAnswers, Aim::Writes);
        let broken = dns.put_records(FLEET, "example.org", name, &set(after)).await;
        assert_eq!(broken.unwrap_err().class, FailureClass::Unknown);
        hetzner.front.trouble(Trouble::None, Aim::All);
        let listed = dns.list_records(FLEET, "example.org").await.unwrap();
        assert_ne!(listed[name], set(after), "only one of the two was changed");
    }
}

#[tokio::test]
async fn a_time_to_live_that_the_vendor_does_not_know_is_rejected() {
    let hetzner = Hetzner::fresh();
    let addresses = ["192.0.2.1".parse().unwrap()].into();
    let set = RecordSet { addresses, ttl: Span::from_secs(30) };
    let put = hetzner.dns().put_records(FLEET, "example.org", "eu.example.org", &set).await;
    let error = put.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("ttl"), "{error}");
}

#[tokio::test]
async fn a_target_on_a_port_that_no_service_has_is_rejected() {
    let hetzner = Hetzner::fresh();
    let (node, target) = hetzner.target(1).await;
    let target = BalancerTarget { port: 8_443, ..target };
    let put = hetzner.balancer().put_target(&hetzner.balancer_name(), node, &target).await;
    assert_eq!(put.unwrap_err().class, FailureClass::Rejected);
}

#[tokio::test]
async fn a_target_whose_machine_is_not_there_is_gone() {
    let hetzner = Hetzner::fresh();
    let (node, target) = hetzner.target(1).await;
    let elsewhere = BalancerTarget { address: "203.0.113.9".parse().unwrap(), ..target };
    let name = hetzner.balancer_name();
    let put = hetzner.balancer().put_target(&name, node, &elsewhere).await;
    assert_eq!(put.unwrap_err().class, FailureClass::Gone);
    assert!(hetzner.balancer().list_targets(&name).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_page_of_somebody_else_is_no_proof_that_a_thing_is_gone() {
    let clock = stage::clock();
    let front = Front::over(Arc::new(Elsewhere));
    let account = stage::account("hetzner", &front.url(), &clock, json!({}));
    let cloud = adapter(account).unwrap().cloud.unwrap();
    for call in [cloud.delete_machine("1").await, cloud.release_address("1").await] {
        let error = call.unwrap_err();
        assert_eq!(error.class, FailureClass::Unknown, "{error}");
    }
}

/// A web server that is not Hetzner's.
struct Elsewhere;

#[async_trait]
impl damm_doubles::Api for Elsewhere {
    async fn answer(&self, _: &damm_doubles::Asked) -> damm_doubles::Answer {
        damm_doubles::Answer::html(404, "Not Found")
    }
}
