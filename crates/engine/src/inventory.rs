//! The planner's picture of the world, from what is stored: it needs no network.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, btree_map};
use std::iter::Peekable;
use std::net::IpAddr;
use std::vec;

use damm_fleet::blueprint::RecordSet;
use damm_fleet::inventory::{Health, ObservedAddress, ObservedMachine};
use damm_fleet::{FrontdoorId, Inventory, NodeId, Resource, Span, Subject, Timestamp};
use damm_store::{Exposure, Store, StoredReport};

use crate::world::World;

/// Assembles what was last observed.
///
/// # Errors
///
/// Failures of the store.
pub async fn stored(
    store: &Store,
    dead_after: Span,
    now: Timestamp,
) -> damm_store::Result<Inventory> {
    let rows = store.resources().await?;
    let resolvable = resolvable(&store.applied_record_sets().await?, now);
    let exposures = store.exposures().await?;
    let reports = store.reports().await?;
    let beside = Beside::of(&exposures, &reports, resolvable);
    Ok(Inventory {
        providers: store.providers().await?,
        catalogs: store.catalogs().await?,
        transports: crate::world::transports(store).await?,
        lessons: store.history().await?.lessons(now),
        ..observed(rows.iter(), beside, dead_after, now)
    })
}

pub(crate) fn assemble(world: &World, dead_after: Span, now: Timestamp) -> Inventory {
    let sets = world.told.records.values().map(|(set, _)| set);
    let beside = Beside::of(&world.exposures, &world.reports, resolvable(sets, now));
    Inventory {
        providers: world.providers.clone(),
        catalogs: world.told.catalogs.clone(),
        transports: world.transports.clone(),
        lessons: world.history.as_ref().map(|h| h.lessons(now)).unwrap_or_default(),
        ..observed(world.rows.values(), beside, dead_after, now)
    }
}

/// What is known beside the rows, in the rows' order: a large fleet's would be slow to look up.
struct Beside<'a> {
    exposures: InOrder<btree_map::Iter<'a, FrontdoorId, Exposure>>,
    reports: InOrder<btree_map::Iter<'a, NodeId, StoredReport>>,
    sessions: InOrder<vec::IntoIter<((Subject, NodeId), u64)>>,
    /// By address, so in no order of the rows.
    resolvable: HashMap<IpAddr, Timestamp>,
}

impl<'a> Beside<'a> {
    fn of(
        exposures: &'a BTreeMap<FrontdoorId, Exposure>,
        reports: &'a BTreeMap<NodeId, StoredReport>,
        resolvable: HashMap<IpAddr, Timestamp>,
    ) -> Self {
        let each = |(node, report): (&NodeId, &'a StoredReport)| {
            let node = *node;
            report.sessions.iter().map(move |(subject, n)| ((*subject, node), *n))
        };
        let mut sessions: Vec<((Subject, NodeId), u64)> = reports.iter().flat_map(each).collect();
        sessions.sort_unstable();
        Self {
            exposures: InOrder(exposures.iter().peekable()),
            reports: InOrder(reports.iter().peekable()),
            sessions: InOrder(sessions.into_iter().peekable()),
            resolvable,
        }
    }
}

/// Entries that are asked for in the order of their keys.
struct InOrder<I: Iterator>(Peekable<I>);

impl<K, V, I: Iterator<Item = (K, V)>> InOrder<I> {
    /// The value of a key that comes after all that were asked for.
    fn next<Q: Ord>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        while self.0.next_if(|(known, _)| known.borrow() < key).is_some() {}
        self.0.next_if(|(known, _)| known.borrow() == key).map(|(_, value)| value)
    }
}

