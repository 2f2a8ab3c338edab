//! The lab's accounts are held to what every adapter is held to. Each test has a lab of its own.
//! Needs root.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../clouds/tests/suite/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the lab has no DNS and no balancers")]
mod suite;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{
    AddressOrder, Balancer, Clock, Cloud, Dns, Error, ListedAddress, ListedMachine, MachineOrder,
    ManualClock,
};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::Provider;
use damm_fleet::{BalancerName, Capabilities, FailureClass, Offer, Span, Timestamp};
use damm_lab::{Lab, LabCloud, Layout};
use serde_json::json;
use suite::{Trouble, Vendor};
use tempfile::TempDir;

/// A fresh lab with one account, behind a line that trouble can be made on.
struct Fresh {
    lab: Lab,
    provider: Provider,
    clock: ManualClock,
    line: Arc<Line>,
    _dir: TempDir,
}

/// What calls go through: the lab itself answers always.
struct Line {
    cloud: LabCloud,
    trouble: Mutex<Trouble>,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.lab.down().unwrap();
    }
}

fn fresh() -> Fresh {
    let provider: Provider = serde_json::from_value(json!({
        "kind": "lab", "asns": [64_500, 64_501], "locations": { "north": "n1" },
        "lab": {
            "prefixes": ["198.18.0.0/24", "198.18.1.0/24", "2001:db8:1::/48", "2001:db8:2::/48"],
            "boot_time": "0s", "quota": 3, "max_addresses": 4,
        },
    }))
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::new(dir.path().join("lab"), env!("CARGO_BIN_EXE_damm").into());
    lab.up(&Layout::default()).unwrap();
    let clock = ManualClock::at(Timestamp::from_millis(1_000_000));
    let name = "a".parse().unwrap();
    let cloud = LabCloud::new(lab.clone(), &name, &provider, Arc::new(clock.clone())).unwrap();
    let line = Arc::new(Line { cloud, trouble: Mutex::new(Trouble::None) });
    Fresh { lab, provider, clock, line, _dir: dir }
}

impl Line {
    fn trouble(&self) -> Trouble {
        *self.trouble.lock().unwrap()
    }

    /// What a call comes to on this line.
    async fn call<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let failed = |class, message: &str| {
            let (provider, message) = ("a".to_owned(), message.to_owned());
            Err(Error { class, provider, operation: "call", message, retry_after: None })
        };
        match self.trouble() {
            Trouble::None | Trouble::LateListings => call.await,
            Trouble::FailedRequests => failed(FailureClass::Unknown, "connection refused"),
            Trouble::Throttling => failed(FailureClass::Throttled, "too many requests"),
            Trouble::LostAnswers => {
                drop(call.await);
                failed(FailureClass::Unknown, "no answer")
            }
        }
    }
}

#[async_trait]
impl Cloud for Line {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        self.call(self.cloud.create_machine(order)).await
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        self.call(self.cloud.list_machines(fleet)).await
    }

    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        self.call(self.cloud.delete_machine(provider_ref)).await
    }

    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        self.call(self.cloud.allocate_address(order)).await
    }

    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        self.call(self.cloud.list_addresses(fleet)).await
    }

    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        self.call(self.cloud.attach_address(address_ref, machine_ref)).await
    }

    async fn detach_address(&self, address_ref: &str) -> Result<()> {
        self.call(self.cloud.detach_address(address_ref)).await
    }

    async fn release_address(&self, address_ref: &str) -> Result<()> {
        self.call(self.cloud.release_address(address_ref)).await
    }
}

#[async_trait]
impl Vendor for Fresh {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.line.clone()
    }

    fn dns(&self) -> Arc<dyn Dns> {
        panic!("the lab has no DNS")
    }

    fn balancer(&self) -> Arc<dyn Balancer> {
        panic!("the lab has no balancers")
    }

    fn capabilities(&self) -> Capabilities {
        Offer::built_in(&self.provider).capabilities
    }

    fn place(&self) -> (String, String) {
        ("namespace".to_owned(), "n1".to_owned())
    }

    fn zone(&self) -> String {
        panic!("the lab has no DNS")
    }

    fn balancer_name(&self) -> BalancerName {
        panic!("the lab has no balancers")
    }

    fn quota(&self) -> usize {
        3
    }

    async fn wait(&self, span: Span) {
        self.clock.sleep(span).await;
    }

    fn patience(&self) -> Span {
        Span::from_secs(5)
    }

    async fn trouble(&self, trouble: Trouble) {
        *self.line.trouble.lock().unwrap() = trouble;
    }

    async fn put_foreign(&self, _name: &str, _set: &RecordSet) {
        panic!("the lab has no DNS")
    }
}

/// The suite's futures want a future of the account.
async fn account() -> Fresh {
    fresh()
}

conformance! {
    account();
    a_machine_is_promised_first_and_runs_with_an_address_later
    every_machine_is_listed_after_the_listing_lag
    another_fleets_machines_are_not_shown
    an_order_that_can_never_be_filled_is_rejected_and_nothing_is_made
    user_data_up_to_the_limit_is_taken
    a_machine_whose_answer_was_lost_is_found_by_its_tag
    a_machine_whose_request_failed_is_not_there
    a_listing_fails_rather_than_show_a_part
    a_deleted_machine_is_listed_until_it_is_gone_and_then_gone
    what_never_was_is_gone
    a_full_quota_is_exhausted_until_a_machine_is_gone
    a_late_machine_can_be_called_by_its_name_before_it_is_listed
    a_new_address_is_listed_with_its_tag_and_attached_to_nothing
    addresses_are_all_different
    an_address_whose_answer_was_lost_is_found
    every_address_is_listed_after_the_listing_lag
    attaching_twice_changes_nothing
    an_attach_whose_answer_was_lost_is_seen_in_the_listing
    an_attached_address_is_never_stolen
    an_address_moves_by_detach_and_attach
    a_running_machine_keeps_its_addresses_where_they_cannot_move
    an_attached_address_is_not_given_back
    an_address_is_given_back_once
    addresses_outlive_their_machine
    nothing_is_attached_to_what_is_gone
    a_machine_holds_as_many_addresses_as_it_can
}
