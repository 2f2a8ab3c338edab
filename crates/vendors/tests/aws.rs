//! Amazon Web Services is held to the suite at its double, and to the vendor's own traps.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{
    Balancer, BalancerTarget, Clock, Cloud, Dns, MachineOrder, MachineState, ManualClock,
};
use damm_conformance::{
    Aim, BalancerVendor, Bench, CloudVendor, DnsVendor, FLEET, SECRET, Trouble, Vendor, tag,
};
use damm_doubles::Front;
use damm_doubles::aws::{Aws, Key, REGION};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::ProviderKind;
use damm_fleet::{BalancerName, Capabilities, FailureClass, NodeId, Seed, Span, Timestamp};
use damm_vendors::credentials::Secret;
use damm_vendors::origins::Origins;
use damm_vendors::registry::{Parts, adapter};
use damm_vendors::{Account, SetupError};
use serde_json::{Value, json};

const KEY: &str = "AKIDOFTHESUITE";
const SECRET_KEY: &str = "TheSecretKeyOfTheSuite/+abc";
const SESSION: &str = "TheSessionTokenOfTheSuite";
const ZONE: &str = "example.org";

/// What an account of the suite is asked for: as a cloud, or as something else that never locks.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Cloud,
    Balancer { by_address: bool },
}

struct Amazon {
    front: Front,
    double: Arc<Aws>,
    clock: ManualClock,
    parts: Parts,
    role: Role,
}

fn account(url: &str, provider: Value, secret: &str, clock: &ManualClock) -> Account {
    let mut whole = json!({
        "kind": "aws", "endpoint": url, "settings": { "region": REGION },
        "asns": [16509], "locations": { "north": format!("{REGION}a") },
    });
    for (key, value) in provider.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let provider: damm_fleet::topology::Provider = serde_json::from_value(whole).unwrap();
    Account {
        name: "stockholm".parse().unwrap(),
        fleet: FLEET.to_owned(),
        origins: Origins::new(provider.asns.clone()),
        provider,
        sheet: ProviderKind::Aws.sheet().unwrap(),
        secret: Some(Secret::new(secret)),
        ca: None,
        clock: Arc::new(clock.clone()),
    }
}

fn credentials() -> String {
    format!("access_key_id={KEY}\nsecret_access_key={SECRET_KEY}\nsession_token={SESSION}")
}

impl Amazon {
    fn fresh(role: Role) -> Self {
        Self::with(role, json!({}), &credentials()).unwrap()
    }

    fn with(role: Role, provider: Value, secret: &str) -> Result<Self, SetupError> {
        let clock = ManualClock::at(Timestamp::from_millis(1_795_000_000_000));
        let key = Key {
            id: KEY.to_owned(),
            secret: SECRET_KEY.to_owned(),
            session: Some(SESSION.to_owned()),
        };
        let double = Arc::new(Aws::new(clock.clone(), key, 4, 5));
        double.add_zone(ZONE, false);
        double.add_zone(ZONE, true);
        double.add_zone("not.example.org", false);
        double.add_group("edge", matches!(role, Role::Balancer { by_address: true }));
        let front = Front::over(double.clone());
        let parts = adapter(account(&front.url(), provider, secret, &clock))?;
        Ok(Self { front, double, clock, parts, role })
    }

    /// How often an action of the vendor is called meanwhile.
    async fn count<F: Future<Output = ()>>(
        &self,
        action: &str,
        meanwhile: impl FnOnce() -> F,
    ) -> usize {
        self.front.keep_bodies();
        self.front.take_journal();
        meanwhile().await;
        let bodies = self.front.take_journal().into_iter().filter_map(|l| l.body);
        let word = format!("Action={action}&");
        bodies.filter(|b| String::from_utf8_lossy(b).starts_with(&word)).count()
    }
}

#[async_trait]
impl Vendor for Amazon {
    async fn wait(&self, span: Span) {
        self.clock.advance(span);
    }

    fn patience(&self) -> Span {
        Span::from_mins(2)
    }

