//! Droplets.

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, Cloud, ListedAddress, ListedMachine, MachineOrder, MachineState};
use damm_fleet::FailureClass;
use serde_json::{Value, json};

use super::wire::{Droplet, OneDroplet};
use super::{DigitalOcean, Words, read, written};
use crate::http::Ask;
use crate::{names, orders};

impl DigitalOcean {
    pub(super) fn listed(&self, droplet: &Droplet) -> ListedMachine {
        let address = droplet.address();
        ListedMachine {
            provider_ref: droplet.id.to_string(),
            tag: read(&droplet.tags),
            state: match droplet.status.as_str() {
                "active" => MachineState::Running,
                "archive" => MachineState::Failed,
                // `new`, and `off`, which can be turned on.
                _ => MachineState::Starting,
            },
            address,
            asn: address.map(|a| self.origins.asn(a)),
            created_at: droplet.created_at,
        }
    }

    /// All droplets of the account, whosever they are: the listing by tag is only there once the
    /// tag is, and knows new droplets later.
    pub(super) async fn droplets(&self, operation: &'static str) -> Result<Vec<Droplet>> {
        self.all(Ask::get(operation, "/droplets"), "droplets").await
    }

    /// One droplet.
    pub(super) async fn droplet(&self, operation: &'static str, id: u64) -> Result<Droplet> {
        let ask = Ask::get(operation, format!("/droplets/{id}"));
        Ok(self.http.json::<OneDroplet>(ask, &Words).await?.droplet)
    }

    /// A droplet's id. What is none was never made.
    pub(super) fn id(&self, operation: &'static str, machine: &str) -> Result<u64> {
        let gone = || self.failed(operation, FailureClass::Gone, "there is no such droplet");
        machine.parse().map_err(|_| gone())
    }

    fn body(&self, order: &MachineOrder) -> Value {
        json!({
            "name": names::attempt(&order.tag, &order.idempotency_key),
            "region": order.location,
            "size": order.machine,
            "image": self.image,
            "user_data": order.user_data,
            "tags": [written(&order.tag)],
            "ipv6": true,
            "backups": false,
            "monitoring": false,
            "with_droplet_agent": false,
        })
    }
}

#[async_trait]
impl Cloud for DigitalOcean {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        const OPERATION: &str = "create a droplet";
        orders::user_data_fits(order, self.user_data_limit)
            .map_err(|words| self.failed(OPERATION, FailureClass::Rejected, &words))?;
        let mut ask = Ask::post(OPERATION, "/droplets", &self.body(order));
        ask.private.extend(orders::private_forms(&order.user_data));
        let made: OneDroplet = self.http.json(ask, &Words).await?;
        let listed = self.listed(&made.droplet);
        // Tags are put on after the creation was accepted; this one was in the order.
        Ok(ListedMachine { tag: Some(order.tag.clone()), ..listed })
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let droplets = self.droplets("list droplets").await?;
        let listed = droplets.iter().map(|d| self.listed(d));
        Ok(listed.filter(|m| m.tag.as_ref().is_some_and(|t| t.fleet == fleet)).collect())
    }

    /// Droplets are deleted by their id and never by a tag, which would take all that carry it.
    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        const OPERATION: &str = "delete a droplet";
        let id = self.id(OPERATION, provider_ref)?;
        let ask = Ask::delete(OPERATION, format!("/droplets/{id}"));
        self.http.call(ask, &Words).await.map(drop)
    }

    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        self.reserve(order).await
    }

    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        self.reserved(fleet).await
    }

    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        self.assign(address_ref, machine_ref).await
    }

    async fn detach_address(&self, address_ref: &str) -> Result<()> {
        self.unassign(address_ref).await
    }

    async fn release_address(&self, address_ref: &str) -> Result<()> {
        self.give_back(address_ref).await
    }
}
