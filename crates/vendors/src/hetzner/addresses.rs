//! Floating IPs.

use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, ListedAddress};
use damm_fleet::FailureClass;
use serde::Serialize;
use serde_json::json;

use super::wire::{FloatingIp, OneFloatingIp};
use super::{Hetzner, Making, OurLabels, rather, tag};
use crate::http::{Ask, Method};
use crate::names;

/// The body of `POST /floating_ips`.
#[derive(Serialize)]
struct NewFloatingIp<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    home_location: &'a str,
    name: &'a str,
    labels: OurLabels<'a>,
}

impl Hetzner {
    pub(super) async fn allocate(&self, order: &AddressOrder) -> Result<ListedAddress> {
        let name = names::attempt(&order.tag, &order.idempotency_key);
        let body = NewFloatingIp {
            kind: if order.prefer_v6 { "ipv6" } else { "ipv4" },
            home_location: &order.location,
            name: &name,
            labels: OurLabels::of(&order.tag),
        };
        let path = "/floating_ips";
        let ask = Ask::post("allocate an address", path, &body);
        let making = Making { ask, path, name: &name, tag: &order.tag };
        let made = self.make::<FloatingIp, OneFloatingIp>(making).await?;
        Ok(self.address(made))
    }

    pub(super) async fn addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        let ask = Ask::get("list addresses", "/floating_ips").query("sort", "id:asc");
        let all = self.ours(ask, fleet).await?;
        Ok(all.into_iter().map(|ip| self.address(ip)).collect())
    }

    fn address(&self, ip: FloatingIp) -> ListedAddress {
        ListedAddress {
            provider_ref: ip.id.to_string(),
            tag: tag(&ip.labels),
            address: ip.ip,
            asn: self.asn(ip.ip),
            attached_to: ip.server.map(|id| id.to_string()),
            inner: None,
            created_at: ip.created,
        }
    }

    /// The server that an address is assigned to: a look, for Hetzner would move it.
    async fn holder(&self, operation: &'static str, reference: &str) -> Result<Option<u64>> {
        let ask = Ask::get(operation, format!("/floating_ips/{reference}"));
        self.id(&ask, reference)?;
        let found: OneFloatingIp = self.get(ask).await?;
        Ok(found.floating_ip.server)
    }

    pub(super) async fn attach(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        const OPERATION: &str = "attach an address";
        let holder = self.holder(OPERATION, address_ref).await?;
        let path = format!("/floating_ips/{address_ref}/actions/assign");
        let ask = Ask::new(OPERATION, Method::POST, path);
        let server = self.id(&ask, machine_ref)?;
        match holder {
            Some(at) if at == server => Ok(()),
            Some(at) => {
                let words = format!("the address is attached to server {at}: detach it first");
                Err(self.refuse(&ask, FailureClass::Busy, &words))
            }
            // A server that is full is not the account's quota: another account is no way out.
            None => {
                let done = self.act(ask.json(&json!({ "server": server }))).await;
                done.map_err(|e| rather(e, FailureClass::Exhausted, FailureClass::Rejected))
            }
        }
    }

    /// Unassigning what is not assigned would be a `service_error`.
    pub(super) async fn detach(&self, address_ref: &str) -> Result<()> {
        const OPERATION: &str = "detach an address";
        match self.holder(OPERATION, address_ref).await? {
            None => Ok(()),
            Some(_) => {
                let path = format!("/floating_ips/{address_ref}/actions/unassign");
                self.act(Ask::new(OPERATION, Method::POST, path)).await
            }
        }
    }

    /// Refused as `must_be_unassigned` while it is assigned.
    pub(super) async fn release(&self, address_ref: &str) -> Result<()> {
        let ask = Ask::delete("release an address", format!("/floating_ips/{address_ref}"));
        self.id(&ask, address_ref)?;
        self.act(ask).await
    }
}
