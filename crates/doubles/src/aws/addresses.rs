//! EC2's elastic addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{Span, Timestamp};

use super::Account;
use super::form::{Form, Said, by_tag, no, tag_set};
use crate::asked::Luck;

/// An elastic address.
#[derive(Debug, Clone)]
pub struct Elastic {
    pub address: IpAddr,
    pub tags: BTreeMap<String, String>,
    listed_at: Timestamp,
    pub held: Option<Held>,
}

/// Where an elastic address leads to.
#[derive(Debug, Clone)]
pub struct Held {
    association: String,
    machine: String,
    interface: String,
    private: IpAddr,
}

impl Account {
    /// The elastic address that leads to a private one.
    pub(super) fn holder_of(&self, interface: &str, private: IpAddr) -> Option<IpAddr> {
        let leads = |h: &Held| h.interface == interface && h.private == private;
        let mut all = self.elastics.values();
        all.find(|e| e.held.as_ref().is_some_and(leads)).map(|e| e.address)
    }

    /// Addresses lead nowhere once their machine has ended.
    pub(super) fn let_go(&mut self, now: Timestamp) {
        let machines = &self.machines;
        let there = |h: &Held| machines.get(&h.machine).is_some_and(|m| m.is_there(now));
        for elastic in self.elastics.values_mut() {
            elastic.held.take_if(|h| !there(h));
        }
    }

    pub(super) fn allocate(&mut self, form: &Form, luck: Luck, now: Timestamp) -> Said {
        form.only(&["Domain", "TagSpecification.*"])?;
        if self.elastics.len() >= self.address_quota {
            let words = "The maximum number of addresses has been reached.";
            return no("AddressLimitExceeded", words);
        }
        let (id, address) = (format!("eipalloc-{}", self.ids.hex(17)), self.publics.draw());
        let listed_at = if luck.late_listing { now + Span::from_secs(45) } else { now };
        let tags = form.tags("elastic-ip")?;
        self.elastics.insert(id.clone(), Elastic { address, tags, listed_at, held: None });
        // What it was tagged with is not repeated.
        Ok(format!(
            "<publicIp>{address}</publicIp><domain>vpc</domain><allocationId>{id}</allocationId>"
        ))
    }

    pub(super) fn describe_addresses(&mut self, form: &Form, now: Timestamp) -> Said {
        form.only(&["AllocationId.*", "Filter.*"])?;
        let (ids, filters) = (form.list("AllocationId"), form.filters());
        if let Some(id) = ids.iter().find(|id| !self.elastics.contains_key(**id)) {
            return nobody(id);
        }
        let shown = self.elastics.iter().filter(|(id, elastic)| match ids.is_empty() {
            true => elastic.listed_at <= now,
            false => ids.contains(&id.as_str()),
        });
        let shown = shown.filter(|(_, elastic)| {
            filters.iter().all(|(f, values)| by_tag(&elastic.tags, f, values).unwrap_or(false))
        });
        let items = shown.map(|(id, elastic)| {
            let held = elastic.held.as_ref().map(|h| {
                format!(
                    "<associationId>{}</associationId><instanceId>{}</instanceId>\
                     <networkInterfaceId>{}</networkInterfaceId>\
                     <privateIpAddress>{}</privateIpAddress>",
                    h.association, h.machine, h.interface, h.private
                )
            });
            format!(
                "<item><publicIp>{}</publicIp><allocationId>{id}</allocationId>\
                 <domain>vpc</domain>{}{}</item>",
                elastic.address,
                held.unwrap_or_default(),
                tag_set(&elastic.tags)
            )
        });
        Ok(format!("<addressesSet>{}</addressesSet>", items.collect::<String>()))
    }

