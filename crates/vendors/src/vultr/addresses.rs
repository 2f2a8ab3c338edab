//! Reserved addresses. Their label is all that they carry, and it is our mark.

use std::collections::BTreeSet;

use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, ListedAddress};
use damm_fleet::FailureClass;
use serde_json::json;

use super::wire::{OneReserved, Reserved};
use super::{Vultr, Words, read};
use crate::http::{Ask, Method};

impl Vultr {
    fn shown(&self, ip: &Reserved) -> ListedAddress {
        let address = ip.address();
        ListedAddress {
            provider_ref: ip.id.clone(),
            tag: read([&ip.label]),
            address,
            asn: self.origins.asn(address),
            attached_to: ip.holder().map(str::to_owned),
            inner: None,
            created_at: self.seen.of(&ip.id, self.http.clock().now()),
        }
    }

    pub(super) async fn reserve(&self, order: &AddressOrder) -> Result<ListedAddress> {
        const OPERATION: &str = "reserve an address";
        let body = json!({
            "region": order.location,
            "ip_type": if order.prefer_v6 { "v6" } else { "v4" },
            "label": order.tag.to_string(),
        });
        let ask = Ask::post(OPERATION, "/reserved-ips", &body);
        let made: OneReserved = self.http.json(ask, &Words).await?;
        let shown = self.shown(&made.reserved_ip);
        Ok(ListedAddress { tag: Some(order.tag.clone()), ..shown })
    }

    pub(super) async fn reserved(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        const OPERATION: &str = "list reserved addresses";
        let all: Vec<Reserved> = self.all(OPERATION, "/reserved-ips", "reserved_ips").await?;
        let names: BTreeSet<_> = all.iter().map(|ip| ip.id.clone()).collect();
        let shown = all.iter().map(|ip| self.shown(ip));
        let ours = shown.filter(|a| a.tag.as_ref().is_some_and(|t| t.fleet == fleet)).collect();
        self.seen.keep(&names, self.http.clock().now());
        Ok(ours)
    }

    /// One address, and where it is found.
    async fn one(&self, operation: &'static str, id: &str) -> Result<(Reserved, String)> {
        let path = format!("/reserved-ips/{}", self.id(operation, id)?);
        let found: OneReserved = self.http.json(Ask::get(operation, path.as_str()), &Words).await?;
        Ok((found.reserved_ip, path))
    }

    /// What the vendor does to an address that is attached elsewhere is not documented, so it is
    /// looked at first.
    pub(super) async fn attach(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        const OPERATION: &str = "attach an address";
        let (ip, path) = self.one(OPERATION, address_ref).await?;
        match ip.holder() {
            Some(holder) if holder == machine_ref => return Ok(()),
            Some(holder) => return Err(self.taken(OPERATION, &ip, holder)),
            None => {}
        }
        let instance = self.instance(OPERATION, machine_ref).await?;
        let body = json!({ "instance_id": instance.id });
        let ask = Ask::post(OPERATION, format!("{path}/attach"), &body);
        self.http.call(ask, &Words).await.map(drop)
    }

    pub(super) async fn detach(&self, address_ref: &str) -> Result<()> {
        const OPERATION: &str = "detach an address";
        let (ip, path) = self.one(OPERATION, address_ref).await?;
        match ip.holder() {
            Some(_) => {
                let ask = Ask::new(OPERATION, Method::POST, format!("{path}/detach"));
                self.http.call(ask, &Words).await.map(drop)
            }
            None => Ok(()),
        }
    }

    pub(super) async fn give_back(&self, address_ref: &str) -> Result<()> {
        const OPERATION: &str = "release an address";
        let (ip, path) = self.one(OPERATION, address_ref).await?;
        match ip.holder() {
            Some(holder) => Err(self.taken(OPERATION, &ip, holder)),
            None => self.http.call(Ask::delete(OPERATION, path), &Words).await.map(drop),
        }
    }

    fn taken(&self, operation: &'static str, ip: &Reserved, holder: &str) -> damm_clouds::Error {
        let words = format!("{} is attached to the instance {holder}", ip.address());
        self.failed(operation, FailureClass::Busy, &words)
    }
}