    fn makes(&self, trouble: Trouble) -> bool {
        match trouble {
            // The vendor never says when to come back.
            Trouble::Throttling => false,
            Trouble::Busy => self.role == Role::Cloud,
            _ => true,
        }
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.front.trouble(trouble, aim);
    }

    fn secrets(&self) -> Vec<String> {
        [KEY, SECRET_KEY, SESSION].map(str::to_owned).to_vec()
    }
}

#[async_trait]
impl CloudVendor for Amazon {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.parts.cloud.clone().unwrap()
    }

    fn capabilities(&self) -> Capabilities {
        ProviderKind::Aws.sheet().unwrap().offer().capabilities
    }

    fn place(&self) -> (String, String) {
        ("t3.small".to_owned(), format!("{REGION}a"))
    }

    fn quota(&self) -> Option<usize> {
        Some(4)
    }

    fn address_quota(&self) -> Option<usize> {
        Some(5)
    }

    async fn raise_quota(&self, machines: usize, addresses: usize) -> bool {
        self.double.set_quota(machines.max(4), addresses.max(5));
        true
    }

    fn nobody(&self) -> (String, String) {
        ("i-0123456789abcdef0".to_owned(), "eipalloc-0123456789abcdef0".to_owned())
    }

    async fn steal(&self, address_ref: &str, machine_ref: &str) -> bool {
        self.double.steal(address_ref, machine_ref)
    }
}

#[async_trait]
impl DnsVendor for Amazon {
    fn dns(&self) -> Arc<dyn Dns> {
        self.parts.dns.clone().unwrap()
    }

    fn zone(&self) -> String {
        ZONE.to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        self.double.put_foreign(name, set);
    }
}

#[async_trait]
impl BalancerVendor for Amazon {
    fn balancer(&self) -> Arc<dyn Balancer> {
        self.parts.balancer.clone().unwrap()
    }

    fn balancer_name(&self) -> BalancerName {
        "edge".parse().unwrap()
    }

    async fn target(&self, number: usize) -> (NodeId, BalancerTarget) {
        let node = Seed::from_number(100 + number as u64).node();
        let tag = tag(node);
        let (machine, location) = self.place();
        let key = format!("{tag}.1");
        let user_data = "#cloud-config\n".to_owned();
        let order =
            MachineOrder { tag: tag.clone(), idempotency_key: key, machine, location, user_data };
        self.cloud().create_machine(&order).await.unwrap();
        self.clock.advance(Span::from_mins(1));
        let listed = self.cloud().list_machines(FLEET).await.unwrap();
        let machine = listed.into_iter().find(|m| m.tag.as_ref() == Some(&tag)).unwrap();
        let address = machine.address.unwrap();
        (node, BalancerTarget { address, port: 443, draining: false })
    }

    fn drains(&self) -> bool {
        // It keeps its connections, but it is shown no more.
        false
    }
}

mod clouds {
    use super::*;

    async fn fresh() -> Amazon {
        Amazon::fresh(Role::Cloud)
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
    damm_conformance::names!(fresh());
}

mod machines_behind_a_balancer {
    use super::*;

    async fn fresh() -> Amazon {
        Amazon::fresh(Role::Balancer { by_address: false })
    }

    damm_conformance::balancers!(fresh());
}

mod addresses_behind_a_balancer {
    use super::*;

    async fn fresh() -> Amazon {
        Amazon::fresh(Role::Balancer { by_address: true })
    }

