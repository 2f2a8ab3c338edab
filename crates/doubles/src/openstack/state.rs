//! What stands in a project.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{Span, Timestamp};

use super::REGION;
use crate::ids::Ids;
use crate::pool::Pool;
use crate::shelf::Shelf;

/// What the cloud is like.
#[derive(Debug, Clone)]
pub struct Knobs {
    /// Machines that the project may hold.
    pub most_machines: usize,
    /// Floating addresses that the project may hold.
    pub most_addresses: usize,
    /// No host takes a machine, which is accepted nevertheless.
    pub no_host: bool,
    /// Machines that are gone are shown for so long, as `DELETED`.
    pub shows_deleted: Option<Span>,
    /// How long a load balancer takes to be changed.
    pub change_takes: Span,
    /// The load balancer listens on another port too, behind which stands another pool.
    pub other_port: Option<u16>,
    /// No floating address is left in the network.
    pub no_address: bool,
    /// The regions of the catalog.
    pub regions: Vec<String>,
}

pub struct Server {
    pub id: String,
    pub name: String,
    pub flavor: &'static Flavor,
    pub zone: String,
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    pub groups: Vec<String>,
    pub ports: Vec<Port>,
    pub volume: Option<String>,
    /// It was deleted, and is shown for a while.
    pub is_deleted: bool,
    pub no_host: bool,
}

/// A network interface.
#[derive(Clone)]
pub struct Port {
    pub id: String,
    pub network: &'static Network,
    pub fixed: Vec<IpAddr>,
    pub revision: u64,
}

pub struct Floating {
    pub id: String,
    pub address: IpAddr,
    pub description: String,
    /// The port and the address of it that it leads to.
    pub leads: Option<(String, IpAddr)>,
    pub revision: u64,
}

impl Floating {
    /// Leads it elsewhere, or nowhere.
    pub fn lead(&mut self, to: Option<(String, IpAddr)>) {
        self.leads = to;
        self.revision += 1;
    }
}

pub struct Volume {
    pub server: String,
    pub goes_with_it: bool,
}

pub struct Member {
    pub id: String,
    pub name: String,
    pub address: IpAddr,
    pub port: u16,
    pub weight: u64,
    pub subnet: Option<String>,
}

/// A network interface that is no machine's of this project.
pub const SOMEBODYS_PORT: &str = "3b1c7f0e-52d1-4d0c-9c53-0f6f2a4f8e10";

/// A size.
pub struct Flavor {
    pub id: &'static str,
    pub name: &'static str,
    pub disk: u64,
}

pub const FLAVORS: [Flavor; 2] = [
    Flavor { id: "2a1b6f0e-6d2c-4f0e-9a57-3c6ad6ff1e01", name: "b2-7", disk: 50 },
    Flavor { id: "9f2d0c64-1f0b-4f57-8a8e-5be2cf7f3c02", name: "a1-ram2-disk0", disk: 0 },
];

/// A network, with its only subnet.
pub struct Network {
    pub id: &'static str,
    pub subnet: &'static str,
    pub name: &'static str,
    pub prefix: &'static str,
    /// Floating addresses come from it.
    pub external: bool,
    /// It has a router to the external one.
    pub routed: bool,
}

pub const NETWORKS: [Network; 5] = [
    Network {
        id: "d32019d3-bc6e-4319-9c1d-6722fc136a01",
        subnet: "54d6f61d-db07-451c-9ab3-b9609b6b6f01",
        name: "private",
        prefix: "10.20.0.0/16",
        external: false,
        routed: true,
    },
    Network {
        id: "d32019d3-bc6e-4319-9c1d-6722fc136a02",
        subnet: "54d6f61d-db07-451c-9ab3-b9609b6b6f02",
        name: "public",
        prefix: "203.0.112.0/22",
        external: true,
        routed: false,
    },
    Network {
        id: "d32019d3-bc6e-4319-9c1d-6722fc136a03",
        subnet: "54d6f61d-db07-451c-9ab3-b9609b6b6f03",
        name: "Ext-Net",
        prefix: "198.51.100.0/24",
        external: false,
        routed: false,
    },
    Network {
        id: "d32019d3-bc6e-4319-9c1d-6722fc136a04",
        subnet: "54d6f61d-db07-451c-9ab3-b9609b6b6f04",
        name: "twin",
        prefix: "10.21.0.0/16",
        external: false,
        routed: true,
    },
    Network {
        id: "d32019d3-bc6e-4319-9c1d-6722fc136a05",
        subnet: "54d6f61d-db07-451c-9ab3-b9609b6b6f05",
        name: "twin",
        prefix: "10.22.0.0/16",
        external: false,
        routed: true,
    },
];

