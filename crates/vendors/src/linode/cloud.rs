//! Instances.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, Cloud, ListedAddress, ListedMachine, MachineOrder, MachineState};
use damm_fleet::FailureClass;
use serde::Serialize;
use serde_json::json;

use super::said::{Said, label_is_taken};
use super::wire::{Instance, Reserved};
use super::{Linode, is_of, of_fleet, rather, tag, tags};
use crate::http::Ask;
use crate::{names, orders};

const MAKE: &str = "create a machine";
const INSTANCES: &str = "/linode/instances";

/// The body of `POST /linode/instances`.
#[derive(Serialize)]
struct NewInstance<'a> {
    label: &'a str,
    #[serde(rename = "type")]
    size: &'a str,
    region: &'a str,
    image: &'a str,
    booted: bool,
    root_pass: &'a str,
    tags: [String; 2],
    metadata: Metadata,
    /// NodeBalancers reach their targets by it.
    private_ip: bool,
}

#[derive(Serialize)]
struct Metadata {
    user_data: String,
}

impl Linode {
    fn new_instance(&self, order: &MachineOrder, label: &str) -> Result<Ask> {
        let password = self.password()?;
        let body = NewInstance {
            label,
            size: &order.machine,
            region: &order.location,
            image: &self.image,
            booted: true,
            root_pass: &password,
            tags: tags(&order.tag),
            metadata: Metadata { user_data: BASE64_STANDARD.encode(&order.user_data) },
            private_ip: true,
        };
        let mut ask = Ask::post(MAKE, INSTANCES, &body).private(password.as_str());
        ask.private.extend(orders::private_forms(&order.user_data));
        Ok(ask)
    }

    /// A password of root: one has to be given, and nobody is told of it.
    fn password(&self) -> Result<String> {
        let mut bytes = [0; 48];
        let none = |_| self.refuse(MAKE, FailureClass::Busy, "the machine gives no randomness");
        getrandom::fill(&mut bytes).map_err(none)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The instances of a fleet.
    pub(super) async fn instances(
        &self,
        operation: &'static str,
        fleet: &str,
    ) -> Result<Vec<Instance>> {
        let filter = Some(of_fleet(fleet));
        let mut all: Vec<Instance> = self.all(operation, INSTANCES, filter).await?;
        all.retain(|i| is_of(&i.tags, fleet));
        Ok(all)
    }

    /// The account's reserved addresses, where only they tell which ones are the instances' own.
    pub(super) async fn reserved_beside(
        &self,
        operation: &'static str,
        instances: &[Instance],
    ) -> Result<BTreeSet<Ipv4Addr>> {
        if !instances.iter().any(Instance::has_several) {
            return Ok(BTreeSet::new());
        }
        let all: Vec<Reserved> = self.all(operation, super::addresses::RESERVED, None).await?;
        Ok(all.iter().map(|r| r.address).collect())
    }

    async fn machines(
        &self,
        operation: &'static str,
        instances: Vec<Instance>,
    ) -> Result<Vec<ListedMachine>> {
        let reserved = self.reserved_beside(operation, &instances).await?;
        Ok(instances.iter().map(|i| self.machine(i, &reserved)).collect())
    }

    fn machine(&self, instance: &Instance, reserved: &BTreeSet<Ipv4Addr>) -> ListedMachine {
        let address = instance.own(reserved);
        ListedMachine {
            provider_ref: instance.id.to_string(),
            tag: tag(&instance.tags),
            state: state(&instance.status),
            address,
            asn: address.map(|a| self.origins.asn(a)),
            created_at: instance.created,
        }
    }

    /// What the same order has made before.
    async fn made_before(&self, order: &MachineOrder, label: &str) -> Result<ListedMachine> {
        let filter = Some(json!({ "label": label }));
        let mut found: Vec<Instance> = self.all(MAKE, INSTANCES, filter).await?;
        found.retain(|i| i.label == label);
        match found.first().map(|i| tag(&i.tags)) {
            Some(theirs) if theirs.as_ref() == Some(&order.tag) => {
                let machine = self.machines(MAKE, found).await?.into_iter().next();
                machine.ok_or_else(|| self.refuse(MAKE, FailureClass::Busy, "it is not listed"))
            }
            Some(_) => {
                let words = format!("`{label}` stands there already and is not this order's");
                Err(self.refuse(MAKE, FailureClass::Rejected, &words))
            }
            None => {
                let words = format!("the label `{label}` is taken by what is not listed");
                Err(self.refuse(MAKE, FailureClass::Busy, &words))
            }
        }
    }
}

/// An instance that was shut down, or whose host moves, may run again: only `deleting` is the end.
fn state(status: &str) -> MachineState {
    match status {
        "running" => MachineState::Running,
        "deleting" => MachineState::Stopping,
        _ => MachineState::Starting,
    }
}

#[async_trait]
impl Cloud for Linode {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        let fits = orders::user_data_fits(order, self.user_data_limit);
        fits.map_err(|words| self.refuse(MAKE, FailureClass::Rejected, &words))?;
        let label = names::attempt(&order.tag, &order.idempotency_key);
        let ask = self.new_instance(order, &label)?;
        let reply = self.http.send(ask.clone()).await?;
        if reply.is_success() {
            let made: Instance = self.http.read(&ask, &reply)?;
            return Ok(self.machine(&made, &BTreeSet::new()));
        }
        if label_is_taken(&reply) {
            return self.made_before(order, &label).await;
        }
        // What an order names and is not there is the size, the place or the image.
        let refusal = self.http.refusal(&ask, &reply, &Said);
        Err(rather(refusal, FailureClass::Gone, FailureClass::Rejected))
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        const OPERATION: &str = "list machines";
        let instances = self.instances(OPERATION, fleet).await?;
        self.machines(OPERATION, instances).await
    }

    /// Its disks and its own address go with it; reserved addresses are kept.
    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        const OPERATION: &str = "delete a machine";
        let id = self.id(OPERATION, provider_ref)?;
        self.act(Ask::delete(OPERATION, format!("{INSTANCES}/{id}"))).await
    }

    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        self.allocate(order).await
    }

    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        self.addresses(fleet).await
    }

    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        self.attach(address_ref, machine_ref).await
    }

    async fn detach_address(&self, address_ref: &str) -> Result<()> {
        self.detach(address_ref).await
    }

    async fn release_address(&self, address_ref: &str) -> Result<()> {
        self.release(address_ref).await
    }
}
