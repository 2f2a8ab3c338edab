//! Amazon Web Services is held to the suite at moto, which knows nothing of us: an independent
//! double, where `scripts/setup test` has put it. What it is known not to do as the vendor does is
//! excused by name. It believes every signature: those are held to the vendor's own double.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod server;
#[path = "../servers/mod.rs"]
mod servers;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{
    Balancer, BalancerTarget, Clock, Cloud, Dns, MachineOrder, ManualClock, WallClock,
};
use damm_conformance::{Aim, BalancerVendor, CloudVendor, DnsVendor, FLEET, Trouble, Vendor, tag};
use damm_doubles::aws::{Aws, Key, REGION};
use damm_doubles::{Answer, Api, Asked, Concern, Front, Upstream};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::ProviderKind;
use damm_fleet::{BalancerName, Capabilities, NodeId, Seed, Span};
use damm_vendors::registry::{Parts, adapter};
use serde_json::json;
use server::{At, Server, ZONE, server};

const SECRET_KEY: &str = "TheSecretKeyOfTheSuite";

/// Moto with one account of its many; faults look as at the double.
struct Behind {
    upstream: Upstream,
    at: At,
    shapes: Aws,
}

impl Behind {
    /// Of an address that leads to an interface moto does not say which machine has it: what moto
    /// says of the interface is put there.
    fn named(&self, mut answer: Answer) -> Answer {
        const FIRST: &str = "<allocationId>";
        const OPEN: &str = "<networkInterfaceId>";
        const EMPTY: &str = "<instanceId/>";
        let text = String::from_utf8_lossy(&answer.body);
        if text.contains("<DescribeAddressesResponse") {
            let items = text.split(FIRST).map(|item| match item.split_once(OPEN) {
                Some((_, rest)) => {
                    let interface = rest.split('<').next().unwrap();
                    let machine = self.at.machine_of(interface);
                    item.replace(EMPTY, &format!("<instanceId>{machine}</instanceId>"))
                }
                None => item.to_owned(),
            });
            answer.body = items.collect::<Vec<_>>().join(FIRST).into();
        }
        answer
    }
}

#[async_trait]
impl Api for Behind {
    async fn answer(&self, asked: &Asked) -> Answer {
        let mut asked = asked.clone();
        asked.headers.push(("x-moto-account-id".to_owned(), self.at.account.clone()));
        self.named(self.upstream.pass_on(&asked).await)
    }

    fn concern(&self, asked: &Asked) -> Concern {
        self.shapes.concern(asked)
    }

    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        self.shapes.throttled(retry_after)
    }

    fn unauthorized(&self) -> Answer {
        self.shapes.unauthorized()
    }

    fn busy(&self, asked: &Asked) -> Option<Answer> {
        self.shapes.busy(asked)
    }

    fn refused(&self, words: &str) -> Answer {
        self.shapes.refused(words)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Cloud,
    Balancer(&'static str),
}

/// An account at moto, where it is installed.
struct Moto(Option<Set>, Role);

/// What a test has of moto.
struct Set {
    front: Front,
    clock: ManualClock,
    parts: Parts,
    at: At,
}

impl Moto {
    fn fresh(role: Role) -> Self {
        Self(server().map(|server| Set::fresh(server, role)), role)
    }

    fn set(&self) -> &Set {
        // Every case is excused where there is none.
        self.0.as_ref().unwrap()
    }
}

impl Set {
    fn fresh(server: &Server, role: Role) -> Self {
        let at = server.account();
        let clock = ManualClock::at(WallClock.now());
        let key = Key { id: String::new(), secret: String::new(), session: None };
        let behind = Behind {
            upstream: Upstream::at(&format!("http://127.0.0.1:{}", at.port)),
            at: at.clone(),
            shapes: Aws::new(clock.clone(), key, 0, 0),
        };
        let front = Front::over(Arc::new(behind));
        let provider = json!({
            "kind": "aws", "endpoint": front.url(), "settings": { "region": REGION },
            "image": "debian-12-{arch}-*",
        });
        let secret = format!("access_key_id=AKID\nsecret_access_key={SECRET_KEY}");
        let account = servers::account_by(provider, &secret, Arc::new(clock.clone()));
        let parts = adapter(account).unwrap();
        if let Role::Balancer(kind) = role {
            at.add_group(kind);
        }
        Self { front, clock, parts, at }
    }
}

/// What moto does not do as the vendor does.
const EXCUSED: [(&str, &str); 4] = [
    (
        "an_order_that_comes_twice_is_filled_as_often_as_the_vendor_promises",
        "moto takes no notice of client tokens, and makes two machines",
    ),
    (
        "an_attach_whose_answer_was_lost_is_seen_in_the_listing",
        "moto makes machines without the private addresses that are ordered, so there are two \
         answers to lose",
    ),
    (
        "a_machine_holds_as_many_addresses_as_it_can",
        "interfaces hold any number of addresses at moto",
    ),
    (
        "addresses_outlive_their_machine",
        "an address goes on leading to a machine that is gone at moto",
    ),
];

#[async_trait]
impl Vendor for Moto {
    async fn wait(&self, span: Span) {
        // What moto does it does at once.
        self.set().clock.advance(span);
    }

    fn patience(&self) -> Span {
        Span::from_mins(2)
    }

    fn makes(&self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::Busy => self.1 == Role::Cloud,
            // The vendor never says when to come back; the others are moto's to make.
            Trouble::Throttling
            | Trouble::LateListings
            | Trouble::OutOfStock
            | Trouble::StuckCreates
            | Trouble::SlowDeletes => false,
            _ => true,
        }
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.set().front.trouble(trouble, aim);
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET_KEY.to_owned()]
    }

    fn excuses(&self, case: &str) -> Option<&'static str> {
        if self.0.is_none() {
            return Some(servers::ABSENT);
        }
        EXCUSED.iter().find(|(name, _)| *name == case).map(|(_, why)| *why)
    }
}

