//! One node with one address, at any stage and phase: what the pure parts are tested on.

use std::net::IpAddr;
use std::ops::{Deref, DerefMut};

use damm_fleet::blueprint::{RecordKey, RecordSet, Target, TargetKey};
use damm_fleet::node::{Duty, Frontdoor};
use damm_fleet::{
    BalancerName, Blueprint, BlueprintId, EgressIp, EgressIpId, Few, FrontdoorId, Node, NodeId,
    Offers, Phase, ProviderName, Reason, RegionName, Resource, Role, Seed, Span, Stage, Subject,
    Timestamp, Topology, Usd,
};
use damm_store::{Exposure, StoredReport};
use serde_json::json;

use crate::due::{Due, View, due_steps};
use crate::world::World;

/// The moment at which every scene plays: long after everything in it happened.
pub(crate) const NOW: i64 = 10_000_000;

pub(crate) fn at(s: i64) -> Timestamp {
    Timestamp::from_millis(s * 1_000)
}

pub(crate) fn provider() -> ProviderName {
    ProviderName::new("left").unwrap()
}

pub(crate) fn address() -> IpAddr {
    "203.0.113.7".parse().unwrap()
}

pub(crate) fn leaving() -> Stage {
    Stage::Leaving { since: at(NOW) - Span::from_secs(10), why: Reason::Drained }
}

pub(crate) const fn live() -> Stage {
    Stage::Live { since: Timestamp::EPOCH }
}

/// Everything that due steps are compiled from.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) topology: Topology,
    pub(crate) offers: Offers,
    pub(crate) world: World,
    pub(crate) now: Timestamp,
    pub(crate) node: NodeId,
    pub(crate) subject: Subject,
}

impl Deref for Scene {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

fn topology() -> Topology {
    let pool =
        |profile: &str, count: &str| json!({ "profile": profile, count: 1, "providers": ["left"] });
    let text = json!({
        "fleet": "example",
        "providers": { "left": {
            "kind": "sim", "asns": [64_500], "locations": { "north": "n1" }
        } },
        "profiles": {
            "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": 1,
                      "transports": [ { "kind": "shadowsocks", "port": 443 } ] },
            "nat": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": 1 }
        },
        "regions": { "north": { "ingress": pool("edge", "live"), "egress": pool("nat", "nodes") } },
        "populations": { "ir": {
            "country": "IR", "asns": [1], "regions": ["north"], "min_fronts": 1
        } },
        "balancers": [ { "name": "front", "provider": "left", "region": "north", "port": 443 } ]
    });
    serde_json::from_value(text).unwrap()
}

fn node(role: Role, id: NodeId, stage: Stage) -> Node {
    Node {
        id,
        role,
        region: RegionName::new("north").unwrap(),
        provider: provider(),
        profile: damm_fleet::ProfileName::new("edge").unwrap(),
        machine: "small".to_owned(),
        location: "n1".to_owned(),
        created_at: Timestamp::EPOCH,
        duty: Duty::Serve,
        stage,
        replaces: None,
        reason: Reason::Operator,
        cost: Usd::ZERO,
        frontdoors: Few::new(),
        egress_ips: Few::new(),
    }
}

impl Scene {
    /// An ingress node with one door, both at a stage, both of whose rows are in a phase.
    pub(crate) fn ingress(stage: Stage, phase: Phase) -> Self {
        let mut seed = Seed::from_number(1);
        let (node_id, door) = (seed.node(), seed.frontdoor());
        let mut node = node(Role::Ingress, node_id, stage.clone());
        let frontdoor = Frontdoor {
            id: door,
            transport: damm_fleet::topology::Transport {
                kind: "shadowsocks".to_owned(),
                port: 443,
            },
            created_at: Timestamp::EPOCH,
            stage,
            replaces: None,
            withheld_from: [].into(),
            reason: Reason::Operator,
            cost: Usd::ZERO,
        };
        node.frontdoors.insert(door, frontdoor);
        Self::with(node, door.into(), phase)
    }

    /// An egress node with one address.
    pub(crate) fn egress(stage: Stage, phase: Phase) -> Self {
        let mut seed = Seed::from_number(2);
        let (node_id, ip): (NodeId, EgressIpId) = (seed.node(), seed.egress_ip());
        let mut node = node(Role::Egress, node_id, stage.clone());
        let egress_ip = EgressIp {
            id: ip,
            created_at: Timestamp::EPOCH,
            stage,
            replaces: None,
            reason: Reason::Operator,
            cost: Usd::ZERO,
        };
        node.egress_ips.insert(ip, egress_ip);
        Self::with(node, ip.into(), phase)
    }

