//! The planner's picture of the world, from what is stored: it needs no network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_fleet::inventory::{Health, ObservedAddress, ObservedMachine};
use damm_fleet::{Inventory, Resource, Span, Subject, Timestamp};
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
    let world = World::observed(World::empty(), store).await?;
    Ok(assemble(&world, dead_after, now))
}

pub(crate) fn assemble(world: &World, dead_after: Span, now: Timestamp) -> Inventory {
    let mut inventory = Inventory {
        providers: world.providers.clone(),
        catalogs: world.told.catalogs.clone(),
        transports: world.transports.clone(),
        ..Inventory::default()
    };
    let resolvable = resolvable(world, now);
    for row in world.rows.values() {
        let report = world.reports.get(&row.node);
        match row.subject {
            Subject::Node(id) => {
                let machine = machine(row, report, dead_after, now);
                inventory.machines.insert(id, machine);
            }
            Subject::Frontdoor(id) => {
                let mut exposure = world.exposures.get(&id).copied().unwrap_or_default();
                let told = row.address.and_then(|a| resolvable.get(&a));
                exposure.resolvable_until = exposure.resolvable_until.max(told.copied());
                let address = address(row, report, exposure);
                inventory.frontdoors.insert(id, address);
            }
            Subject::EgressIp(id) => {
                let address = address(row, report, Exposure::default());
                inventory.egress_ips.insert(id, address);
            }
        }
    }
    inventory
}

/// Addresses that a DNS record names now: they would stay in caches for its time to live if it were
/// taken away at once.
fn resolvable(world: &World, now: Timestamp) -> BTreeMap<IpAddr, Timestamp> {
    let mut until = BTreeMap::new();
    for (set, _) in world.told.records.values() {
        let addresses: &BTreeSet<IpAddr> = &set.addresses;
        for address in addresses {
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

fn address(row: &Resource, report: Option<&StoredReport>, exposure: Exposure) -> ObservedAddress {
    let sessions = report.and_then(|r| r.sessions.get(&row.subject));
    ObservedAddress {
        phase: row.phase,
        since: row.since,
        address: row.address,
        asn: row.asn,
        sessions: sessions.copied().unwrap_or(0),
        named_until: exposure.named_until,
        resolvable_until: exposure.resolvable_until,
        failure: row.failure.as_ref().map(|f| f.class),
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
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1_000)
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