    damm_conformance::balancers!(fresh());
}

fn bench(vendor: Amazon) -> Bench<Amazon> {
    Bench::of(vendor, "").unwrap()
}

#[tokio::test]
async fn a_machine_keeps_its_own_address_when_others_are_attached() {
    let mut bench = bench(Amazon::fresh(Role::Cloud));
    let machine = bench.machine().await;
    let own = bench.machines().await[0].address;
    assert!(own.is_some());
    let (first, second) = (bench.address().await, bench.address().await);
    for address in [&first, &second] {
        let cloud = bench.vendor.cloud();
        cloud.attach_address(&address.provider_ref, &machine.provider_ref).await.unwrap();
    }
    assert_eq!(bench.machines().await[0].address, own);
    let shown: Vec<_> = bench.addresses().await.iter().map(|a| a.inner.unwrap()).collect();
    assert_ne!(shown[0], shown[1], "each leads to another private address");
    // The room that an address leaves is taken by the next one.
    let cloud = bench.vendor.cloud();
    cloud.detach_address(&first.provider_ref).await.unwrap();
    let made = bench.vendor.count("AssignPrivateIpAddresses", || async {
        cloud.attach_address(&first.provider_ref, &machine.provider_ref).await.unwrap();
    });
    assert_eq!(made.await, 0);
}

#[tokio::test]
async fn an_attach_that_broke_off_after_making_room_goes_on_from_there() {
    let mut bench = bench(Amazon::fresh(Role::Cloud));
    // It could hold more than it is made with.
    let order = MachineOrder { machine: "t3.medium".to_owned(), ..bench.machine_order() };
    let cloud = bench.vendor.cloud();
    let machine = cloud.create_machine(&order).await.unwrap().provider_ref;
    bench.wait().await;
    for _ in 0..3 {
        let address = bench.address().await;
        cloud.attach_address(&address.provider_ref, &machine).await.unwrap();
    }
    let more = bench.address().await;
    bench.trouble_writes(Trouble::LostAnswers).await;
    let lost = cloud.attach_address(&more.provider_ref, &machine).await;
    assert_eq!(bench.class(lost), FailureClass::Unknown);
    bench.calm().await;
    assert_eq!(bench.holder(&more).await, None);
    let made = bench.vendor.count("AssignPrivateIpAddresses", || async {
        cloud.attach_address(&more.provider_ref, &machine).await.unwrap();
    });
    assert_eq!(made.await, 0, "the room was made already");
    assert_eq!(bench.holder(&more).await, Some(machine));
}

#[tokio::test]
async fn nothing_is_attached_to_a_machine_that_does_not_run_yet() {
    let mut bench = bench(Amazon::fresh(Role::Cloud));
    let order = bench.machine_order();
    let cloud = bench.vendor.cloud();
    let machine = cloud.create_machine(&order).await.unwrap();
    let address = bench.address().await;
    let early = cloud.attach_address(&address.provider_ref, &machine.provider_ref).await;
    assert_eq!(bench.class(early), FailureClass::Busy);
    bench.wait().await;
    cloud.attach_address(&address.provider_ref, &machine.provider_ref).await.unwrap();
}

#[tokio::test]
async fn an_order_that_changed_under_its_token_is_looked_up() {
    let mut bench = bench(Amazon::fresh(Role::Cloud));
    let mut order = bench.machine_order();
    let cloud = bench.vendor.cloud();
    let first = cloud.create_machine(&order).await.unwrap();
    order.user_data = "#cloud-config\n# another\n".to_owned();
    let again = cloud.create_machine(&order).await;
    assert_eq!(bench.class(again), FailureClass::Unknown, "something was made by it");
    cloud.delete_machine(&first.provider_ref).await.unwrap();
    bench.wait().await;
    order.user_data = format!("#cloud-config\n#{SECRET}\n");
    let late = cloud.create_machine(&order).await;
    assert_eq!(bench.class(late), FailureClass::Gone, "what it made has ended");
}

#[tokio::test]
async fn everything_is_tagged_with_the_call_that_makes_it() {
    let mut bench = bench(Amazon::fresh(Role::Cloud));
    let order = bench.machine_order();
    bench.vendor.cloud().create_machine(&order).await.unwrap();
    bench.address().await;
    let tags = bench.vendor.double.tags();
    assert_eq!(tags.len(), 2);
    assert!(tags.iter().all(|t| t["damm-fleet"] == FLEET && t["damm"].starts_with("damm.suite.")));
    assert!(tags.iter().any(|t| t["damm"] == order.tag.to_string()));
}

#[tokio::test]
async fn the_image_is_the_newest_of_its_owner_and_of_the_sizes_architecture() {
    let mut bench = bench(Amazon::fresh(Role::Cloud));
    for size in ["t3.small", "t4g.small"] {
        let order = MachineOrder { machine: size.to_owned(), ..bench.machine_order() };
        // Another architecture's image would be refused, and somebody else's would be newer.
        bench.vendor.cloud().create_machine(&order).await.unwrap();
    }
    for (image, made) in
        [("our-own", true), ("debian-12-amd64-*", false), ("ami-0c11", true), ("ami-0fff", false)]
    {
        let vendor = Amazon::with(Role::Cloud, json!({ "image": image }), &credentials()).unwrap();
        let mut bench = self::bench(vendor);
        let order = bench.machine_order();
        let answer = bench.vendor.cloud().create_machine(&order).await;
        match made {
            true => assert_eq!(answer.unwrap().state, MachineState::Starting),
            false => assert_eq!(bench.class(answer), FailureClass::Rejected, "{image}"),
        }
    }
}

#[tokio::test]
async fn a_wrong_key_is_rejected_and_not_told() {
    let wrong = format!("access_key_id={KEY}\nsecret_access_key=AnotherSecretKeyOfSomebody");
    let bench = bench(Amazon::with(Role::Cloud, json!({}), &wrong).unwrap());
    let answer = bench.vendor.cloud().list_machines(FLEET).await;
    assert_eq!(bench.class(answer), FailureClass::Rejected);
    let answer = bench.vendor.dns().list_records(FLEET, ZONE).await;
    assert_eq!(bench.class(answer), FailureClass::Rejected);
}

#[tokio::test]
async fn a_region_tells_its_zones_its_sizes_and_the_limit_of_addresses() {
    let vendor = Amazon::fresh(Role::Cloud);
    let account = account(&vendor.front.url(), json!({}), &credentials(), &vendor.clock);
    let look = damm_vendors::aws::look(account).unwrap();
    let [quota] = look.quotas().await.unwrap().try_into().unwrap();
    assert_eq!((quota.what.as_str(), quota.used, quota.limit), ("addresses", Some(0), Some(5)));
    let places = look.places().await.unwrap();
    let places: Vec<_> = places.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(places, ["eu-north-1", "eu-north-1a", "eu-north-1b"]);
    let sizes = look.sizes().await.unwrap();
    let sizes: Vec<_> = sizes.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(sizes, ["t3.micro", "t3.small", "t3.medium", "t4g.small"]);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_rejected_and_named() {
    let vendor = Amazon::fresh(Role::Cloud);
    let slow = ManualClock::at(vendor.clock.now() - Span::from_hours(1));
    let late = account(&vendor.front.url(), json!({}), &credentials(), &slow);
    let cloud = adapter(late).unwrap().cloud.unwrap();
    let error = cloud.list_machines(FLEET).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("RequestExpired"), "{error}");
}

#[tokio::test]
async fn records_that_the_fleet_cannot_own_are_refused() {
    let bench = bench(Amazon::fresh(Role::Cloud));
    let (dns, name) = (bench.vendor.dns(), format!("eu.{ZONE}"));
    let addresses = ["192.0.2.1".parse().unwrap()].into();
    let set = RecordSet { addresses, ttl: Span::from_mins(1) };
    bench.vendor.double.put_record(&name, "CNAME", "elsewhere.example.org.");
    let answer = dns.put_records(FLEET, ZONE, &name, &set).await;
    assert_eq!(bench.class(answer), FailureClass::Rejected);
    let long = format!("{}.{ZONE}", "a".repeat(60));
    let answer = dns.put_records(FLEET, ZONE, &long, &set).await;
    assert_eq!(bench.class(answer), FailureClass::Rejected);
    // A name that needs no change costs no write.
    let other = format!("ok.{ZONE}");
    dns.put_records(FLEET, ZONE, &other, &set).await.unwrap();
    bench.vendor.front.take_journal();
    dns.put_records(FLEET, ZONE, &other, &set).await.unwrap();
    let journal = bench.vendor.front.take_journal();
    assert!(journal.iter().all(|l| l.method == "GET"), "{journal:?}");
}

#[test]
fn credentials_that_lack_a_part_are_refused_by_its_name() {
    let error = Amazon::with(Role::Cloud, json!({}), "access_key_id=x").err().unwrap();
    assert!(error.to_string().contains("secret_access_key"), "{error}");
}