    pub(super) fn associate(&mut self, form: &Form, luck: Luck, now: Timestamp) -> Said {
        form.only(&[
            "AllocationId",
            "NetworkInterfaceId",
            "PrivateIpAddress",
            "AllowReassociation",
        ])?;
        let (id, interface) = (form.need("AllocationId")?, form.need("NetworkInterfaceId")?);
        let Some(elastic) = self.elastics.get(id) else {
            return nobody(id);
        };
        let mut all = self.machines.iter();
        let found = all.find(|(_, m)| m.is_there(now) && m.interface == interface);
        let Some((machine, state)) = found.map(|(id, m)| (id.clone(), m.clone())) else {
            let words = format!("The networkInterface ID '{interface}' does not exist");
            return no("InvalidNetworkInterfaceID.NotFound", words);
        };
        if state.state(now).0 == 0 {
            let words = format!(
                "The pending instance '{machine}' is not in a valid state for this operation."
            );
            return no("InvalidInstanceID", words);
        }
        let private = match form.get("PrivateIpAddress").map(str::parse::<IpAddr>) {
            None => state.privates[0],
            Some(Ok(private)) if state.privates.contains(&private) => private,
            Some(_) => return no("InvalidParameterValue", "The address is not the interface's"),
        };
        let stays = form.get("AllowReassociation") == Some("false");
        let taken = self.holder_of(interface, private).is_some();
        if (stays && (elastic.held.is_some() || taken)) || luck.attached_elsewhere {
            let words = format!("resource {id} is already associated with associate-id eipassoc-1");
            return no("Resource.AlreadyAssociated", words);
        }
        let association = self.lead(id, &machine, private);
        Ok(format!("<return>true</return><associationId>{association}</associationId>"))
    }

    /// Lets an address lead to a machine's private one, whatever held either before. On the primary
    /// one it takes the place of the machine's own public address, which is lost.
    fn lead(&mut self, id: &str, machine: &str, private: IpAddr) -> String {
        let association = format!("eipassoc-{}", self.ids.hex(17));
        let interface = self.machines.get(machine).map(|m| m.interface.clone());
        let interface = interface.unwrap_or_default();
        for elastic in self.elastics.values_mut() {
            elastic.held.take_if(|h| h.interface == interface && h.private == private);
        }
        if let Some(elastic) = self.elastics.get_mut(id) {
            let (association, machine) = (association.clone(), machine.to_owned());
            elastic.held = Some(Held { association, machine, interface, private });
            let address = elastic.address;
            let first = self.machines.get_mut(elastic_machine(elastic));
            if let Some(first) = first.filter(|m| m.privates[0] == private) {
                first.public = Some(address);
            }
        }
        association
    }

    /// Somebody else moves an address, with a private address of its own; tells whether it could.
    pub(super) fn steal(&mut self, id: &str, machine: &str) -> bool {
        let private = self.privates.draw();
        let known = self.elastics.contains_key(id);
        let Some(holder) = self.machines.get_mut(machine).filter(|_| known) else {
            return false;
        };
        holder.privates.push(private);
        self.lead(id, machine, private);
        true
    }

    pub(super) fn disassociate(&mut self, form: &Form) -> Said {
        form.only(&["AssociationId"])?;
        let id = form.need("AssociationId")?;
        let held = |e: &&mut Elastic| e.held.as_ref().is_some_and(|h| h.association == id);
        match self.elastics.values_mut().find(held) {
            Some(elastic) => {
                elastic.held = None;
                Ok("<return>true</return>".to_owned())
            }
            None => {
                let words = format!("The association ID '{id}' does not exist");
                no("InvalidAssociationID.NotFound", words)
            }
        }
    }

    pub(super) fn release(&mut self, form: &Form) -> Said {
        form.only(&["AllocationId"])?;
        let id = form.need("AllocationId")?;
        match self.elastics.get(id) {
            None => nobody(id),
            Some(Elastic { held: Some(_), address, .. }) => {
                no("InvalidIPAddress.InUse", format!("Address {address} is in use."))
            }
            Some(_) => {
                self.elastics.remove(id);
                Ok("<return>true</return>".to_owned())
            }
        }
    }
}

fn elastic_machine(elastic: &Elastic) -> &str {
    elastic.held.as_ref().map_or("", |h| &h.machine)
}

fn nobody(id: &str) -> Said {
    no("InvalidAllocationID.NotFound", format!("The allocation ID '{id}' does not exist"))
}
