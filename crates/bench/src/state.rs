//! A state file of a whole fleet in service, made by the planner itself in an ideal world.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Result, ensure};
use damm_engine::inventory;
use damm_fleet::inventory::ObservedCatalog;
use damm_fleet::{
    Asn, Blueprint, Diff, Few, FrontdoorId, Network, Node, NodeId, Offers, Origin, Phase,
    ProviderName, Resource, Role, Seed, Span, State, Timestamp, Topology, Verdict, Verdicts,
};
use damm_planner::{Plan, Situation, plan};
use damm_store::{Access, Exposure, Store, StoredReport};
use futures::future::try_join_all;

/// When the fleet was planned: 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// Writes that share a commit.
const TOGETHER: usize = 512;

/// When it is looked at.
pub fn now() -> Timestamp {
    START + Span::from_hours(1)
}

/// Where clients stand that verdicts are of: among those of the first population.
fn network() -> Result<Network> {
    Ok("IR/AS58224".parse()?)
}

/// A plan from what is stored, as `damm plan` makes one.
pub async fn plan_from(
    store: &Store,
    topology: &Topology,
    judge: impl FnOnce(&Situation<'_>, &Plan) -> Result<()>,
) -> Result<Plan> {
    let parent = store.target().await?;
    let inventory = inventory::stored(store, topology.rotation.dead_after, now()).await?;
    let verdicts = store.verdicts().await?;
    let offers = Offers::of(topology);
    let situation = Situation {
        topology,
        parent: &parent,
        inventory: &inventory,
        offers: &offers,
        verdicts: &verdicts,
        now: now(),
        destroys_used: 0,
    };
    let next = plan(&situation, Seed::from_number(parent.generation + 1));
    judge(&situation, &next)?;
    Ok(next)
}

async fn set(store: &Store, blueprint: &Blueprint, diff: &Diff) -> Result<()> {
    let report = serde_json::json!(null);
    Ok(store.set_target(blueprint, diff, &report, "bench").await?)
}

/// Makes the state of a fleet in service; nothing is left to be planned for it.
pub async fn make(path: &Path, topology: &Topology) -> Result<()> {
    let store = Store::open(path, Access::Write).await?;
    store.bind_fleet(&topology.fleet).await?;
    let mut rounds = 0;
    loop {
        let next = plan_from(&store, topology, |_, _| Ok(())).await?;
        if next.diff.is_empty() {
            break;
        }
        set(&store, &next.blueprint, &next.diff).await?;
        bring_up(&store, topology).await?;
        rounds += 1;
        ensure!(rounds < 10, "the plan of a new fleet does not come to rest");
    }
    publish(&store, &store.target().await?).await?;
    Ok(store.close().await?)
}

/// All that is wanted stands, and is well.
async fn bring_up(store: &Store, topology: &Topology) -> Result<()> {
    let mut given: BTreeMap<ProviderName, u32> = BTreeMap::new();
    let mut reports: BTreeMap<NodeId, StoredReport> = BTreeMap::new();
    let mut rows = store.resources().await?;
    rows.retain(|r| r.phase == Phase::Wanted);
    for row in &mut rows {
        let account = topology.providers.keys().position(|p| *p == row.provider);
        let drawn = given.entry(row.provider.clone()).or_default();
        *drawn += 1;
        raise(row, account.unwrap_or(0) as u32, *drawn);
        let report = reports.entry(row.node).or_insert_with(|| StoredReport {
            heard_at: now(),
            healthy: true,
            since: START,
            generation: 1,
            ..StoredReport::default()
        });
        report.sessions.insert(row.subject, 100);
    }
    for part in rows.chunks(5_000) {
        store.put_resources(part).await?;
    }
    Ok(store.put_reports(&reports).await?)
}

/// A million addresses of 10.0.0.0/8 for each account.
fn raise(row: &mut Resource, account: u32, drawn: u32) {
    row.phase = Phase::Ready;
    row.provider_ref = Some(format!("{}-{drawn:06}", row.provider));
    row.address = Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | (account << 20) | drawn)));
    row.asn = Some(Asn(64_500 + account));
    row.attached = true;
}

/// All that the outside is to be told is told.
async fn publish(store: &Store, blueprint: &Blueprint) -> Result<()> {
    let records: Vec<_> = blueprint.records.iter().collect();
    for part in records.chunks(TOGETHER) {
        let put = part.iter().map(|(k, set)| store.put_applied_record(k, Some(set), now()));
        try_join_all(put).await?;
    }
    let digest = "0".repeat(64);
    let nodes: Vec<&Node> = blueprint.nodes.values().collect();
    for part in nodes.chunks(TOGETHER) {
        let put = part.iter().map(|n| store.put_applied_orders(n.id, Some(&digest)));
        try_join_all(put).await?;
    }
    let expires_at = now() + Span::from_hours(23);
    for (region, catalog) in &blueprint.catalogs {
        let (serial, published_at) = (catalog.serial, now());
        let seen = ObservedCatalog { serial, published_at, expires_at };
        store.put_catalog(region, &seen).await?;
    }
    let exposure = Exposure { named_until: Some(expires_at), ..Exposure::default() };
    let doors = nodes.iter().flat_map(|n| n.frontdoors.keys());
    let told: Vec<(FrontdoorId, Exposure)> = doors.map(|d| (*d, exposure)).collect();
    store.expose(&told).await?;
    store.put_verdicts(&verdicts(blueprint, None)?).await?;
    Ok(())
}

/// Every door was seen to be reachable but one.
fn verdicts(blueprint: &Blueprint, blocked: Option<FrontdoorId>) -> Result<Verdicts> {
    let network = network()?;
    let of = |door: &FrontdoorId| {
        let state = match Some(*door) == blocked {
            true => State::Blocked,
            false => State::Reachable,
        };
        let (since, evidence) = (START, "300 of 300 probes".to_owned());
        let verdict = Verdict::new(state, since, evidence);
        (*door, Few::from([(network, verdict)]))
    };
    let doors = blueprint.nodes.values().flat_map(|n| n.frontdoors.keys());
    Ok(Verdicts(doors.map(of).collect()))
}

/// One front door of the first population is found blocked.
pub async fn block_one(path: &Path) -> Result<()> {
    let store = Store::open(path, Access::Write).await?;
    let target = store.target().await?;
    let first = "region-0".parse()?;
    let mut doors = target.pool(&first, Role::Ingress).flat_map(|n| n.frontdoors.keys());
    store.put_verdicts(&verdicts(&target, doors.next().copied())?).await?;
    Ok(store.close().await?)
}

/// All doors can be reached again, and those of one node are a month old.
pub async fn age_one(path: &Path) -> Result<()> {
    let store = Store::open(path, Access::Write).await?;
    let target = store.target().await?;
    store.put_verdicts(&verdicts(&target, None)?).await?;
    let id = Seed::from_number(target.generation + 1).blueprint();
    let mut child = target.child(id, now(), Origin::Planner);
    let node = child.nodes.values_mut().find(|n| n.serves());
    for door in node.into_iter().flat_map(|n| n.frontdoors.values_mut()) {
        door.created_at = START - Span::from_days(30);
    }
    let diff = Diff::between(&target, &child);
    set(&store, &child, &diff).await?;
    Ok(store.close().await?)
}
