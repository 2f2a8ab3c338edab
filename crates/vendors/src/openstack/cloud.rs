//! Machines.

use std::net::IpAddr;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use damm_clouds::traits::Result;
use damm_clouds::{
    AddressOrder, Cloud, ListedAddress, ListedMachine, MachineOrder, MachineState, Tag,
};
use damm_fleet::FailureClass;
use serde_json::{Value, json};

use super::OpenStack;
use super::catalog::Service;
use super::wire::{Flavor, MadeServer, Server};
use crate::http::Ask;
use crate::{names, orders};

/// The metadata that holds our mark.
const MARK: &str = "damm";

const CREATE: &str = "create a machine";

/// The tag of all machines of a fleet: 45 of the 60 symbols that a tag may have.
fn fleet_tag(fleet: &str) -> String {
    format!("damm.{fleet}")
}

impl OpenStack {
    async fn new_server(&self, order: &MachineOrder) -> Result<Ask> {
        let flavor = self.flavor(&order.machine).await?;
        let image = self.image().await?;
        let mut networks = vec![json!({ "uuid": self.network(&self.networks.own).await? })];
        if let Some(inner) = &self.networks.inner {
            networks.push(json!({ "uuid": self.network(inner).await? }));
        }
        let mut server = json!({
            "name": names::attempt(&order.tag, &order.idempotency_key),
            "flavorRef": flavor.id,
            "networks": networks,
            "user_data": BASE64_STANDARD.encode(&order.user_data),
            "tags": [fleet_tag(&order.tag.fleet)],
            "metadata": { MARK: order.tag.to_string() },
        });
        self.boot(&mut server, &flavor, &image)?;
        // A zone of the region, unless the topology names no more than the region.
        if self.region.as_ref() != Some(&order.location) {
            server["availability_zone"] = Value::from(order.location.as_str());
        }
        if let Some(group) = &self.security_group {
            server["security_groups"] = json!([{ "name": group }]);
        }
        let mut ask = Ask::post(CREATE, "/servers", &json!({ "server": server }));
        ask.private.extend(orders::private_forms(&order.user_data));
        Ok(ask)
    }

    /// What a machine boots from: its size's disk, or a volume that goes when the machine goes.
    fn boot(&self, server: &mut Value, flavor: &Flavor, image: &str) -> Result<()> {
        match self.volume {
            Some(gigabytes) => {
                server["block_device_mapping_v2"] = json!([{
                    "boot_index": 0, "uuid": image, "source_type": "image",
                    "destination_type": "volume", "volume_size": gigabytes,
                    "delete_on_termination": true,
                }]);
            }
            None if flavor.disk == 0 => {
                let words = format!(
                    "the size `{}` has no disk: say in the account's settings how many gigabytes \
                     the `volume` has that machines boot from",
                    flavor.name
                );
                return Err(self.refuse(CREATE, FailureClass::Rejected, &words));
            }
            None => server["imageRef"] = Value::from(image),
        }
        Ok(())
    }

    /// A machine; none where it is gone for good and shown for a while.
    fn machine(&self, server: &Server) -> Option<ListedMachine> {
        let address = own_address(server);
        Some(ListedMachine {
            provider_ref: server.id.clone(),
            tag: server.metadata.get(MARK).and_then(|mark| mark.parse().ok()),
            state: state(server)?,
            address,
            asn: address.map(|a| self.origins.asn(a)),
            created_at: server.created,
        })
    }

    /// Whether a machine is there.
    pub(super) async fn is_there(&self, operation: &'static str, id: &str) -> Result<bool> {
        #[derive(serde::Deserialize)]
        struct One {
            server: Server,
        }
        let ask = Ask::get(operation, format!("/servers/{id}"));
        let found = self.keystone.json::<One>(Service::Compute, ask).await;
        match found {
            Ok(one) => Ok(state(&one.server).is_some()),
            Err(e) if e.class == FailureClass::Gone => Ok(false),
            Err(e) => Err(e),
        }
    }
}

/// How far a machine has come; none where it is gone. One that was switched off may run again.
fn state(server: &Server) -> Option<MachineState> {
    let going = matches!(server.task.as_deref(), Some("deleting" | "soft-deleting"));
    Some(match server.status.as_str() {
        "DELETED" => return None,
        "SOFT_DELETED" => MachineState::Stopping,
        _ if going => MachineState::Stopping,
        "ERROR" => MachineState::Failed,
        "ACTIVE" | "PASSWORD" | "REBOOT" | "HARD_REBOOT" | "MIGRATING" | "RESIZE"
        | "VERIFY_RESIZE" => MachineState::Running,
        _ => MachineState::Starting,
    })
}

