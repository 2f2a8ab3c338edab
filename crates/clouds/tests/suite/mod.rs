//! What every adapter is held to, written against the traits alone.
//!
//! A vendor is tested by implementing [`Vendor`] for a fresh account (or a double of one) and
//! naming it to [`conformance`].
#![allow(clippy::unwrap_used)]

mod addresses;
mod balancers;
mod machines;
mod names;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{
    AddressOrder, Balancer, Cloud, Dns, ListedAddress, ListedMachine, MachineOrder, Tag,
};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{BalancerName, Capabilities, FailureClass, Seed, Span, Subject};

pub use addresses::*;
pub use balancers::*;
pub use machines::*;
pub use names::*;

/// What is done to the calls that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Their answers are lost on the way back.
    LostAnswers,
    /// They fail on the way there.
    FailedRequests,
    /// They are told to come back later.
    Throttling,
    /// New objects are late in listings.
    LateListings,
}

/// A fresh account, and how to wait and make trouble there.
#[async_trait]
pub trait Vendor: Send + Sync {
    fn cloud(&self) -> Arc<dyn Cloud>;
    fn dns(&self) -> Arc<dyn Dns>;
    fn balancer(&self) -> Arc<dyn Balancer>;
    fn capabilities(&self) -> Capabilities;
    /// A machine size and a location that the account has.
    fn place(&self) -> (String, String);
    fn zone(&self) -> String;
    fn balancer_name(&self) -> BalancerName;
    /// Machines that the account may hold.
    fn quota(&self) -> usize;
    /// Waits, really or not.
    async fn wait(&self, span: Span);
    /// Longer than any machine takes to run or to go.
    fn patience(&self) -> Span;
    async fn trouble(&self, trouble: Trouble);
    /// Puts records into the zone by other means.
    async fn put_foreign(&self, name: &str, set: &RecordSet);
}

pub const FLEET: &str = "suite";

/// A vendor with identities to give.
pub struct Bench<V> {
    pub vendor: V,
    pub seed: Seed,
}

impl<V: Vendor> Bench<V> {
    pub fn new(vendor: V) -> Self {
        let seed = Seed::from_number(11);
        Self { vendor, seed }
    }

    pub fn machine_order(&mut self) -> MachineOrder {
        let (machine, location) = self.vendor.place();
        MachineOrder {
            tag: tag(self.seed.node()),
            idempotency_key: "1".to_owned(),
            machine,
            location,
            user_data: "#cloud-config\n".to_owned(),
        }
    }

    pub fn address_order(&mut self) -> AddressOrder {
        AddressOrder {
            tag: tag(self.seed.frontdoor()),
            idempotency_key: "1".to_owned(),
            location: self.vendor.place().1,
            prefer_v6: false,
        }
    }

    /// A machine to attach addresses to.
    pub async fn machine(&mut self) -> ListedMachine {
        let order = self.machine_order();
        let machine = self.vendor.cloud().create_machine(&order).await.unwrap();
        if self.vendor.capabilities().movable_addresses {
            self.vendor.wait(self.vendor.patience()).await;
        }
        machine
    }

    pub async fn address(&mut self) -> ListedAddress {
        let order = self.address_order();
        self.vendor.cloud().allocate_address(&order).await.unwrap()
    }

    pub async fn machines(&self) -> Vec<ListedMachine> {
        self.vendor.cloud().list_machines(FLEET).await.unwrap()
    }

    pub async fn addresses(&self) -> Vec<ListedAddress> {
        self.vendor.cloud().list_addresses(FLEET).await.unwrap()
    }

    /// What an address is attached to, as the listing has it.
    pub async fn holder(&self, address: &ListedAddress) -> Option<String> {
        let listed = self.addresses().await.into_iter();
        let mut same = listed.filter(|a| a.provider_ref == address.provider_ref);
        same.next().unwrap().attached_to
    }
}

pub fn tag(subject: impl Into<Subject>) -> Tag {
    Tag { fleet: FLEET.to_owned(), subject: subject.into() }
}

/// The class of a failure that had to come.
#[track_caller]
pub fn class<T: std::fmt::Debug>(answer: damm_clouds::traits::Result<T>) -> FailureClass {
    let e = answer.unwrap_err();
    assert!(!e.message.is_empty() && !e.operation.is_empty());
    e.class
}

/// Makes a test of each of these, with a fresh account for each.
#[macro_export]
macro_rules! conformance {
    ($fresh:expr; $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::suite::$name($crate::suite::Bench::new($fresh.await)).await;
            }
        )*
    };
}