pub struct State {
    pub knobs: Knobs,
    /// Tokens that hold, with their ends.
    pub tokens: BTreeMap<String, Timestamp>,
    /// Tokens that were given.
    pub given: Vec<String>,
    pub servers: Shelf<Server>,
    pub floating: Shelf<Floating>,
    pub volumes: Vec<Volume>,
    pub members: Vec<Member>,
    /// The load balancer is being changed until then.
    pub changing_until: Timestamp,
    pub ids: Ids,
    pools: BTreeMap<&'static str, Pool>,
}

impl State {
    pub fn new() -> Self {
        Self {
            knobs: Knobs {
                most_machines: 3,
                most_addresses: 10,
                no_host: false,
                shows_deleted: None,
                change_takes: Span::ZERO,
                other_port: None,
                no_address: false,
                regions: vec![REGION.to_owned()],
            },
            tokens: BTreeMap::new(),
            given: Vec::new(),
            servers: Shelf::default(),
            floating: Shelf::default(),
            volumes: Vec::new(),
            members: Vec::new(),
            changing_until: Timestamp::EPOCH,
            ids: Ids::default(),
            pools: NETWORKS.iter().map(|n| (n.id, Pool::of(n.prefix))).collect(),
        }
    }

    /// Whether a token holds.
    pub fn knows(&self, token: Option<&str>, now: Timestamp) -> bool {
        token.and_then(|t| self.tokens.get(t)).is_some_and(|end| *end > now)
    }

    /// The next address of a network.
    pub fn draw(&self, network: &Network) -> Option<IpAddr> {
        self.pools.get(network.id).map(Pool::draw)
    }

    /// Draws floating addresses from another pool.
    pub fn floats_from(&mut self, pool: Pool) {
        self.pools.insert(NETWORKS[1].id, pool);
    }

    /// A machine's interface in a network.
    pub fn new_port(&self, network: &'static Network) -> Port {
        let fixed = self.draw(network).into_iter().collect();
        Port { id: self.ids.uuid(), network, fixed, revision: 1 }
    }

    /// A floating address, not on its shelf yet.
    pub fn new_floating(&self, description: &str) -> Floating {
        let address = self.draw(&NETWORKS[1]).unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let description = description.to_owned();
        Floating { id: self.ids.uuid(), address, description, leads: None, revision: 1 }
    }

    /// What hung on machines that are gone.
    pub fn let_go(&mut self, now: Timestamp) {
        let living = self.servers.there(now).filter(|(_, s)| !s.item.is_deleted);
        let living: Vec<_> = living
            .map(|(id, s)| (id.clone(), s.item.ports.iter().map(|p| p.id.clone()).collect()))
            .collect::<Vec<(String, Vec<String>)>>();
        let is_port = |port: &String| {
            port == SOMEBODYS_PORT || living.iter().any(|(_, ports)| ports.contains(port))
        };
        for (_, ip) in self.floating.there(now) {
            if ip.item.leads.as_ref().is_some_and(|(port, _)| !is_port(port)) {
                ip.item.lead(None);
            }
        }
        let lives = |server: &String| living.iter().any(|(id, _)| id == server);
        self.volumes.retain(|v| !v.goes_with_it || lives(&v.server));
    }
}
