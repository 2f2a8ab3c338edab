//! Instances.

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, Cloud, ListedAddress, ListedMachine, MachineOrder, MachineState};
use damm_fleet::FailureClass;
use serde_json::json;

use super::wire::{Instance, OneInstance, Os};
use super::{Vultr, Words, read};
use crate::http::Ask;
use crate::{names, orders};

impl Vultr {
    fn listed(&self, instance: &Instance) -> ListedMachine {
        let address = instance.address();
        let up = instance.status == "active"
            && instance.power_status == "running"
            && instance.server_status == "ok";
        ListedMachine {
            provider_ref: instance.id.clone(),
            tag: read(instance.tags.iter().chain([&instance.label])),
            state: match (instance.status.as_str(), up && address.is_some()) {
                ("suspended", _) => MachineState::Failed,
                (_, true) => MachineState::Running,
                // `active` comes before the system is installed, and before the address.
                (_, false) => MachineState::Starting,
            },
            address,
            asn: address.map(|a| self.origins.asn(a)),
            created_at: instance.date_created,
        }
    }

    /// The operating system's number, looked up once.
    async fn os(&self, operation: &'static str) -> Result<u64> {
        let (name, number) = &self.os;
        let found = number.get_or_try_init(async || {
            let all: Vec<Os> = self.all(operation, "/os", "os").await?;
            let found = all.iter().find(|os| os.name == *name).map(|os| os.id);
            found.ok_or_else(|| {
                let words = format!("there is no operating system named `{name}`: set `image`");
                self.failed(operation, FailureClass::Rejected, &words)
            })
        });
        found.await.copied()
    }

    /// One instance.
    pub(super) async fn instance(&self, operation: &'static str, id: &str) -> Result<Instance> {
        let ask = Ask::get(operation, format!("/instances/{}", self.id(operation, id)?));
        Ok(self.http.json::<OneInstance>(ask, &Words).await?.instance)
    }
}

#[async_trait]
impl Cloud for Vultr {
    /// Nothing keeps a second call from making a second instance, so a call is sent once, whatever
    /// becomes of it.
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        const OPERATION: &str = "create an instance";
        orders::user_data_fits(order, self.user_data_limit)
            .map_err(|words| self.failed(OPERATION, FailureClass::Rejected, &words))?;
        let os_id = self.os(OPERATION).await?;
        let (tag, user_data) = (order.tag.to_string(), BASE64_STANDARD.encode(&order.user_data));
        let body = json!({
            "region": order.location,
            "plan": order.machine,
            "os_id": os_id,
            "label": tag,
            "tags": [tag],
            "hostname": names::attempt(&order.tag, &order.idempotency_key),
            "user_data": user_data,
            "enable_ipv6": true,
            "backups": "disabled",
            "activation_email": false,
        });
        let mut ask = Ask::post(OPERATION, "/instances", &body);
        ask.private.extend(orders::private_forms(&order.user_data));
        let made: OneInstance = self.http.json(ask, &Words).await?;
        let listed = self.listed(&made.instance);
        Ok(ListedMachine { tag: Some(order.tag.clone()), ..listed })
    }

    /// The vendor's filters know neither a beginning of a label nor today's tags, so all pages are
    /// read.
    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let all: Vec<Instance> = self.all("list instances", "/instances", "instances").await?;
        let listed = all.iter().map(|i| self.listed(i));
        Ok(listed.filter(|m| m.tag.as_ref().is_some_and(|t| t.fleet == fleet)).collect())
    }

    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        const OPERATION: &str = "delete an instance";
        let path = format!("/instances/{}", self.id(OPERATION, provider_ref)?);
        self.http.call(Ask::delete(OPERATION, path), &Words).await.map(drop)
    }

    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        self.reserve(order).await
    }

    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        self.reserved(fleet).await
    }

    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        self.attach(address_ref, machine_ref).await
    }

    async fn detach_address(&self, address_ref: &str) -> Result<()> {
        self.detach(address_ref).await
    }

    async fn release_address(&self, address_ref: &str) -> Result<()> {
        self.give_back(address_ref).await
    }
}
