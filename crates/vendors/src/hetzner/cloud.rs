//! Servers.

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, Cloud, ListedAddress, ListedMachine, MachineOrder, MachineState};
use damm_fleet::FailureClass;
use serde::Serialize;

use super::wire::{MadeServer, Server};
use super::{Hetzner, Making, OurLabels, tag};
use crate::http::Ask;
use crate::{names, orders};

/// The body of `POST /servers`.
#[derive(Serialize)]
struct NewServer<'a> {
    name: &'a str,
    server_type: &'a str,
    image: &'a str,
    location: &'a str,
    start_after_create: bool,
    user_data: &'a str,
    labels: OurLabels<'a>,
    public_net: PublicNet,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh_keys: Vec<&'a str>,
}

/// Which of the server's own addresses it gets.
#[derive(Serialize)]
struct PublicNet {
    enable_ipv4: bool,
    enable_ipv6: bool,
}

impl Hetzner {
    fn new_server(&self, order: &MachineOrder, name: &str) -> Ask {
        let body = NewServer {
            name,
            server_type: &order.machine,
            image: &self.image,
            location: &order.location,
            start_after_create: true,
            user_data: &order.user_data,
            labels: OurLabels::of(&order.tag),
            public_net: PublicNet { enable_ipv4: true, enable_ipv6: true },
            ssh_keys: self.ssh_key.as_deref().into_iter().collect(),
        };
        let mut ask = Ask::post("create a machine", "/servers", &body);
        ask.private.extend(orders::private_forms(&order.user_data));
        ask
    }

    fn machine(&self, server: &Server) -> ListedMachine {
        let address = server.address();
        ListedMachine {
            provider_ref: server.id.to_string(),
            tag: tag(&server.labels),
            state: state(&server.status),
            address,
            asn: address.map(|a| self.asn(a)),
            created_at: server.created,
        }
    }

    /// The servers that carry a label.
    pub(super) async fn servers(
        &self,
        operation: &'static str,
        fleet: &str,
    ) -> Result<Vec<Server>> {
        self.ours(Ask::get(operation, "/servers").query("sort", "id:asc"), fleet).await
    }
}

/// A server that was switched off, or whose host moves, may run again: only Hetzner's `deleting` is
/// the end.
fn state(status: &str) -> MachineState {
    match status {
        "running" | "migrating" => MachineState::Running,
        "deleting" => MachineState::Stopping,
        _ => MachineState::Starting,
    }
}

#[async_trait]
impl Cloud for Hetzner {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        let name = names::attempt(&order.tag, &order.idempotency_key);
        let ask = self.new_server(order, &name);
        let fits = orders::user_data_fits(order, self.user_data_limit);
        fits.map_err(|words| self.refuse(&ask, FailureClass::Rejected, &words))?;
        let making = Making { ask, path: "/servers", name: &name, tag: &order.tag };
        let server = self.make::<Server, MadeServer>(making).await?;
        Ok(self.machine(&server))
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let servers = self.servers("list machines", fleet).await?;
        Ok(servers.iter().map(|s| self.machine(s)).collect())
    }

    /// Its own addresses go with it, and its floating ones are detached.
    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        let ask = Ask::delete("delete a machine", format!("/servers/{provider_ref}"));
        self.id(&ask, provider_ref)?;
        self.act(ask).await
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