/// What was observed of all that has a row; the rows come in order of their subjects.
fn observed<'a>(
    rows: impl Iterator<Item = &'a Resource>,
    mut beside: Beside<'_>,
    dead_after: Span,
    now: Timestamp,
) -> Inventory {
    let (mut machines, mut frontdoors, mut egress_ips) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row.subject {
            Subject::Node(id) => {
                let report = beside.reports.next(&id);
                machines.push((id, machine(row, report, dead_after, now)));
            }
            Subject::Frontdoor(id) => {
                let mut exposure = beside.exposures.next(&id).copied().unwrap_or_default();
                // The address of what has gone may be another door's by now, and named for that.
                let held = row.address.filter(|_| row.phase.may_exist());
                let told = held.and_then(|a| beside.resolvable.get(&a));
                exposure.resolvable_until = exposure.resolvable_until.max(told.copied());
                let sessions = beside.sessions.next(&(row.subject, row.node));
                frontdoors.push((id, address(row, sessions, exposure)));
            }
            Subject::EgressIp(id) => {
                let sessions = beside.sessions.next(&(row.subject, row.node));
                egress_ips.push((id, address(row, sessions, Exposure::default())));
            }
        }
    }
    Inventory {
        machines: machines.into_iter().collect(),
        frontdoors: frontdoors.into_iter().collect(),
        egress_ips: egress_ips.into_iter().collect(),
        ..Inventory::default()
    }
}

/// Addresses that a DNS record names now: they would stay in caches for its time to live if it were
/// taken away at once.
fn resolvable<'a>(
    sets: impl IntoIterator<Item = &'a RecordSet>,
    now: Timestamp,
) -> HashMap<IpAddr, Timestamp> {
    let mut until = HashMap::new();
    for set in sets {
        for address in &set.addresses {
            let known = until.entry(*address).or_insert(now + set.ttl);
            *known = (*known).max(now + set.ttl);
        }
    }
    until
}

fn machine(
    row: &Resource,
    report: Option<&StoredReport>,
    dead_after: Span,
    now: Timestamp,
) -> ObservedMachine {
    ObservedMachine {
        phase: row.phase,
        since: row.since,
        health: health(report, dead_after, now),
        failure: row.failure.as_ref().map(|f| f.class),
        address: row.address,
        sessions: report.map_or(0, |r| r.sessions.values().sum()),
    }
}

fn address(row: &Resource, sessions: Option<u64>, exposure: Exposure) -> ObservedAddress {
    ObservedAddress {
        phase: row.phase,
        since: row.since,
        address: row.address,
        asn: row.asn,
        sessions: sessions.unwrap_or(0),
        named_until: exposure.named_until,
        resolvable_until: exposure.resolvable_until,
        failure: row.failure.as_ref().map(|f| f.class),
        learned_by: exposure.learned_by,
    }
}

/// What an agent's last words, or its silence, say of it.
pub fn health(report: Option<&StoredReport>, dead_after: Span, now: Timestamp) -> Health {
    match report {
        None => Health::Unseen,
        Some(r) if now.since(r.heard_at) > dead_after => Health::Unhealthy { since: r.heard_at },
        Some(r) if r.healthy => Health::Healthy,
        Some(r) => Health::Unhealthy { since: r.since },
    }
}

#[cfg(test)]
mod tests {
    use damm_fleet::Phase;

    use super::*;
    use crate::scene::{Scene, at, live};

    #[test]
    fn a_name_keeps_a_door_that_may_exist_and_no_door_that_is_gone() {
        let mut scene = Scene::ingress(live(), Phase::Ready);
        let (key, set) = Scene::record();
        let until = scene.now + set.ttl;
        scene.told.records.insert(key, (set, at(0)));
        let resolvable = |scene: &Scene| {
            let inventory = assemble(scene, Span::from_mins(1), scene.now);
            inventory.frontdoors[&scene.door()].resolvable_until
        };
        assert_eq!(resolvable(&scene), Some(until));
        scene.address_row().phase = Phase::Gone;
        assert_eq!(resolvable(&scene), None);
    }

    #[test]
    fn a_long_silence_is_ill_health_since_the_last_word() {
        let report = StoredReport {
            heard_at: at(100),
            healthy: true,
            since: at(10),
            ..StoredReport::default()
        };
        let after = |s| health(Some(&report), Span::from_secs(60), at(s));
        assert_eq!(after(160), Health::Healthy);
        assert_eq!(after(161), Health::Unhealthy { since: at(100) });
    }

    #[test]
    fn an_agent_that_says_it_is_ill_is_ill_since_it_said_so() {
        let report = StoredReport { heard_at: at(100), since: at(40), ..StoredReport::default() };
        let health = |r| health(r, Span::from_secs(60), at(110));
        assert_eq!(health(Some(&report)), Health::Unhealthy { since: at(40) });
        assert_eq!(health(None), Health::Unseen);
    }
}
