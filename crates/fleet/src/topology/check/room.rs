//! Whether what the topology asks for fits into its providers' limits and its budget.

use super::Finding;
use super::placement::Placement;
use super::view::Pool;
use crate::name::ProviderName;
use crate::offer::Offers;
use crate::topology::path::Path;
use crate::topology::{PoolProvider, Provider, Topology};
use crate::units::Usd;

/// Pools that their providers can't hold, and a budget that can't hold the least fleet.
pub fn check(topology: &Topology, offers: &Offers) -> Vec<Finding> {
    let pools: Vec<_> = Pool::all(topology).collect();
    let narrow: Vec<_> = pools.iter().filter_map(|p| too_narrow(topology, *p)).collect();
    // A pool that does not fit alone does not fit beside others either, and needs no telling twice.
    let rest = match narrow.is_empty() {
        true => together(topology, &pools),
        false => narrow,
    };
    rest.into_iter().chain(budget(topology, offers, &pools)).chain(unused_entries(&pools)).collect()
}

/// Pools share accounts, so each may fit alone and not all of them together.
fn together(topology: &Topology, pools: &[Pool<'_>]) -> Vec<Finding> {
    match accounts(topology, pools) {
        Some(finding) => vec![finding],
        None => (0..pools.len()).filter_map(|at| too_tight(topology, pools, at)).collect(),
    }
}

/// A replacement is made before what it replaces is taken down: a pool needs room for one more.
fn too_tight(topology: &Topology, pools: &[Pool<'_>], at: usize) -> Option<Finding> {
    let pool = pools.get(at)?;
    let mut wanted: Vec<_> = pools.iter().map(|p| p.size(topology)).collect();
    if let Some(own) = wanted.get_mut(at).filter(|own| **own > 0) {
        *own += 1;
    }
    let all: u64 = wanted.iter().sum();
    let placed = placement(topology, pools, &wanted).fill();
    let message = format!(
        "the providers of the {} pool of `{}` have no room for a replacement",
        pool.role, pool.region
    );
    (placed < all).then(|| {
        Finding::warning(pool.count_path(), message)
            .related(pool.path().key("providers"), "its providers")
            .help(
                "a replacement is made before what it replaces is taken down: raise their `max` \
                 or `limits.nodes`, or add a provider",
            )
    })
}

/// Nodes that an account can hold.
fn limit(provider: &Provider) -> u64 {
    let sim = provider.sim.as_ref();
    let limits = [provider.limits.nodes, sim.and_then(|s| s.quota), sim.and_then(|s| s.stock)];
    limits.into_iter().flatten().min().map_or(u64::MAX, u64::from)
}

/// Nodes of the pool that one of its providers can hold. An unknown one is told elsewhere.
fn share(topology: &Topology, entry: &PoolProvider) -> u64 {
    let account = topology.providers.get(entry.name()).map_or(u64::MAX, limit);
    account.min(entry.max() as u64)
}

fn too_narrow(topology: &Topology, pool: Pool<'_>) -> Option<Finding> {
    let shares = pool.providers.iter().map(|p| share(topology, p));
    let room = shares.fold(0u64, u64::saturating_add);
    let size = pool.size(topology);
    let message = format!(
        "the {} pool of `{}` needs {size} nodes{}, and its providers can hold {room}",
        pool.role,
        pool.region,
        parts(topology, pool)
    );
    (size > room).then(|| {
        Finding::error(pool.count_path(), message)
            .related(pool.path().key("providers"), "its providers")
            .help("raise their `max` or `limits.nodes`, or add a provider")
    })
}

fn parts(topology: &Topology, pool: Pool<'_>) -> String {
    match (pool.standby, pool.reserve(topology)) {
        (0, 0) => String::new(),
        (standby, reserve) => {
            format!(" ({} live, {standby} standby, {reserve} in reserve)", pool.live)
        }
    }
}

/// Whether all pools fit into the accounts at once.
fn accounts(topology: &Topology, pools: &[Pool<'_>]) -> Option<Finding> {
    let sizes: Vec<_> = pools.iter().map(|p| p.size(topology)).collect();
    let wanted: u64 = sizes.iter().sum();
    let placed = placement(topology, pools, &sizes).fill();
    let limited = topology.providers.iter().filter(|(_, p)| limit(p) != u64::MAX);
    let limited: Vec<_> = limited.map(|(n, p)| format!("`{n}` {}", limit(p))).collect();
    let message = format!(
        "all pools together need {wanted} nodes, and their providers can hold {placed} of them"
    );
    (placed < wanted).then(|| {
        Finding::error(Path::keys(["providers"]), message).help(format!(
            "raise `limits.nodes`, or add a provider to the pools; limits now: {}",
            limited.join(", ")
        ))
    })
}

fn placement<'a>(
    topology: &'a Topology,
    pools: &[Pool<'a>],
    wanted: &[u64],
) -> Placement<&'a ProviderName> {
    let room = |pool: &Pool<'a>| {
        let entries = pool.providers.iter();
        entries.map(|e| (e.name(), share(topology, e))).collect()
    };
    let limits = pools.iter().flat_map(|p| p.providers).map(|entry| {
        let account = topology.providers.get(entry.name());
        (entry.name(), account.map_or(u64::MAX, limit))
    });
    let pools = wanted.iter().copied().zip(pools.iter().map(room));
    Placement::new(pools.collect(), limits.collect())
}

fn budget(topology: &Topology, offers: &Offers, pools: &[Pool<'_>]) -> Option<Finding> {
    let limit = topology.budget.as_ref()?.usd_per_month;
    let least = pools.iter().map(|p| cheapest(topology, offers, *p)).sum::<Option<Usd>>()?;
    let nodes: u64 = pools.iter().map(|p| p.size(topology)).sum();
    let message = format!("{limit} a month can't pay for the {nodes} nodes that are asked for");
    (least > limit).then(|| {
        Finding::error(Path::keys(["budget", "usd_per_month"]), message).help(format!(
            "at the cheapest providers of each pool, with all addresses, they cost {least}"
        ))
    })
}

/// The least that a pool can cost a month; none when a price is not known.
fn cheapest(topology: &Topology, offers: &Offers, pool: Pool<'_>) -> Option<Usd> {
    let profile = pool.profile_of(topology)?;
    let node = pool.providers.iter().filter_map(|entry| {
        let offer = offers.get(entry.name())?;
        let kind = topology.providers.get(entry.name())?.kind;
        let machine = *offer.machines.get(profile.machine.get(&kind)?)?;
        Some(machine + offer.address.times(i64::from(pool.addresses(topology))))
    });
    let size = i64::try_from(pool.size(topology)).ok()?;
    Some(node.min()?.times(size))
}

fn unused_entries(pools: &[Pool<'_>]) -> Vec<Finding> {
    let entries = pools.iter().flat_map(|pool| {
        let entries = pool.providers.iter().enumerate();
        entries.map(move |(at, entry)| (pool, at, entry))
    });
    entries
        .filter(|(_, _, entry)| entry.max() == 0)
        .map(|(pool, at, entry)| {
            let path = pool.path().key("providers").index(at).key("max");
            let message = format!("a `max` of 0 keeps this pool from `{}`", entry.name());
            Finding::warning(path, message).help("remove the provider from the pool, or raise it")
        })
        .collect()
}
