//! Small fleets to be stored.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::{Path, PathBuf};

use damm_fleet::blueprint::{Catalog, RecordKey, RecordSet, Target, TargetKey};
use damm_fleet::{
    Blueprint, Diff, Duty, EgressIp, Frontdoor, FrontdoorId, Node, NodeId, Origin, Phase, Reason,
    RegionName, Resource, Role, Seed, Span, Stage, Subject, Timestamp, Usd,
};
use damm_store::{Access, Intent, Result, Store};
use serde_json::json;
use tempfile::TempDir;

/// A directory of its own, and the path of a state in it.
pub struct Room {
    pub dir: TempDir,
    pub path: PathBuf,
}

impl Room {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("damm.db");
        Self { dir, path }
    }

    pub async fn write(&self) -> Result<Store> {
        Store::open(&self.path, Access::Write).await
    }

    pub async fn read(&self) -> Result<Store> {
        Store::open(&self.path, Access::Read).await
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

pub fn door(seed: &mut Seed) -> Frontdoor {
    Frontdoor {
        id: seed.frontdoor(),
        transport: serde_json::from_value(json!({ "kind": "shadowsocks", "port": 443 })).unwrap(),
        created_at: at(1),
        stage: Stage::Live { since: at(90) },
        replaces: None,
        withheld_from: Default::default(),
        reason: Reason::BelowTarget { have: 1, want: 3 },
        cost: Usd::from_mills(500),
    }
}

pub fn egress_ip(seed: &mut Seed) -> EgressIp {
    EgressIp {
        id: seed.egress_ip(),
        created_at: at(1),
        stage: Stage::Building,
        replaces: None,
        reason: Reason::Operator,
        cost: Usd::from_mills(400),
    }
}

pub fn node(seed: &mut Seed, role: Role, addresses: usize) -> Node {
    let (mut doors, mut ips) = (Vec::new(), Vec::new());
    for _ in 0..addresses {
        match role {
            Role::Ingress => doors.push(door(seed)),
            Role::Egress => ips.push(egress_ip(seed)),
        }
    }
    Node {
        id: seed.node(),
        role,
        region: "eu-north".parse().unwrap(),
        provider: "sim-a".parse().unwrap(),
        profile: "edge".parse().unwrap(),
        machine: "cx22".to_owned(),
        location: "a1".to_owned(),
        created_at: at(1),
        duty: Duty::Serve,
        stage: Stage::Building,
        replaces: None,
        reason: Reason::BelowTarget { have: 1, want: 3 },
        cost: Usd::from_mills(4_500),
        frontdoors: doors.into_iter().map(|d| (d.id, d)).collect(),
        egress_ips: ips.into_iter().map(|e| (e.id, e)).collect(),
    }
}

pub fn record(name: &str, last: u8) -> (RecordKey, RecordSet) {
    let key = RecordKey {
        provider: "sim-a".parse().unwrap(),
        zone: "example.net".to_owned(),
        name: format!("{name}.example.net"),
    };
    let addresses = [format!("198.51.100.{last}").parse().unwrap()].into();
    let ttl = Span::from_secs(60);
    (key, RecordSet { addresses, ttl })
}

pub fn balancer_target(node: NodeId) -> (TargetKey, Target) {
    let balancer = "front".parse().unwrap();
    let target = Target { address: "2001:db8::7".parse().unwrap(), port: 443, draining: false };
    (TargetKey { balancer, node }, target)
}

pub fn catalog(serial: u64) -> (RegionName, Catalog) {
    let planned_at = at(100);
    ("eu-north".parse().unwrap(), Catalog { serial, planned_at, policy: "p".to_owned() })
}

/// A child of the state's target, changed by `edit`.
pub async fn child(store: &Store, seed: &mut Seed, edit: impl FnOnce(&mut Blueprint)) -> Blueprint {
    let parent = store.target().await.unwrap();
    let mut child = parent.child(seed.blueprint(), at(1_000), Origin::Planner);
    edit(&mut child);
    child
}

/// Makes `next` the target.
pub async fn set(store: &Store, next: &Blueprint) -> Result<()> {
    let diff = Diff::between(&store.target().await?, next);
    store.set_target(next, &diff, &json!({ "waits": [] }), "tester").await
}

/// Adds nodes to the target.
pub async fn add(store: &Store, seed: &mut Seed, nodes: &[Node]) -> Blueprint {
    let next = child(store, seed, |b| {
        b.nodes.extend(nodes.iter().map(|n| (n.id, n.clone())));
    });
    let next = next.await;
    set(store, &next).await.unwrap();
    next
}

pub fn resource(node: &Node, phase: Phase) -> Resource {
    let mut resource = Resource::wanted(node.id.into(), node.id, node.provider.clone(), at(5));
    resource.phase = phase;
    resource
}

pub fn subjects(node: &Node) -> Vec<Subject> {
    let doors = node.frontdoors.keys().map(|id| Subject::from(*id));
    let ips = node.egress_ips.keys().map(|id| Subject::from(*id));
    std::iter::once(node.id.into()).chain(doors).chain(ips).collect()
}

pub fn first_door(node: &Node) -> FrontdoorId {
    *node.frontdoors.keys().next().unwrap()
}

pub fn intent(blueprint: &Blueprint, subject: Subject, key: &str) -> Intent {
    Intent {
        blueprint: blueprint.id,
        verb: damm_fleet::Verb::CreateIngress,
        step: "machine.create".to_owned(),
        subject: Some(subject),
        object: String::new(),
        provider: Some("sim-a".parse().unwrap()),
        key: key.to_owned(),
        at: at(7),
    }
}

/// Runs the system's `sqlite3` semantics through a connection of the test's own, past the store.
pub async fn tamper(path: &Path, sql: &'static str) {
    use sqlx::{ConnectOptions, Connection};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut conn = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}
