//! The lab's accounts are held to what every adapter is held to. Each test has a lab of its own.
//! Needs root; without they are skipped.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{
    AddressOrder, Clock, Cloud, Error, ListedAddress, ListedMachine, MachineOrder, ManualClock,
};
use damm_conformance::{Aim, CloudVendor, Trouble, Vendor};
use damm_fleet::topology::Provider;
use damm_fleet::{Capabilities, FailureClass, Offer, Span, Timestamp};
use damm_lab::{Lab, LabCloud, Layout};
use damm_needs::Need;
use serde_json::json;
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
        let failed = |class, message: &str, retry_after| {
            let (provider, message) = ("a".to_owned(), message.to_owned());
            Err(Error { class, provider, operation: "call", message, retry_after })
        };
        let unknown = |message| failed(FailureClass::Unknown, message, None);
        match self.trouble() {
            Trouble::FailedRequests => unknown("connection refused"),
            Trouble::Throttling => {
                failed(FailureClass::Throttled, "too many requests", Some(Span::from_secs(2)))
            }
            Trouble::SilentThrottling => failed(FailureClass::Throttled, "too many requests", None),
            Trouble::LostAnswers => {
                drop(call.await);
                unknown("no answer")
            }
            _ => call.await,
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
    async fn wait(&self, span: Span) {
        self.clock.sleep(span).await;
    }

    fn patience(&self) -> Span {
        Span::from_secs(5)
    }

    fn makes(&self, trouble: Trouble) -> bool {
        matches!(
            trouble,
            Trouble::None
                | Trouble::LateListings
                | Trouble::FailedRequests
                | Trouble::Throttling
                | Trouble::SilentThrottling
                | Trouble::LostAnswers
        )
    }

    async fn trouble(&self, trouble: Trouble, _: Aim) {
        *self.line.trouble.lock().unwrap() = trouble;
    }
}

#[async_trait]
impl CloudVendor for Fresh {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.line.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Offer::built_in(&self.provider).capabilities
    }

    fn place(&self) -> (String, String) {
        ("namespace".to_owned(), "n1".to_owned())
    }

    fn quota(&self) -> Option<usize> {
        Some(3)
    }

    fn gives_v6(&self) -> bool {
        true
    }
}

/// The suite's futures want a future of the account.
async fn account() -> Fresh {
    fresh()
}

fn skipped() -> bool {
    let programs = ["ip", "nft", "nsenter", "setsid", "mount"].map(Need::Program);
    damm_needs::unmet(&[&[Need::Namespaces][..], &programs].concat())
}

damm_conformance::machines!(account(), unless skipped());
damm_conformance::addresses!(account(), unless skipped());
