//! Floating addresses, and the addresses inside that they lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, ListedAddress, Tag};
use damm_fleet::FailureClass;
use serde_json::{Value, json};

use super::catalog::Service::Network;
use super::wire::{FixedIp, FloatingIp, OneFloatingIp, OnePort, Port};
use super::{OpenStack, rather};
use crate::http::Ask;

const ATTACH: &str = "attach an address";

/// A change that is refused with 412 when the thing is no more as it was seen.
fn unless_changed(ask: Ask, revision: Option<u64>) -> Ask {
    match revision {
        Some(revision) => ask.header("if-match", format!("revision_number={revision}")),
        None => ask,
    }
}

impl OpenStack {
    pub(super) async fn allocate(&self, order: &AddressOrder) -> Result<ListedAddress> {
        let network = self.network(&self.networks.floating).await?;
        let mark = order.tag.to_string();
        let body = json!({ "floating_network_id": network, "description": mark });
        let body = json!({ "floatingip": body });
        let ask = Ask::post("allocate an address", "/floatingips", &body);
        let made: Result<OneFloatingIp> = self.keystone.json(Network, ask).await;
        // What is not there is the network.
        let made = made.map_err(|e| rather(e, FailureClass::Gone, FailureClass::Rejected))?;
        Ok(self.address(&made.floatingip, &BTreeMap::new()))
    }

