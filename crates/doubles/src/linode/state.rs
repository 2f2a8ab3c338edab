//! What stands in an account.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use damm_fleet::{Span, Timestamp};

use crate::ids::Ids;
use crate::pool::Pool;
use crate::shelf::Shelf;

/// How long a new instance takes to run.
pub const BOOT: Span = Span::from_secs(40);

/// How late a listing may be, and how long a slow delete takes.
pub const LATE: Span = Span::from_secs(45);
pub const SLOW: Span = Span::from_mins(12);

#[derive(Clone)]
pub struct Instance {
    pub id: u64,
    pub label: String,
    pub size: String,
    pub region: String,
    pub tags: Vec<String>,
    pub public: Ipv4Addr,
    pub private: Option<Ipv4Addr>,
}

#[derive(Clone)]
pub struct Reserved {
    pub address: Ipv4Addr,
    pub region: String,
    pub tags: Vec<String>,
    pub linode_id: Option<u64>,
}

#[derive(Clone)]
pub struct Node {
    pub id: u64,
    pub config: u64,
    pub label: String,
    pub address: String,
    pub mode: String,
}

pub struct State {
    pub instances: Shelf<Instance>,
    pub reserved: Shelf<Reserved>,
    /// The id of the account's NodeBalancer.
    pub balancer: String,
    /// The ports that it listens on, by the ids of their configs.
    pub configs: BTreeMap<u64, u16>,
    pub nodes: Vec<Node>,
    pub most_instances: usize,
    pub most_reserved: usize,
    pub ids: Ids,
    pub public: Pool,
    private: Pool,
}

impl State {
    pub fn new() -> Self {
        let ids = Ids::default();
        let mut state = Self {
            instances: Shelf::default(),
            reserved: Shelf::default(),
            balancer: ids.number().to_string(),
            configs: BTreeMap::new(),
            nodes: Vec::new(),
            most_instances: 3,
            most_reserved: 14,
            ids,
            public: Pool::of("203.0.0.0/16"),
            private: Pool::of("192.168.128.0/17"),
        };
        state.listen(443);
        state
    }

    pub fn listen(&mut self, port: u16) {
        self.configs.insert(self.ids.number(), port);
    }

    pub fn address(&self) -> Ipv4Addr {
        v4(self.public.draw())
    }

    /// A new instance, not on its shelf yet.
    pub fn instance(
        &self,
        label: &str,
        size: &str,
        region: &str,
        tags: Vec<String>,
        private: bool,
    ) -> Instance {
        Instance {
            id: self.ids.number(),
            label: label.to_owned(),
            size: size.to_owned(),
            region: region.to_owned(),
            tags,
            public: self.address(),
            private: private.then(|| v4(self.private.draw())),
        }
    }

    /// Reserved addresses of instances that are gone are the account's again.
    pub fn let_go(&mut self, now: Timestamp) {
        let there: Vec<u64> = self.instances.there(now).map(|(_, i)| i.item.id).collect();
        for (_, reserved) in self.reserved.there(now) {
            reserved.item.linode_id = reserved.item.linode_id.filter(|id| there.contains(id));
        }
    }

    /// The reserved addresses of an instance.
    pub fn held(&mut self, instance: u64, now: Timestamp) -> Vec<Ipv4Addr> {
        let all = self.reserved.there(now);
        let held = all.filter(|(_, r)| r.item.linode_id == Some(instance));
        held.map(|(_, r)| r.item.address).collect()
    }
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(address) => panic!("{address} was drawn from a pool of IPv4"),
    }
}
