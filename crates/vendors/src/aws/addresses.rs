//! Elastic addresses.

use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, Error, ListedAddress};
use damm_fleet::FailureClass;

use super::instance::{Instance, Private};
use super::xml::Element;
use super::{Aws, tags};
use crate::names;

/// What attaching is called in errors.
const ATTACH: &str = "attach an address";

/// An elastic address, as `DescribeAddresses` shows it.
struct Elastic {
    listed: ListedAddress,
    /// What its leading to a private address is called.
    association: Option<String>,
}

impl Aws {
    pub(super) async fn allocate(&self, order: &AddressOrder) -> Result<ListedAddress> {
        let now = self.ec2.now();
        let query = self.ec2("allocate an address", "AllocateAddress").with("Domain", "vpc");
        let name = names::attempt(&order.tag, &order.idempotency_key);
        let query = tags::mark(query, &["elastic-ip"], &order.tag, &name, Some(now));
        let answer = self.ec2.call(&query).await?;
        let made = self.elastic_of(&answer).map(|e| e.listed);
        let made = made.ok_or_else(|| self.ec2.lacking(&query))?;
        Ok(ListedAddress { tag: Some(order.tag.clone()), created_at: now, ..made })
    }

    pub(super) async fn elastic(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        let query = self.ec2("list addresses", "DescribeAddresses");
        // This listing has no pages.
        let answer = self.ec2.call(&query.filter(1, &tags::fleet_filter(), &[fleet])).await?;
        let items = answer.items("addressesSet", "item");
        Ok(items.filter_map(|i| self.elastic_of(i)).map(|e| e.listed).collect())
    }

    pub(super) async fn attach(&self, address: &str, machine: &str) -> Result<()> {
        let elastic = self.look_at(ATTACH, address).await?;
        match &elastic.listed.attached_to {
            Some(holder) if holder == machine => return Ok(()),
            Some(_) => return Err(self.busy(ATTACH, "the address is attached elsewhere")),
            None => {}
        }
        let instance = self.instance(ATTACH, machine).await?;
        let (interface, inner) = match room(&instance) {
            Some(room) => room,
            None => self.make_room(&instance).await?,
        };
        let query = self
            .ec2(ATTACH, "AssociateAddress")
            .with("AllocationId", address)
            .with("NetworkInterfaceId", interface)
            .with("PrivateIpAddress", inner.address.to_string())
            .with("AllowReassociation", "false");
        self.ec2.call(&query).await.map(drop)
    }

    /// Gives a machine one more private address than it was made with, and sees that it has it. It
    /// stays for the next one when the address that leads to it goes: it costs nothing.
    async fn make_room(&self, instance: &Instance) -> Result<(String, Private)> {
        let none = || self.busy(ATTACH, "the machine has no network interface yet");
        let interface = instance.interface.as_deref().ok_or_else(none)?;
        let query = self
            .ec2(ATTACH, "AssignPrivateIpAddresses")
            .with("NetworkInterfaceId", interface)
            .with("SecondaryPrivateIpAddressCount", "1");
        self.ec2.call(&query).await?;
        let again = self.instance(ATTACH, &instance.id).await?;
        room(&again).ok_or_else(|| self.busy(ATTACH, "the machine's new room is not shown yet"))
    }

    pub(super) async fn detach(&self, address: &str) -> Result<()> {
        let operation = "detach an address";
        let elastic = self.look_at(operation, address).await?;
        let Some(association) = elastic.association else {
            return Ok(());
        };
        let query = self.ec2(operation, "DisassociateAddress");
        match self.ec2.call(&query.with("AssociationId", association)).await {
            // Somebody was faster, or its machine went in between.
            Err(e) if e.class == FailureClass::Gone => Ok(()),
            answer => answer.map(drop),
        }
    }

    pub(super) async fn release(&self, address: &str) -> Result<()> {
        let operation = "release an address";
        if self.look_at(operation, address).await?.association.is_some() {
            return Err(self.busy(operation, "the address is attached"));
        }
        let query = self.ec2(operation, "ReleaseAddress").with("AllocationId", address);
        self.ec2.call(&query).await.map(drop)
    }

    async fn look_at(&self, operation: &'static str, address: &str) -> Result<Elastic> {
        let query = self.ec2(operation, "DescribeAddresses").with("AllocationId.1", address);
        let answer = self.ec2.call(&query).await?;
        let found = answer.items("addressesSet", "item").find_map(|i| self.elastic_of(i));
        found.ok_or_else(|| self.ec2.refused(operation, FailureClass::Gone, "the address is gone"))
    }

    fn elastic_of(&self, item: &Element) -> Option<Elastic> {
        let address = item.text(&["publicIp"])?.parse().ok()?;
        let association = item.text(&["associationId"]).map(str::to_owned);
        // What holds it without being a machine, a gateway for instance, holds it all the same.
        let holder = item.text(&["instanceId"]).or_else(|| item.text(&["networkInterfaceId"]));
        let attached_to = association.as_ref().and(holder).map(str::to_owned);
        let inner = item.text(&["privateIpAddress"]).and_then(|a| a.parse().ok());
        let listed = ListedAddress {
            provider_ref: item.text(&["allocationId"])?.to_owned(),
            tag: tags::read(item),
            address,
            asn: self.origins.asn(address),
            attached_to,
            inner: association.as_ref().and(inner),
            created_at: tags::made_at(item).unwrap_or_else(|| self.ec2.now()),
        };
        Some(Elastic { listed, association })
    }

    fn busy(&self, operation: &'static str, words: &str) -> Error {
        self.ec2.refused(operation, FailureClass::Busy, words)
    }
}

/// A private address of a machine that no public one leads to, with its interface.
fn room(instance: &Instance) -> Option<(String, Private)> {
    let free = instance.privates.iter().find(|p| !p.primary && !p.taken);
    Some((instance.interface.clone()?, free?.clone()))
}