    fn with(node: Node, subject: Subject, phase: Phase) -> Self {
        let topology = topology();
        let mut blueprint = Blueprint::genesis(BlueprintId::from_raw(1), Timestamp::EPOCH);
        let id = node.id;
        blueprint.generation = 3;
        blueprint.nodes.insert(id, node);
        let mut scene = Self {
            offers: Offers::of(&topology),
            topology,
            world: World { blueprint, ..World::empty() },
            now: at(NOW),
            node: id,
            subject,
        };
        for subject in [id.into(), subject] {
            let mut row = Resource::wanted(subject, id, provider(), Timestamp::EPOCH);
            row.phase = phase;
            if phase.may_exist() {
                row.provider_ref = Some(format!("ref-{subject}"));
            }
            scene.rows.insert(subject, row);
        }
        if phase.may_exist() {
            scene.address_row().address = Some(address());
        }
        scene.attach(phase == Phase::Ready);
        scene
    }

    pub(crate) fn machine_row(&mut self) -> &mut Resource {
        self.world.rows.get_mut(&Subject::Node(self.node)).unwrap()
    }

    pub(crate) fn address_row(&mut self) -> &mut Resource {
        self.world.rows.get_mut(&self.subject).unwrap()
    }

    pub(crate) fn attach(&mut self, attached: bool) {
        self.address_row().attached = attached;
    }

    pub(crate) fn node_mut(&mut self) -> &mut Node {
        self.world.blueprint.nodes.get_mut(&self.node).unwrap()
    }

    /// The agent was told of what it should do now.
    pub(crate) fn told(mut self) -> Self {
        let orders = self.look(|v| v.orders(&v.blueprint.nodes[&self.node]));
        let digest = crate::due::orders_digest(&orders);
        self.world.told.orders.insert(self.node, digest);
        self
    }

    /// Its agent has said just now that the address holds sessions.
    pub(crate) fn busy(mut self, sessions: u64) -> Self {
        let report = StoredReport {
            heard_at: self.now,
            healthy: true,
            sessions: [(self.subject, sessions)].into(),
            ..StoredReport::default()
        };
        self.world.reports.insert(self.node, report);
        self
    }

    pub(crate) fn door(&self) -> FrontdoorId {
        match self.subject {
            Subject::Frontdoor(id) => id,
            other => panic!("{other} is no door"),
        }
    }

    pub(crate) fn named_until(mut self, until: Timestamp) -> Self {
        let exposure = Exposure { named_until: Some(until), ..Exposure::default() };
        let door = self.door();
        self.exposures.insert(door, exposure);
        self
    }

    pub(crate) fn record() -> (RecordKey, RecordSet) {
        let key = RecordKey {
            provider: provider(),
            zone: "example.org".to_owned(),
            name: "north.example.org".to_owned(),
        };
        let set = RecordSet { addresses: [address()].into(), ttl: Span::from_mins(5) };
        (key, set)
    }

    pub(crate) fn target(&self) -> (TargetKey, Target) {
        let key = TargetKey { balancer: BalancerName::new("front").unwrap(), node: self.node };
        let target = Target { address: address(), port: 443, draining: false };
        (key, target)
    }

    pub(crate) fn look<T>(&self, at: impl FnOnce(&View<'_>) -> T) -> T {
        let mut world = self.world.clone();
        world.reindex();
        at(&world.view(&self.topology, &self.offers, self.now))
    }

    pub(crate) fn due(&self) -> Due {
        self.look(due_steps)
    }

    /// The names of the steps that are due, in order.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.due().steps.iter().map(|s| s.call.name()).collect()
    }

    /// Why nothing is due about something, in words.
    pub(crate) fn holds(&self) -> Vec<String> {
        self.due().held.iter().map(|h| h.hold.to_string()).collect()
    }

    pub(crate) fn translated_addresses(mut self) -> Self {
        let offer = self.offers.0.get_mut(&provider()).unwrap();
        offer.capabilities.translated_addresses = true;
        self
    }

    pub(crate) fn fixed_addresses(mut self) -> Self {
        let offer = self.offers.0.get_mut(&provider()).unwrap();
        offer.capabilities.movable_addresses = false;
        self
    }
}
