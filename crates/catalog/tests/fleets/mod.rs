//! Small generated fleets, with ingress and egress, and what changes of egress look like.

// Each test binary uses a part of this.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use damm_assign::AssignKey;
use damm_catalog::{Catalog, Edition, Error, FleetSecret, SecretKey, Told};
use damm_fleet::inventory::{Health, ObservedAddress, ObservedMachine};
use damm_fleet::node::{EgressIp, Frontdoor};
use damm_fleet::topology::Transport;
use damm_fleet::{
    Asn, Blueprint, Duty, EgressIpId, Few, FrontdoorId, Inventory, Node, NodeId, Phase,
    PopulationName, ProfileName, ProviderName, Reason, RegionName, Role, Seed, Stage, Timestamp,
    Topology, Usd,
};
use proptest::prelude::*;

pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

pub fn region(name: &str) -> RegionName {
    RegionName::new(name).unwrap()
}

pub fn population(name: &str) -> PopulationName {
    PopulationName::new(name).unwrap()
}

pub fn topology() -> Topology {
    let pool = serde_json::json!({
        "ingress": { "profile": "edge", "live": 4, "providers": ["p0", "p1", "p2"] },
        "egress": { "profile": "nat", "nodes": 2, "providers": ["p0"] },
    });
    let account = |asn: u32| {
        let locations = serde_json::json!({ "eu": "a", "us": "b" });
        serde_json::json!({ "kind": "sim", "asns": [asn], "locations": locations })
    };
    let clients = |country: &str, regions: &[&str]| {
        serde_json::json!({
            "country": country, "asns": [1], "regions": regions, "min_fronts": 1,
        })
    };
    serde_json::from_value(serde_json::json!({
        "fleet": "example",
        "providers": { "p0": account(64_500), "p1": account(64_501), "p2": account(64_502) },
        "profiles": {
            "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": 2 },
            "nat": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": 2 },
        },
        "regions": { "eu": pool, "us": pool },
        "populations": { "ir": clients("IR", &["eu", "us"]), "tm": clients("TM", &["eu"]) },
        "catalog": { "buckets": 4, "fronts_per_bucket": 3 },
    }))
    .unwrap()
}

/// A fleet, as the planner wants it and as it was observed.
#[derive(Debug, Clone)]
pub struct Fleet {
    pub topology: Topology,
    pub blueprint: Blueprint,
    pub inventory: Inventory,
    seed: Seed,
    addresses: u64,
}

/// What a generated node is like.
#[derive(Debug, Clone)]
pub struct Shape {
    pub in_us: bool,
    pub provider: u8,
    pub duty: u8,
    pub stage: u8,
    /// For each address: its own stage, and whether it is of IPv6.
    pub addresses: Vec<(u8, bool)>,
    pub withheld: bool,
}

impl Fleet {
    pub fn empty(seed: u64) -> Self {
        let mut seed = Seed::from_number(seed);
        Self {
            topology: topology(),
            blueprint: Blueprint::genesis(seed.blueprint(), NOW),
            inventory: Inventory::default(),
            seed,
            addresses: 0,
        }
    }

    /// An address that no other has, from anywhere in 128.0.0.0/2, 192.0.0.0/3 or 2000::/3, so
    /// that its first byte is never a letter or digit that stands in a catalog anyway.
    pub fn address(&mut self, six: bool) -> IpAddr {
        self.addresses += 1;
        // An identity is as good a source of evenly spread bits as any.
        let bits = self.seed.node().raw();
        let four = 0x8000_0000 + (bits as u32 % 0x6000_0000);
        let high = u128::from(0x2a00_0000_0000_0000 | bits >> 8) << 64;
        match six {
            true => Ipv6Addr::from(high | u128::from(self.addresses)).into(),
            false => Ipv4Addr::from(four).into(),
        }
    }

    pub fn ingress(&mut self, shape: &Shape) -> NodeId {
        let mut node = self.node(Role::Ingress, shape);
        for (kind, six) in &shape.addresses {
            let id = self.seed.frontdoor();
            let address = self.address(*six);
            self.inventory.frontdoors.insert(id, observed(address, *kind));
            node.frontdoors.insert(id, self.door(id, *kind, shape.withheld));
        }
        self.adopt(node)
    }

    pub fn egress(&mut self, shape: &Shape) -> NodeId {
        let mut node = self.node(Role::Egress, shape);
        for (kind, six) in &shape.addresses {
            let ip = self.egress_ip(*kind, *six);
            node.egress_ips.insert(ip.id, ip);
        }
        self.adopt(node)
    }

