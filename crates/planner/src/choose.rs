//! Which provider a new node is ordered from.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::reason::NoRoom;
use damm_fleet::topology::{PoolProvider, Provider};
use damm_fleet::{Asn, Node, Offer, ProfileName, ProviderName, Role, Usd, WaitingOn};

use crate::builder::{Builder, stays};
use crate::condition;
use crate::pool::Pool;

/// A provider that can give one more node, with what speaks for it.
pub(crate) struct Choice<'a> {
    pub(crate) name: &'a ProviderName,
    pub(crate) profile: &'a ProfileName,
    pub(crate) provider: &'a Provider,
    pub(crate) offer: &'a Offer,
    pub(crate) machine: &'a str,
    pub(crate) location: &'a str,
    /// What one node with its addresses costs a month.
    pub(crate) cost: Usd,
}

/// The order of preference, best first: what a population lacks, then where least is blocked, then
/// the share that the weights give, then the name.
type Rank<'a> = (Reverse<u32>, u32, Load, &'a ProviderName);

/// Nodes over weight, compared without fractions.
#[derive(PartialEq, Eq)]
struct Load {
    nodes: u64,
    weight: u64,
}

impl Ord for Load {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.nodes * other.weight).cmp(&(other.nodes * self.weight))
    }
}

impl PartialOrd for Load {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a pool stands now: what a choice depends on, counted once and kept up to date while one
/// pool is being filled.
pub(crate) struct Standing {
    nodes: BTreeMap<ProviderName, u64>,
    blocked: BTreeMap<ProviderName, (u32, u32)>,
    populations: Vec<Served>,
}

/// A population of the pool's region: what it needs, and its nodes by provider over all of its
/// regions.
struct Served {
    min_providers: u32,
    min_asns: u32,
    by_provider: BTreeMap<ProviderName, u64>,
}

impl Standing {
    /// Counts what stays of a pool, and of the populations that it serves.
    pub(crate) fn of(b: &Builder<'_>, pool: &Pool<'_>) -> Self {
        let mut nodes = BTreeMap::new();
        let mut blocked = BTreeMap::new();
        for node in b.pool(pool).into_iter().filter(|n| stays(&n.stage)) {
            *nodes.entry(node.provider.clone()).or_insert(0) += 1;
            let (bad, all): &mut (u32, u32) = blocked.entry(node.provider.clone()).or_default();
            for door in node.frontdoors.values() {
                *all += 1;
                *bad += u32::from(condition::blocked(b.s, &node.region, door).anywhere());
            }
        }
        let populations = match pool.role {
            Role::Ingress => Self::populations(b, pool),
            Role::Egress => Vec::new(),
        };
        Self { nodes, blocked, populations }
    }

    fn populations(b: &Builder<'_>, pool: &Pool<'_>) -> Vec<Served> {
        let served = b.s.topology.served_by(&pool.region);
        let counted = served.map(|(_, p)| {
            let nodes = p.regions.iter().flat_map(|r| b.nodes_of(r, Role::Ingress));
            let mut by_provider = BTreeMap::new();
            for node in nodes.filter(|n| stays(&n.stage)) {
                *by_provider.entry(node.provider.clone()).or_insert(0) += 1;
            }
            Served { min_providers: p.min_providers, min_asns: p.min_asns, by_provider }
        });
        counted.collect()
    }

    /// Counts a node that was just added.
    pub(crate) fn add(&mut self, provider: &ProviderName) {
        *self.nodes.entry(provider.clone()).or_insert(0) += 1;
        for served in &mut self.populations {
            *served.by_provider.entry(provider.clone()).or_insert(0) += 1;
        }
    }

    /// Leaves out a node that is about to be replaced.
    pub(crate) fn remove(&mut self, provider: &ProviderName) {
        let less = |counts: &mut BTreeMap<ProviderName, u64>| {
            let left = counts.get(provider).copied().unwrap_or(0).saturating_sub(1);
            match left {
                0 => drop(counts.remove(provider)),
                n => drop(counts.insert(provider.clone(), n)),
            }
        };
        less(&mut self.nodes);
        self.populations.iter_mut().for_each(|s| less(&mut s.by_provider));
    }

    /// Nodes of the pool at a provider.
    pub(crate) fn at(&self, provider: &ProviderName) -> u64 {
        self.nodes.get(provider).copied().unwrap_or(0)
    }

    /// Whether so much of a provider is blocked here that another one is the better hope.
    pub(crate) fn is_burnt(&self, name: &ProviderName) -> bool {
        self.blocked_share(name) >= 5 && self.nodes.keys().any(|p| self.blocked_share(p) < 5)
    }

    /// How many populations would gain a provider or an ASN that they still lack.
    fn gain(&self, b: &Builder<'_>, name: &ProviderName, asns: &[Asn]) -> u32 {
        self.populations.iter().map(|served| served.gain(b, name, asns)).sum()
    }

