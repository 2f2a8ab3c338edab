//! Reserved addresses. They are IPv4 alone, and belong to one region.

use std::net::Ipv4Addr;

use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, ListedAddress};
use damm_fleet::FailureClass;
use serde_json::json;

use super::wire::Reserved;
use super::{Linode, is_of, of_fleet, rather, tag, tags};
use crate::http::Ask;

pub const RESERVED: &str = "/networking/reserved/ips";

impl Linode {
    pub(super) async fn allocate(&self, order: &AddressOrder) -> Result<ListedAddress> {
        let body = json!({ "region": order.location, "tags": tags(&order.tag) });
        let made = self.get(Ask::post("allocate an address", RESERVED, &body)).await;
        // What is not there is the place.
        let made = made.map_err(|e| rather(e, FailureClass::Gone, FailureClass::Rejected))?;
        Ok(self.address(&made))
    }

    pub(super) async fn addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        let filter = Some(of_fleet(fleet));
        let mut all: Vec<Reserved> = self.all("list addresses", RESERVED, filter).await?;
        all.retain(|r| is_of(&r.tags, fleet));
        let names = all.iter().map(|r| r.address.to_string()).collect();
        let listed = all.iter().map(|r| self.address(r)).collect();
        self.seen.keep(&names, self.http.clock().now());
        Ok(listed)
    }

    fn address(&self, reserved: &Reserved) -> ListedAddress {
        let name = reserved.address.to_string();
        ListedAddress {
            tag: tag(&reserved.tags),
            address: reserved.address.into(),
            asn: self.origins.asn(reserved.address.into()),
            attached_to: reserved.holder(),
            inner: None,
            created_at: self.seen.of(&name, self.http.clock().now()),
            provider_ref: name,
        }
    }

    /// A look at an address before something is done to it.
    async fn look(&self, operation: &'static str, reference: &str) -> Result<Option<String>> {
        let none = |_| self.refuse(operation, FailureClass::Gone, "the reference is no address");
        let address: Ipv4Addr = reference.parse().map_err(none)?;
        let found: Reserved =
            self.get(Ask::get(operation, format!("{RESERVED}/{address}"))).await?;
        Ok(found.holder())
    }

    pub(super) async fn attach(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        const OPERATION: &str = "attach an address";
        let id = self.id(OPERATION, machine_ref)?;
        match self.look(OPERATION, address_ref).await? {
            Some(at) if at == id.to_string() => Ok(()),
            Some(at) => {
                let words = format!("the address is attached to {at}: detach it first");
                Err(self.refuse(OPERATION, FailureClass::Busy, &words))
            }
            None => {
                let body = json!({ "type": "ipv4", "public": true, "address": address_ref });
                let path = format!("/linode/instances/{id}/ips");
                let done = self.act(Ask::post(OPERATION, path, &body)).await;
                // A machine that is full is not the account's quota: another is no way out.
                done.map_err(|e| rather(e, FailureClass::Exhausted, FailureClass::Rejected))
            }
        }
    }

    /// Taken from an instance, a reserved address stays the account's.
    pub(super) async fn detach(&self, address_ref: &str) -> Result<()> {
        const OPERATION: &str = "detach an address";
        let Some(holder) = self.look(OPERATION, address_ref).await? else {
            return Ok(());
        };
        let Ok(id) = holder.parse::<u64>() else {
            let words = format!("the address is attached to {holder}, which is no machine");
            return Err(self.refuse(OPERATION, FailureClass::Rejected, &words));
        };
        let path = format!("/linode/instances/{id}/ips/{address_ref}");
        let done = self.act(Ask::delete(OPERATION, path)).await;
        // It was there a moment ago, so the next call looks again.
        done.map_err(|e| rather(e, FailureClass::Gone, FailureClass::Busy))
    }

    /// Looks first: an address that is assigned would not be refused. It would turn into one of its
    /// machine's own and go on being billed, where no listing of ours shows it.
    pub(super) async fn release(&self, address_ref: &str) -> Result<()> {
        const OPERATION: &str = "release an address";
        match self.look(OPERATION, address_ref).await? {
            None => self.act(Ask::delete(OPERATION, format!("{RESERVED}/{address_ref}"))).await,
            Some(at) => {
                let words = format!("the address is attached to {at}: detach it first");
                Err(self.refuse(OPERATION, FailureClass::Busy, &words))
            }
        }
    }
}