#[async_trait]
impl CloudVendor for Moto {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.set().parts.cloud.clone().unwrap()
    }

    fn capabilities(&self) -> Capabilities {
        ProviderKind::Aws.sheet().unwrap().offer().capabilities
    }

    fn place(&self) -> (String, String) {
        ("t3.small".to_owned(), format!("{REGION}a"))
    }

    fn quota(&self) -> Option<usize> {
        None
    }

    async fn raise_quota(&self, _: usize, _: usize) -> bool {
        true
    }

    fn nobody(&self) -> (String, String) {
        ("i-0123456789abcdef0".to_owned(), "eipalloc-0123456789abcdef0".to_owned())
    }

    async fn steal(&self, address_ref: &str, machine_ref: &str) -> bool {
        let query = format!(
            "Action=AssociateAddress&Version=2016-11-15&AllocationId={address_ref}\
             &InstanceId={machine_ref}&AllowReassociation=true"
        );
        self.set().at.call("ec2", "POST", "/", &query).contains("<return>true</return>")
    }
}

#[async_trait]
impl DnsVendor for Moto {
    fn dns(&self) -> Arc<dyn Dns> {
        self.set().parts.dns.clone().unwrap()
    }

    fn zone(&self) -> String {
        ZONE.to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        let set_of = |kind: &str, v4: bool| {
            let values = set.addresses.iter().filter(|a| a.is_ipv4() == v4);
            let values: String = values
                .map(|a| format!("<ResourceRecord><Value>{a}</Value></ResourceRecord>"))
                .collect();
            (!values.is_empty()).then(|| {
                format!(
                    "<Change><Action>CREATE</Action><ResourceRecordSet><Name>{name}</Name>\
                     <Type>{kind}</Type><TTL>60</TTL><ResourceRecords>{values}</ResourceRecords>\
                     </ResourceRecordSet></Change>"
                )
            })
        };
        let changes: String =
            [set_of("A", true), set_of("AAAA", false)].into_iter().flatten().collect();
        let body = format!(
            "<?xml version=\"1.0\"?><ChangeResourceRecordSetsRequest \
             xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>\
             {changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        let path = format!("/2013-04-01/hostedzone/{}/rrset/", self.set().at.zone());
        let done = self.set().at.call("route53", "POST", &path, &body);
        assert!(done.contains("ChangeInfo"), "{done}");
    }

    fn many(&self) -> usize {
        // With their marks more than the 300 of one page.
        160
    }
}

#[async_trait]
impl BalancerVendor for Moto {
    fn balancer(&self) -> Arc<dyn Balancer> {
        self.set().parts.balancer.clone().unwrap()
    }

    fn balancer_name(&self) -> BalancerName {
        "edge".parse().unwrap()
    }

    async fn target(&self, number: usize) -> (NodeId, BalancerTarget) {
        let node = Seed::from_number(100 + number as u64).node();
        let tag = tag(node);
        let (machine, location) = self.place();
        let idempotency_key = format!("{tag}.1");
        let user_data = "#cloud-config\n".to_owned();
        let order =
            MachineOrder { tag: tag.clone(), idempotency_key, machine, location, user_data };
        self.cloud().create_machine(&order).await.unwrap();
        let listed = self.cloud().list_machines(FLEET).await.unwrap();
        let machine = listed.into_iter().find(|m| m.tag.as_ref() == Some(&tag)).unwrap();
        (node, BalancerTarget { address: machine.address.unwrap(), port: 443, draining: false })
    }

    fn drains(&self) -> bool {
        // It keeps its connections, but it is shown no more.
        false
    }
}

mod clouds {
    use super::*;

    async fn fresh() -> Moto {
        Moto::fresh(Role::Cloud)
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
    damm_conformance::names!(fresh());
}

mod machines_behind_a_balancer {
    use super::*;

    async fn fresh() -> Moto {
        Moto::fresh(Role::Balancer("instance"))
    }

    damm_conformance::balancers!(fresh());
}

mod addresses_behind_a_balancer {
    use super::*;

    async fn fresh() -> Moto {
        Moto::fresh(Role::Balancer("ip"))
    }

    damm_conformance::balancers!(fresh());
}
