//! What a lab holds: one JSON file, changed by one process at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use damm_clouds::Tag;
use damm_fleet::{Asn, ProviderName, Timestamp};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// The form of the file; another one is refused.
pub const VERSION: u32 = 1;

/// What a lab holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The form of this file.
    pub version: u32,
    /// Stands in the names of all the lab's namespaces.
    pub id: String,
    /// What stands beside the machines.
    pub layout: Layout,
    /// Machines and addresses that were ever made: their names go on from here.
    pub made: u64,
    /// How far each prefix has been drawn from.
    pub drawn: BTreeMap<IpNet, u64>,
    /// Machines by name.
    pub machines: BTreeMap<String, Machine>,
    /// Addresses by name.
    pub addresses: BTreeMap<String, Address>,
    /// What each clients' network can't reach.
    pub censored: BTreeSet<(String, IpAddr)>,
    /// Whether a change was begun in the namespaces and not seen to its end.
    pub unsettled: bool,
}

/// What an account knows of everything that it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The account.
    pub provider: ProviderName,
    /// Our mark.
    pub tag: Tag,
    /// The order's idempotency key.
    pub key: String,
    /// The place.
    pub location: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// What the account knows of it.
    pub held: Held,
    /// Its own address.
    pub v4: Ipv4Addr,
    /// The same of IPv6, where the account has any.
    pub v6: Option<Ipv6Addr>,
    /// The autonomous system that they are announced from.
    pub asn: Asn,
    /// Before that it is being started.
    pub runs_at: Timestamp,
    /// Whether its first process was started; if it is gone then, the machine is off.
    pub booted: bool,
}

/// An address beside a machine's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// What the account knows of it.
    pub held: Held,
    /// The address.
    pub address: IpAddr,
    /// The autonomous system that it is announced from.
    pub asn: Asn,
    /// The machine that it is attached to.
    pub machine: Option<String>,
}

impl State {
    /// An empty lab.
    pub const fn new(id: String, layout: Layout) -> Self {
        Self {
            version: VERSION,
            id,
            layout,
            made: 0,
            drawn: BTreeMap::new(),
            machines: BTreeMap::new(),
            addresses: BTreeMap::new(),
            censored: BTreeSet::new(),
            unsettled: false,
        }
    }

    /// The namespace of something in the lab.
    pub fn namespace(&self, name: &str) -> String {
        format!("damm-{}-{name}", self.id)
    }

    /// A name that nothing had before.
    pub fn next_name(&mut self, kind: char) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    /// Whether nobody has an address.
    pub fn is_free(&self, address: IpAddr) -> bool {
        let own = |m: &Machine| address == m.v4 || m.v6.is_some_and(|v6| address == v6);
        !self.machines.values().any(own) && !self.addresses.values().any(|a| a.address == address)
    }

    /// The addresses that are attached to a machine.
    pub fn attached<'a>(&'a self, machine: &'a str) -> impl Iterator<Item = &'a Address> {
        self.addresses.values().filter(move |a| a.machine.as_deref() == Some(machine))
    }
}
