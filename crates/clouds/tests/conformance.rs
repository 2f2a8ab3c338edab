//! The embedded cloud is held to what every adapter is held to: as it comes, and with addresses
//! that can neither be moved nor tagged.
#![allow(clippy::unwrap_used)]

mod stage;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{Balancer, BalancerTarget, Clock, Cloud, Dns};
use damm_conformance::{Aim, BalancerVendor, CloudVendor, DnsVendor, Trouble, Vendor};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::Dial;
use damm_fleet::{BalancerName, Capabilities, NodeId, Offer, Seed, Span};
use serde_json::json;
use stage::Stage;

struct Sim(Stage);

#[async_trait]
impl Vendor for Sim {
    async fn wait(&self, span: Span) {
        self.0.clock.sleep(span).await;
    }

    fn patience(&self) -> Span {
        Span::from_mins(5)
    }

    fn makes(&self, trouble: Trouble) -> bool {
        // There is no HTTP, no credential and no page.
        !matches!(
            trouble,
            Trouble::FailedPages
                | Trouble::TruncatedAnswers
                | Trouble::GarbledAnswers
                | Trouble::ExpiredCredential
                | Trouble::Echoes
        )
    }

    async fn trouble(&self, trouble: Trouble, _: Aim) {
        let on = |t| f64::from(trouble == t);
        let dial = Dial {
            seed: 0,
            lost_response: on(Trouble::LostAnswers),
            error_before: on(Trouble::FailedRequests),
            error_after: on(Trouble::FailedAnswers),
            throttled: on(Trouble::Throttling),
            throttled_silent: on(Trouble::SilentThrottling),
            late_listing: on(Trouble::LateListings),
            out_of_stock: on(Trouble::OutOfStock),
            busy: on(Trouble::Busy),
            stuck_create: on(Trouble::StuckCreates),
            slow_delete: on(Trouble::SlowDeletes),
            attached_elsewhere: 0.0,
        };
        self.0.world().set_dial(&stage::a(), &dial);
    }
}

#[async_trait]
impl CloudVendor for Sim {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.0.cloud()
    }

    fn capabilities(&self) -> Capabilities {
        Offer::built_in(&self.0.topology.providers[&stage::a()]).capabilities
    }

    fn place(&self) -> (String, String) {
        (stage::SIZE.to_owned(), stage::PLACE.to_owned())
    }

    fn quota(&self) -> Option<usize> {
        Some(3)
    }

    async fn raise_quota(&self, machines: usize, _: usize) -> bool {
        let mut topology = self.0.topology.clone();
        let account = topology.providers.get_mut(&stage::a()).unwrap();
        account.sim.as_mut().unwrap().quota = Some(machines.try_into().unwrap());
        self.0.world().adopt(&topology);
        true
    }
}

#[async_trait]
impl DnsVendor for Sim {
    fn dns(&self) -> Arc<dyn Dns> {
        self.0.dns()
    }

    fn zone(&self) -> String {
        stage::ZONE.to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        let (world, account) = (self.0.world(), stage::a());
        let put = world.add_foreign_record(&account, stage::ZONE, name, set);
        put.await.unwrap();
    }
}

#[async_trait]
impl BalancerVendor for Sim {
    fn balancer(&self) -> Arc<dyn Balancer> {
        self.0.providers.balancers[&stage::a()].clone()
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

mod as_it_comes {
    use super::*;

    async fn fresh() -> Sim {
        Sim(Stage::new(json!({ "quota": 3, "max_addresses": 4 })).await)
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
    damm_conformance::names!(fresh());
    damm_conformance::balancers!(fresh());
}

mod with_fixed_and_untagged_addresses {
    use super::*;

    async fn fresh() -> Sim {
        let settings = json!({
            "quota": 3, "max_addresses": 4, "latency": "200ms", "boot_time": "2m",
            "movable_addresses": false, "tagged_addresses": false,
        });
        Sim(Stage::new(settings).await)
    }

    damm_conformance::machines!(fresh());
    damm_conformance::addresses!(fresh());
}
