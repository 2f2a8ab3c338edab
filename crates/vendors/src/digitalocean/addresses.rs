//! Reserved addresses. They carry no tags: IPv4 ones are put in the fleet's own project, and for
//! IPv6 ones, which can't be, the account has to be the fleet's alone.

use std::collections::BTreeSet;
use std::net::IpAddr;

use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, ListedAddress};
use damm_fleet::{FailureClass, Timestamp};
use serde_json::{Value, json};

use super::wire::{Holder, OneAction, OneV4, OneV6, ReservedV4, ReservedV6};
use super::{DigitalOcean, Words, read};
use crate::http::Ask;

/// Where an address is found.
fn path(address: IpAddr) -> String {
    match address {
        IpAddr::V4(ip) => format!("/reserved_ips/{ip}"),
        IpAddr::V6(ip) => format!("/reserved_ipv6/{ip}"),
    }
}

impl DigitalOcean {
    fn shown(
        &self,
        address: IpAddr,
        held: Option<&Holder>,
        created_at: Timestamp,
    ) -> ListedAddress {
        ListedAddress {
            provider_ref: address.to_string(),
            tag: None,
            address,
            asn: self.origins.asn(address),
            attached_to: held.map(|h| h.id.to_string()),
            inner: None,
            created_at,
        }
    }

    fn shown_v4(&self, ip: &ReservedV4) -> ListedAddress {
        let seen = self.seen.of(&ip.ip.to_string(), self.http.clock().now());
        self.shown(ip.ip.into(), ip.droplet.as_ref(), seen)
    }

    fn shown_v6(&self, ip: &ReservedV6) -> ListedAddress {
        self.shown(ip.ip.into(), ip.droplet.as_ref(), ip.reserved_at)
    }

    pub(super) async fn reserve(&self, order: &AddressOrder) -> Result<ListedAddress> {
        const OPERATION: &str = "reserve an address";
        if order.prefer_v6 {
            let body = json!({ "region_slug": order.location });
            let ask = Ask::post(OPERATION, "/reserved_ipv6", &body);
            let made: OneV6 = self.http.json(ask, &Words).await?;
            return Ok(self.shown_v6(&made.reserved_ipv6));
        }
        let body = json!({ "region": order.location, "project_id": self.project });
        let ask = Ask::post(OPERATION, "/reserved_ips", &body);
        let made: OneV4 = self.http.json(ask, &Words).await?;
        Ok(self.shown_v4(&made.reserved_ip))
    }

    pub(super) async fn reserved(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        const OPERATION: &str = "list reserved addresses";
        let v4: Vec<ReservedV4> =
            self.all(Ask::get(OPERATION, "/reserved_ips"), "reserved_ips").await?;
        let v6: Vec<ReservedV6> =
            self.all(Ask::get(OPERATION, "/reserved_ipv6"), "reserved_ipv6s").await?;
        if v4.iter().any(|ip| ip.project_id.is_none()) {
            let words = "the token may not read projects: give it the scope `project:read`";
            return Err(self.failed(OPERATION, FailureClass::Rejected, words));
        }
        let ours = v4.iter().filter(|ip| self.is_ours(ip, fleet));
        let mut all: Vec<_> = ours.map(|ip| self.shown_v4(ip)).collect();
        all.extend(v6.iter().map(|ip| self.shown_v6(ip)));
        let names: BTreeSet<_> = all.iter().map(|a| a.provider_ref.clone()).collect();
        self.seen.keep(&names, self.http.clock().now());
        Ok(all)
    }

    /// Whether it stands in the fleet's project, or on a machine of the fleet, whose project may be
    /// another.
    fn is_ours(&self, ip: &ReservedV4, fleet: &str) -> bool {
        let holder = ip.droplet.as_ref().and_then(|h| read(&h.tags));
        ip.project_id.as_deref() == Some(&self.project) || holder.is_some_and(|t| t.fleet == fleet)
    }

    /// An address as it is written. What is none was never made.
    fn address(&self, operation: &'static str, address_ref: &str) -> Result<IpAddr> {
        let gone = || self.failed(operation, FailureClass::Gone, "there is no such address");
        address_ref.parse().map_err(|_| gone())
    }

    /// The droplet that holds an address.
    async fn holder(&self, operation: &'static str, address: IpAddr) -> Result<Option<Holder>> {
        let ask = Ask::get(operation, path(address));
        Ok(match address {
            IpAddr::V4(_) => self.http.json::<OneV4>(ask, &Words).await?.reserved_ip.droplet,
            IpAddr::V6(_) => self.http.json::<OneV6>(ask, &Words).await?.reserved_ipv6.droplet,
        })
    }

    /// Starts an action. That it was accepted says nothing of its end, but for `errored`.
    async fn act(&self, operation: &'static str, address: IpAddr, body: &Value) -> Result<()> {
        let ask = Ask::post(operation, format!("{}/actions", path(address)), body);
        let started: OneAction = self.http.json(ask, &Words).await?;
        match started.action.status.as_str() {
            "errored" => {
                let words = "the action ended in an error, which is not told";
                Err(self.failed(operation, FailureClass::Unknown, words))
            }
            _ => Ok(()),
        }
    }

    /// The vendor moves an address that is assigned elsewhere, so it is looked at first.
    pub(super) async fn assign(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        const OPERATION: &str = "assign an address";
        let address = self.address(OPERATION, address_ref)?;
        let id = self.id(OPERATION, machine_ref)?;
        match self.holder(OPERATION, address).await? {
            Some(holder) if holder.id == id => return Ok(()),
            Some(holder) => {
                let words = format!("{address} is assigned to the droplet {}", holder.id);
                return Err(self.failed(OPERATION, FailureClass::Busy, &words));
            }
            None => {}
        }
        // The action's refusal does not tell a droplet that is gone from one that is not ready.
        self.droplet(OPERATION, id).await?;
        self.act(OPERATION, address, &json!({ "type": "assign", "droplet_id": id })).await
    }

    pub(super) async fn unassign(&self, address_ref: &str) -> Result<()> {
        const OPERATION: &str = "unassign an address";
        let address = self.address(OPERATION, address_ref)?;
        match self.holder(OPERATION, address).await? {
            Some(_) => self.act(OPERATION, address, &json!({ "type": "unassign" })).await,
            None => Ok(()),
        }
    }

    /// Deleting an assigned address only unassigns it, and says that it is done.
    pub(super) async fn give_back(&self, address_ref: &str) -> Result<()> {
        const OPERATION: &str = "release an address";
        let address = self.address(OPERATION, address_ref)?;
        if let Some(holder) = self.holder(OPERATION, address).await? {
            let words = format!("{address} is assigned to the droplet {}", holder.id);
            return Err(self.failed(OPERATION, FailureClass::Busy, &words));
        }
        self.http.call(Ask::delete(OPERATION, path(address)), &Words).await.map(drop)
    }
}