    /// Neutron can't search for a mark's beginning, so all of the project's are looked at.
    pub(super) async fn addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        let operation = "list addresses";
        let mut all: Vec<FloatingIp> =
            self.all(Network, Ask::get(operation, "/floatingips")).await?;
        all.retain(|ip| mark(ip).is_some_and(|tag| tag.fleet == fleet));
        let ports = match all.iter().any(|ip| ip.port_id.is_some()) {
            true => self.all(Network, Ask::get(operation, "/ports")).await?,
            false => Vec::<Port>::new(),
        };
        let holders = ports.into_iter().map(|p| (p.id, p.device_id)).collect();
        Ok(all.iter().map(|ip| self.address(ip, &holders)).collect())
    }

    /// An address, with the machines that interfaces are of. What holds it without being a machine,
    /// a router for instance, holds it all the same.
    fn address(&self, ip: &FloatingIp, holders: &BTreeMap<String, String>) -> ListedAddress {
        let holder = |port: &String| match holders.get(port) {
            Some(machine) if !machine.is_empty() => machine.clone(),
            _ => port.clone(),
        };
        ListedAddress {
            provider_ref: ip.id.clone(),
            tag: mark(ip),
            address: ip.floating_ip_address,
            asn: self.origins.asn(ip.floating_ip_address),
            attached_to: ip.port_id.as_ref().map(holder),
            inner: ip.port_id.as_ref().and(ip.fixed_ip_address),
            created_at: ip.created_at.unwrap_or_else(|| self.keystone.now()),
        }
    }

    async fn look_at(&self, operation: &'static str, address: &str) -> Result<FloatingIp> {
        let ask = Ask::get(operation, format!("/floatingips/{address}"));
        let found: OneFloatingIp = self.keystone.json(Network, self.of(ask, address)?).await?;
        Ok(found.floatingip)
    }

    pub(super) async fn attach(&self, address: &str, machine: &str) -> Result<()> {
        let ip = self.look_at(ATTACH, address).await?;
        let ports = self.ports_of(machine).await?;
        match &ip.port_id {
            Some(port) if ports.iter().any(|p| p.id == *port) => return Ok(()),
            Some(_) => {
                let words = "the address is attached elsewhere: detach it first";
                return Err(self.refuse(ATTACH, FailureClass::Busy, words));
            }
            None => {}
        }
        let port = self.port(machine, ports).await?;
        let inner = self.room(&port).await?;
        let change = json!({ "port_id": port.id, "fixed_ip_address": inner });
        self.change(ATTACH, &ip, &change).await
    }

    async fn ports_of(&self, machine: &str) -> Result<Vec<Port>> {
        let ask = Ask::get(ATTACH, "/ports").query("device_id", machine);
        self.all(Network, self.of(ask, machine)?).await
    }

    /// The interface of a machine that floating addresses lead to.
    async fn port(&self, machine: &str, mut ports: Vec<Port>) -> Result<Port> {
        if ports.len() > 1 {
            let network = self.networks.inner.as_ref().unwrap_or(&self.networks.own);
            let network = self.network(network).await?;
            ports.retain(|p| p.network_id == network);
        }
        match ports.into_iter().next() {
            Some(port) => Ok(port),
            None if self.is_there(ATTACH, machine).await? => {
                let words = "the machine has no interface in its network yet";
                Err(self.refuse(ATTACH, FailureClass::Busy, words))
            }
            None => Err(self.refuse(ATTACH, FailureClass::Gone, "the machine is gone")),
        }
    }

    /// An address of an interface that no floating one leads to; a new one where all are taken. It
    /// stays for the next when the address that leads to it goes: it costs nothing.
    async fn room(&self, port: &Port) -> Result<IpAddr> {
        let ask = Ask::get(ATTACH, "/floatingips").query("port_id", &port.id);
        let leading: Vec<FloatingIp> = self.all(Network, ask).await?;
        let taken: BTreeSet<_> = leading.iter().filter_map(|ip| ip.fixed_ip_address).collect();
        match free(port, &taken) {
            Some(inner) => Ok(inner),
            None if taken.len() >= self.max_addresses => {
                let words = format!("the machine holds {} addresses already", taken.len());
                Err(self.refuse(ATTACH, FailureClass::Rejected, &words))
            }
            None => self.make_room(port, &taken).await,
        }
    }

    async fn make_room(&self, port: &Port, taken: &BTreeSet<IpAddr>) -> Result<IpAddr> {
        let refused = |class, words: &str| self.refuse(ATTACH, class, words);
        let fixed = |f: &FixedIp| {
            let (subnet, address) = (&f.subnet_id, f.ip_address);
            json!({ "subnet_id": subnet, "ip_address": address })
        };
        let mut all: Vec<Value> = port.fixed_ips.iter().map(fixed).collect();
        let subnet = port.fixed_ips.iter().find(|f| f.ip_address.is_ipv4());
        let subnet = subnet.map(|f| &f.subnet_id).ok_or_else(|| {
            let words = "the machine's interface has no address of IPv4 to lead to";
            refused(FailureClass::Rejected, words)
        })?;
        all.push(json!({ "subnet_id": subnet }));
        let ask = Ask::put(
            ATTACH,
            format!("/ports/{}", port.id),
            &json!({ "port": { "fixed_ips": all } }),
        );
        let ask = unless_changed(ask, port.revision_number);
        let made: Result<OnePort> = self.keystone.json(Network, ask).await;
        // A network inside that is full is not the account's quota.
        let made = made.map_err(|e| rather(e, FailureClass::Exhausted, FailureClass::Rejected))?;
        let none = || refused(FailureClass::Busy, "the machine's new address is not shown yet");
        free(&made.port, taken).ok_or_else(none)
    }

    pub(super) async fn detach(&self, address: &str) -> Result<()> {
        let operation = "detach an address";
        let ip = self.look_at(operation, address).await?;
        match ip.port_id {
            None => Ok(()),
            Some(_) => self.change(operation, &ip, &json!({ "port_id": null })).await,
        }
    }

    async fn change(&self, operation: &'static str, ip: &FloatingIp, to: &Value) -> Result<()> {
        let path = format!("/floatingips/{}", ip.id);
        let ask = Ask::put(operation, path, &json!({ "floatingip": to }));
        self.keystone.call(Network, unless_changed(ask, ip.revision_number)).await.map(drop)
    }

    /// Neutron would give back an address that is attached.
    pub(super) async fn release(&self, address: &str) -> Result<()> {
        let operation = "release an address";
        let ip = self.look_at(operation, address).await?;
        if ip.port_id.is_some() {
            return Err(self.refuse(operation, FailureClass::Busy, "the address is attached"));
        }
        let ask = Ask::delete(operation, format!("/floatingips/{}", ip.id));
        self.keystone.call(Network, unless_changed(ask, ip.revision_number)).await.map(drop)
    }
}

fn mark(ip: &FloatingIp) -> Option<Tag> {
    ip.description.as_deref()?.parse().ok()
}

/// An address of IPv4 that nothing leads to.
fn free(port: &Port, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    let own = port.fixed_ips.iter().map(|f| f.ip_address);
    own.filter(IpAddr::is_ipv4).find(|a| !taken.contains(a))
}