    fn door(&self, id: FrontdoorId, kind: u8, withheld: bool) -> Frontdoor {
        let withheld_from = match withheld {
            true => BTreeSet::from([population("ir")]),
            false => BTreeSet::new(),
        };
        Frontdoor {
            id,
            transport: Transport { kind: "shadowsocks".to_owned(), port: 443 },
            created_at: NOW,
            stage: stage(kind),
            replaces: None,
            withheld_from,
            reason: Reason::Operator,
            cost: Usd::ZERO,
        }
    }

    fn egress_ip(&mut self, kind: u8, six: bool) -> EgressIp {
        let id = self.seed.egress_ip();
        let address = self.address(six);
        self.inventory.egress_ips.insert(id, observed(address, kind));
        EgressIp {
            id,
            created_at: NOW,
            stage: stage(kind),
            replaces: None,
            reason: Reason::Operator,
            cost: Usd::ZERO,
        }
    }

    fn node(&mut self, role: Role, shape: &Shape) -> Node {
        Node {
            id: self.seed.node(),
            role,
            region: region(if shape.in_us { "us" } else { "eu" }),
            provider: ProviderName::new(&format!("p{}", shape.provider % 3)).unwrap(),
            profile: ProfileName::new("any").unwrap(),
            machine: "small".to_owned(),
            location: "a".to_owned(),
            created_at: NOW,
            duty: [Duty::Serve, Duty::Standby, Duty::Reserve][usize::from(shape.duty % 3)],
            stage: stage(shape.stage),
            replaces: None,
            reason: Reason::Operator,
            cost: Usd::ZERO,
            frontdoors: Few::new(),
            egress_ips: Few::new(),
        }
    }

    fn adopt(&mut self, node: Node) -> NodeId {
        let id = node.id;
        let machine = ObservedMachine {
            phase: Phase::Ready,
            since: NOW,
            health: Health::Healthy,
            failure: None,
            address: Some(self.address(false)),
            sessions: 0,
        };
        self.inventory.machines.insert(id, machine);
        self.blueprint.nodes.insert(id, node);
        id
    }

    /// The addresses that no client may ever be told of.
    pub fn egress_addresses(&self) -> BTreeSet<IpAddr> {
        let is_egress = |id: &NodeId| self.blueprint.nodes[id].role == Role::Egress;
        let machines = self.inventory.machines.iter().filter(|(id, _)| is_egress(id));
        let machines = machines.filter_map(|(_, m)| m.address);
        let ips = self.inventory.egress_ips.values();
        machines.chain(ips.filter_map(|ip| ip.address)).collect()
    }

    fn egress_ids(&self) -> Vec<(NodeId, EgressIpId)> {
        let nodes = self.blueprint.nodes.values();
        nodes.flat_map(|n| n.egress_ips.keys().map(|ip| (n.id, *ip))).collect()
    }

    /// Changes something of egress, and of nothing else.
    pub fn change_egress(&mut self, change: &EgressChange) {
        let ids = self.egress_ids();
        if let EgressChange::AddNode(shape) = change {
            self.egress(shape);
            return;
        }
        let Some((node, ip)) = change.pick(&ids) else {
            return;
        };
        match change {
            EgressChange::AddNode(_) => {}
            EgressChange::AddIp(_, six) => {
                let new = self.egress_ip(1, *six);
                self.egress_of(node).egress_ips.insert(new.id, new);
            }
            EgressChange::DrainIp(_) => {
                self.egress_of(node).egress_ips.get_mut(&ip).unwrap().stage = stage(2);
            }
            EgressChange::ReplaceIp(_, six) => {
                let address = self.address(*six);
                self.inventory.egress_ips.get_mut(&ip).unwrap().address = Some(address);
            }
            EgressChange::RemoveIp(_) => {
                self.egress_of(node).egress_ips.remove(&ip);
                self.inventory.egress_ips.remove(&ip);
            }
            EgressChange::DrainNode(_) => self.egress_of(node).stage = stage(2),
            EgressChange::RemoveNode(_) => {
                let gone = self.blueprint.nodes.remove(&node).unwrap();
                self.inventory.machines.remove(&node);
                for ip in gone.egress_ips.keys() {
                    self.inventory.egress_ips.remove(ip);
                }
            }
        }
    }

    fn egress_of(&mut self, node: NodeId) -> &mut Node {
        self.blueprint.nodes.get_mut(&node).unwrap()
    }

    /// All that is told: catalogs by the names of their objects.
    pub fn tell(&self, edition: Edition) -> Result<BTreeMap<String, Catalog>, Error> {
        let (channel, key) = (secret().channel("a"), key());
        let mut catalogs = BTreeMap::new();
        for region in self.topology.regions.keys() {
            for (population, _) in self.topology.served_by(region) {
                let told = self.told(region, population);
                if let Err(Error::NoFronts { .. }) = told {
                    continue;
                }
                let told = told?;
                for bucket in 0..self.topology.catalog.buckets {
                    let name = channel.object_name(region, population, bucket);
                    catalogs.insert(name.to_string(), told.catalog(&key, bucket, edition)?);
                }
            }
        }
        Ok(catalogs)
    }