    fn blocked_share(&self, name: &ProviderName) -> u32 {
        let (bad, all) = self.blocked.get(name).copied().unwrap_or_default();
        // In tenths, so that a single blocked door among many does not outweigh the weights.
        bad * 10 / all.max(1)
    }
}

impl Served {
    fn gain(&self, b: &Builder<'_>, name: &ProviderName, asns: &[Asn]) -> u32 {
        if self.by_provider.contains_key(name) {
            return 0;
        }
        let standing = self.by_provider.keys().filter_map(|p| b.s.topology.providers.get(p));
        let have: BTreeSet<&Asn> = standing.flat_map(|p| &p.asns).collect();
        let lacks_provider = self.by_provider.len() < self.min_providers as usize;
        let lacks_asn = have.len() < self.min_asns as usize;
        let new_asn = asns.iter().any(|a| !have.contains(a));
        u32::from(lacks_provider) + u32::from(lacks_asn && new_asn)
    }
}

/// The best provider for one more node of a pool. `replacing` is a node whose cost goes when this
/// one stands.
///
/// # Errors
///
/// Why each of the pool's providers can't give one.
pub(crate) fn choose<'a>(
    b: &Builder<'a>,
    pool: &Pool<'a>,
    standing: &Standing,
    replacing: Option<&Node>,
) -> Result<Choice<'a>, WaitingOn> {
    let mut refusals = Vec::new();
    let mut best: Option<(Rank<'a>, Choice<'a>)> = None;
    for candidate in pool.providers {
        match consider(b, pool, standing, candidate, replacing) {
            Ok(choice) => {
                let rank = rank(b, standing, candidate, &choice);
                if best.as_ref().is_none_or(|(r, _)| rank < *r) {
                    best = Some((rank, choice));
                }
            }
            Err(why) => refusals.push((candidate.name().clone(), why)),
        }
    }
    best.map(|(_, choice)| choice).ok_or_else(|| refusal(b, pool, refusals))
}

fn refusal(b: &Builder<'_>, pool: &Pool<'_>, each: Vec<(ProviderName, NoRoom)>) -> WaitingOn {
    let dear = each.iter().filter(|(_, why)| *why == NoRoom::Budget);
    let cheapest = dear.filter_map(|(name, _)| Some(offered(b, pool, name)?.cost)).min();
    match (&b.s.topology.budget, cheapest) {
        (Some(budget), Some(cost)) if each.iter().all(|(_, why)| *why == NoRoom::Budget) => {
            let (would_cost, limit) = (b.steady + cost, budget.usd_per_month);
            WaitingOn::Budget { would_cost, limit }
        }
        _ => WaitingOn::Providers { each },
    }
}

fn rank<'a>(
    b: &Builder<'_>,
    standing: &Standing,
    candidate: &PoolProvider,
    choice: &Choice<'a>,
) -> Rank<'a> {
    let nodes = standing.nodes.get(choice.name).copied().unwrap_or(0) + 1;
    let load = Load { nodes, weight: u64::from(candidate.weight().max(1)) };
    let gain = standing.gain(b, choice.name, &choice.provider.asns);
    (Reverse(gain), standing.blocked_share(choice.name), load, choice.name)
}

fn consider<'a>(
    b: &Builder<'a>,
    pool: &Pool<'a>,
    standing: &Standing,
    candidate: &'a PoolProvider,
    replacing: Option<&Node>,
) -> Result<Choice<'a>, NoRoom> {
    let choice = offered(b, pool, candidate.name()).ok_or(NoRoom::NotOffered)?;
    let here = standing.nodes.get(choice.name).copied().unwrap_or(0) as usize;
    if here >= candidate.max() {
        return Err(NoRoom::Limit { max: candidate.max() as u32 });
    }
    has_room(b, &choice)?;
    affordable(b, choice.cost, replacing)?;
    Ok(choice)
}

/// Whether the account may hold one more node, and was not found empty a short while ago.
pub(crate) fn has_room(b: &Builder<'_>, choice: &Choice<'_>) -> Result<(), NoRoom> {
    let held = b.held.get(choice.name).copied().unwrap_or(0);
    if let Some(max) = choice.provider.limits.nodes.filter(|max| held >= *max as usize) {
        return Err(NoRoom::Limit { max });
    }
    exhausted(b, choice.name).map_or(Ok(()), Err)
}

/// Why an account is not to be asked now, if it was found empty a short while ago.
pub(crate) fn exhausted(b: &Builder<'_>, name: &ProviderName) -> Option<NoRoom> {
    let seen = b.s.inventory.providers.get(name);
    let until = seen.and_then(|p| p.exhausted_until).filter(|until| *until > b.s.now)?;
    Some(NoRoom::Exhausted { until })
}

/// Whether the budget holds what a new thing costs.
pub(crate) fn affordable(
    b: &Builder<'_>,
    cost: Usd,
    replacing: Option<&Node>,
) -> Result<(), NoRoom> {
    let Some(budget) = &b.s.topology.budget else {
        return Ok(());
    };
    let then = b.steady + cost - replacing.map_or(Usd::ZERO, Node::monthly);
    match then <= budget.usd_per_month {
        true => Ok(()),
        false => Err(NoRoom::Budget),
    }
}

/// What a provider of the pool has to offer for the pool's profile.
pub(crate) fn offered<'a>(
    b: &Builder<'a>,
    pool: &Pool<'a>,
    name: &'a ProviderName,
) -> Option<Choice<'a>> {
    let (profile_name, profile) = pool.profile?;
    let provider = b.s.topology.providers.get(name)?;
    let offer = b.s.offers.get(name)?;
    let machine = profile.machine.get(&provider.kind)?;
    let location = provider.locations.iter().find(|(r, _)| **r == pool.region)?.1;
    let cost = *offer.machines.get(machine)? + offer.address.times(pool.per_node() as i64);
    Some(Choice { name, profile: profile_name, provider, offer, machine, location, cost })
}
