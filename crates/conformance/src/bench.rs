//! A vendor with identities to give, and a look at every error that it brings forth.

use std::fmt::Debug;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, ListedAddress, ListedMachine, MachineOrder, Tag};
use damm_fleet::{FailureClass, Seed, Span, Subject};

use crate::vendor::{Aim, CloudVendor, Trouble, Vendor};

/// The fleet that orders are of.
pub const FLEET: &str = "suite";

/// What stands in every machine's user data, where a join token would. Its length and its place are
/// multiples of three, so that it can be found in what is written in Base64 as well.
pub const SECRET: &str = "SuiteJoinTokenThatNobodyMayEverReadInAnErr";

/// What comes before the secret.
const HEAD: &str = "#cloud-config\n#";

/// An error's text has this many symbols at most.
const READABLE: usize = 600;

/// A vendor with identities to give.
pub struct Bench<V> {
    /// The fresh account.
    pub vendor: V,
    /// Where identities come from.
    pub seed: Seed,
}

impl<V: Vendor> Bench<V> {
    /// A bench for a case; none where the vendor is excused from it.
    pub fn of(vendor: V, case: &str) -> Option<Self> {
        if let Some(why) = vendor.excuses(case) {
            eprintln!("{case} is not asked here: {why}");
            return None;
        }
        Some(Self { vendor, seed: Seed::from_number(11) })
    }

    /// Whether the vendor can make this trouble; it is said when it can't.
    pub fn can(&self, trouble: Trouble) -> bool {
        self.has(self.vendor.makes(trouble), &format!("no {trouble:?} can be made here"))
    }

    /// Whether the vendor has what a case is about; it is said when it has not.
    pub fn has(&self, has: bool, lack: &str) -> bool {
        if !has {
            eprintln!("left out: {lack}");
        }
        has
    }

    /// Trouble for all requests from now on.
    pub async fn trouble(&self, trouble: Trouble) {
        self.vendor.trouble(trouble, Aim::All).await;
    }

    /// Trouble for requests that change something, from now on.
    pub async fn trouble_writes(&self, trouble: Trouble) {
        self.vendor.trouble(trouble, Aim::Writes).await;
    }

    /// No more trouble.
    pub async fn calm(&self) {
        self.vendor.trouble(Trouble::None, Aim::All).await;
    }

    /// Waits out what the vendor is patient for.
    pub async fn wait(&self) {
        self.vendor.wait(self.vendor.patience()).await;
    }

    /// The class of a failure that had to come. Whatever the failure was about, it says something
    /// readable and tells no secret.
    #[track_caller]
    pub fn class<T: Debug>(&self, answer: Result<T>) -> FailureClass {
        self.failure(answer).0
    }

    /// As [`class`](Self::class), with the time that the vendor asks for.
    #[track_caller]
    pub fn failure<T: Debug>(&self, answer: Result<T>) -> (FailureClass, Option<Span>) {
        let e = answer.unwrap_err();
        let text = format!("{e} {e:?}");
        assert!(!e.message.is_empty() && !e.operation.is_empty(), "{text}");
        assert!(e.message.chars().count() <= READABLE, "not a readable length: {text}");
        assert!(!text.to_lowercase().contains("<html"), "a web page and not words: {text}");
        let encoded = BASE64_STANDARD.encode(SECRET);
        assert!(!text.contains(SECRET) && !text.contains(&encoded), "user data in an error");
        let told = self.vendor.secrets().iter().any(|s| text.contains(s.as_str()));
        assert!(!told, "a credential in an error");
        (e.class, e.retry_after)
    }
}

impl<V: CloudVendor> Bench<V> {
    /// An order for another machine.
    pub fn machine_order(&mut self) -> MachineOrder {
        let (machine, location) = self.vendor.place();
        let tag = tag(self.seed.node());
        MachineOrder {
            idempotency_key: format!("{tag}.1"),
            tag,
            machine,
            location,
            user_data: format!("{HEAD}{SECRET}\n"),
        }
    }

    /// An order for another address.
    pub fn address_order(&mut self) -> AddressOrder {
        let tag = tag(self.seed.frontdoor());
        AddressOrder {
            idempotency_key: format!("{tag}.1"),
            tag,
            location: self.vendor.place().1,
            prefer_v6: false,
        }
    }

    /// A machine to attach addresses to.
    pub async fn machine(&mut self) -> ListedMachine {
        let order = self.machine_order();
        let machine = self.vendor.cloud().create_machine(&order).await.unwrap();
        if self.vendor.capabilities().movable_addresses {
            self.wait().await;
        }
        machine
    }

    /// An address, attached to nothing.
    pub async fn address(&mut self) -> ListedAddress {
        let order = self.address_order();
        self.vendor.cloud().allocate_address(&order).await.unwrap()
    }

    /// An address that is attached to a machine.
    pub async fn held(&mut self) -> (ListedMachine, ListedAddress) {
        let (machine, address) = (self.machine().await, self.address().await);
        let cloud = self.vendor.cloud();
        cloud.attach_address(&address.provider_ref, &machine.provider_ref).await.unwrap();
        (machine, address)
    }

    /// Waits until whatever was made is listed.
    pub async fn settle(&self) {
        self.vendor.wait(self.vendor.capabilities().list_lag).await;
    }

    /// The machines that are listed.
    pub async fn machines(&self) -> Vec<ListedMachine> {
        self.vendor.cloud().list_machines(FLEET).await.unwrap()
    }

    /// The only machine that is listed.
    #[track_caller]
    pub fn only(machines: Vec<ListedMachine>) -> ListedMachine {
        let [machine] = machines.try_into().unwrap();
        machine
    }

    /// The addresses that are listed.
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

/// The suite's mark on a thing.
pub fn tag(subject: impl Into<Subject>) -> Tag {
    Tag { fleet: FLEET.to_owned(), subject: subject.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_found_in_user_data_that_is_written_in_base64() {
        let user_data = BASE64_STANDARD.encode(format!("{HEAD}{SECRET}\n"));
        assert!(user_data.contains(&BASE64_STANDARD.encode(SECRET)));
    }
}