    /// All that is published: signed bytes by the names of their objects.
    pub fn publish(&self, edition: Edition) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let key = online();
        let sealed = |c: Catalog| c.seal(&[&key]).to_bytes();
        let told = self.tell(edition)?.into_iter();
        Ok(told.map(|(name, catalog)| (name, sealed(catalog))).collect())
    }

    pub fn told(&self, region: &RegionName, population: &PopulationName) -> Result<Told, Error> {
        Told::new(&self.blueprint, &self.topology, &self.inventory, region, population)
    }
}

pub fn edition(version: u64) -> Edition {
    Edition { version, not_before: NOW, expires: NOW + damm_fleet::Span::from_hours(6) }
}

pub fn secret() -> FleetSecret {
    FleetSecret::new([3; 32])
}

pub fn key() -> AssignKey {
    secret().assign_key()
}

pub fn online() -> SecretKey {
    SecretKey::new(&[4; 32])
}

/// 0 and 1: live; 2: draining; 3: building.
pub fn stage(kind: u8) -> Stage {
    match kind % 4 {
        0 | 1 => Stage::Live { since: NOW },
        2 => Stage::Draining { since: NOW, deadline: NOW, why: Reason::Operator },
        _ => Stage::Building,
    }
}

pub fn observed(address: IpAddr, kind: u8) -> ObservedAddress {
    let announced = kind.is_multiple_of(4);
    ObservedAddress {
        phase: if kind % 4 == 3 { Phase::Present } else { Phase::Ready },
        since: NOW,
        address: Some(address),
        asn: announced.then_some(Asn(64_500)),
        sessions: 0,
        named_until: None,
        resolvable_until: None,
        failure: None,
        learned_by: 0,
    }
}

pub fn shape() -> impl Strategy<Value = Shape> {
    // Most are in service, so that catalogs have something to tell.
    let duty = prop_oneof![6 => Just(0u8), 1 => Just(1), 1 => Just(2)];
    let stage = || prop_oneof![6 => 0..2u8, 1 => Just(2), 1 => Just(3)];
    let addresses = prop::collection::vec((stage(), any::<bool>()), 1..4);
    let withheld = prop::bool::weighted(0.2);
    (any::<bool>(), 0..3u8, duty, stage(), addresses, withheld).prop_map(
        |(in_us, provider, duty, stage, addresses, withheld)| Shape {
            in_us,
            provider,
            duty,
            stage,
            addresses,
            withheld,
        },
    )
}

pub fn fleet() -> impl Strategy<Value = Fleet> {
    // Most faults show in small fleets, which are soon made; some need more.
    let some = |count| prop::collection::vec(shape(), count);
    let many = || prop_oneof![6 => some(1..4), 3 => some(4..7), 1 => some(7..13)];
    (any::<u64>(), many(), many()).prop_map(|(seed, ingress, egress)| {
        let mut fleet = Fleet::empty(seed);
        for shape in &ingress {
            fleet.ingress(shape);
        }
        for shape in &egress {
            fleet.egress(shape);
        }
        fleet
    })
}

/// A change of egress; the index picks an address, and with it its node.
#[derive(Debug, Clone)]
pub enum EgressChange {
    AddIp(usize, bool),
    DrainIp(usize),
    ReplaceIp(usize, bool),
    RemoveIp(usize),
    AddNode(Shape),
    DrainNode(usize),
    RemoveNode(usize),
}

impl EgressChange {
    fn pick(&self, ids: &[(NodeId, EgressIpId)]) -> Option<(NodeId, EgressIpId)> {
        match self {
            Self::AddNode(_) => None,
            Self::AddIp(i, _)
            | Self::DrainIp(i)
            | Self::ReplaceIp(i, _)
            | Self::RemoveIp(i)
            | Self::DrainNode(i)
            | Self::RemoveNode(i) => (!ids.is_empty()).then(|| ids[i % ids.len()]),
        }
    }
}

pub fn egress_change() -> impl Strategy<Value = EgressChange> {
    let index = any::<usize>;
    prop_oneof![
        (index(), any::<bool>()).prop_map(|(i, six)| EgressChange::AddIp(i, six)),
        index().prop_map(EgressChange::DrainIp),
        (index(), any::<bool>()).prop_map(|(i, six)| EgressChange::ReplaceIp(i, six)),
        index().prop_map(EgressChange::RemoveIp),
        shape().prop_map(EgressChange::AddNode),
        index().prop_map(EgressChange::DrainNode),
        index().prop_map(EgressChange::RemoveNode),
    ]
}