/// The address of its own that is reached from furthest: of the internet rather than of a network
/// inside, and of IPv4 rather than of IPv6.
fn own_address(server: &Server) -> Option<IpAddr> {
    let all = server.addresses.values().flatten();
    let own = all.filter(|a| a.kind.as_deref() != Some("floating")).map(|a| a.addr);
    own.min_by_key(|a| (a.is_ipv6(), is_inside(*a), *a))
}

/// Whether an address of IPv4 is for use inside of networks (RFC 1918, RFC 6598).
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            a.is_private() || a.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(a) => a.is_unique_local() || a.is_unicast_link_local(),
    }
}

#[async_trait]
impl Cloud for OpenStack {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        let fits = orders::user_data_fits(order, self.user_data_limit);
        fits.map_err(|words| self.refuse(CREATE, FailureClass::Rejected, &words))?;
        let ask = self.new_server(order).await?;
        let made: Result<MadeServer> = self.keystone.json(Service::Compute, ask).await;
        // What an order names and is not there is a network or an image.
        let made = made.map_err(|e| super::rather(e, FailureClass::Gone, FailureClass::Rejected));
        Ok(ListedMachine {
            provider_ref: made?.server.id,
            tag: Some(order.tag.clone()),
            state: MachineState::Starting,
            address: None,
            asn: None,
            created_at: self.keystone.now(),
        })
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let tag = fleet_tag(fleet);
        let ask = Ask::get("list machines", "/servers/detail").query("tags", &tag);
        let mut all: Vec<Server> = self.all(Service::Compute, ask).await?;
        all.retain(|s| s.tags.contains(&tag));
        let ours = |m: &ListedMachine| m.tag.as_ref().is_none_or(|t: &Tag| t.fleet == fleet);
        Ok(all.iter().filter_map(|s| self.machine(s)).filter(ours).collect())
    }

    /// Its interfaces and its volume go with it, and its floating addresses are detached.
    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        let ask = Ask::delete("delete a machine", format!("/servers/{provider_ref}"));
        let ask = self.of(ask, provider_ref)?;
        self.keystone.call(Service::Compute, ask).await.map(drop)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str, task: Option<&str>, addresses: &[(&str, &str)]) -> Server {
        let of = |(addr, kind): &(&str, &str)| json!({ "addr": addr, "OS-EXT-IPS:type": kind });
        let addresses: Vec<_> = addresses.iter().map(of).collect();
        serde_json::from_value(json!({
            "id": "1", "status": text, "created": "2026-01-01T00:00:00Z", "metadata": {},
            "OS-EXT-STS:task_state": task, "addresses": { "net": addresses },
        }))
        .unwrap()
    }

    #[test]
    fn a_machines_own_address_is_the_one_that_is_reached_from_furthest() {
        let own = |addresses: &[(&str, &str)]| {
            own_address(&server("ACTIVE", None, addresses)).map(|a| a.to_string())
        };
        let inside = ("10.0.0.4", "fixed");
        let outside = ("198.51.100.4", "fixed");
        let newer = ("2001:db8::4", "fixed");
        assert_eq!(own(&[inside, newer, outside]).as_deref(), Some("198.51.100.4"));
        assert_eq!(own(&[newer, inside]).as_deref(), Some("10.0.0.4"));
        assert_eq!(own(&[("203.0.113.4", "floating"), newer]).as_deref(), Some("2001:db8::4"));
        assert_eq!(own(&[]), None);
    }

    #[test]
    fn what_is_gone_is_not_shown_and_what_goes_does_not_run() {
        use MachineState as S;
        for (status, task, wanted) in [
            ("BUILD", Some("spawning"), Some(S::Starting)),
            ("ACTIVE", None, Some(S::Running)),
            ("ACTIVE", Some("deleting"), Some(S::Stopping)),
            ("ERROR", Some("deleting"), Some(S::Stopping)),
            ("ERROR", None, Some(S::Failed)),
            ("SHUTOFF", None, Some(S::Starting)),
            ("SOFT_DELETED", None, Some(S::Stopping)),
            ("DELETED", None, None),
        ] {
            assert_eq!(state(&server(status, task, &[])), wanted, "{status} {task:?}");
        }
    }
}
