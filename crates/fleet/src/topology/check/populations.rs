//! Populations can have what they must always have.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::country::is_country;
use super::view::Pool;
use crate::name::{PopulationName, RegionName};
use crate::net::Asn;
use crate::node::Role;
use crate::topology::path::Path;
use crate::topology::{Population, Topology};

/// Populations that ask for more than their regions can ever give, and the like.
pub fn check(topology: &Topology) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, population) in &topology.populations {
        let means = Means::of(topology, population);
        findings.extend(country(name, population));
        findings.extend(floors(name, population, &means));
    }
    findings.extend(buckets(topology));
    findings.extend(shared_networks(topology));
    findings
}

fn path(name: &PopulationName) -> Path {
    Path::keys(["populations", name.as_str()])
}

fn country(name: &PopulationName, population: &Population) -> Option<Finding> {
    let code = &population.country;
    let message = format!("no country has the code `{code}`");
    let help = match code.as_str() {
        "UK" => "ISO 3166-1 calls the United Kingdom `GB`",
        _ => "two capital letters of ISO 3166-1, such as `IR`, `CN`, `RU`",
    };
    (!is_country(code)).then(|| Finding::error(path(name).key("country"), message).help(help))
}

/// The most that a population's regions can give it.
struct Means {
    providers: u64,
    asns: u64,
    nodes: u64,
    fronts: u64,
    unknown: bool,
}

impl Means {
    fn of(topology: &Topology, population: &Population) -> Self {
        let pools = Pool::all(topology).filter(|p| p.role == Role::Ingress);
        let pools: Vec<_> = pools.filter(|p| population.regions.contains(p.region)).collect();
        let names: BTreeSet<_> = pools
            .iter()
            .flat_map(|pool| pool.providers)
            .filter(|entry| entry.max() > 0)
            .map(|entry| entry.name())
            .collect();
        let known = names.iter().filter_map(|n| topology.providers.get(*n));
        let asns: BTreeSet<Asn> = known.flat_map(|p| p.asns.iter().copied()).collect();
        let fronts = |p: &Pool<'_>| u64::from(p.live) * u64::from(p.addresses(topology));
        Self {
            providers: names.len() as u64,
            asns: asns.len() as u64,
            nodes: pools.iter().map(|p| u64::from(p.live)).sum(),
            fronts: pools.iter().map(fronts).sum(),
            // What is missing is told elsewhere; what it would give can't be counted.
            unknown: pools.len() < population.regions.len()
                || pools.iter().any(|p| p.addresses(topology) == 0)
                || names.iter().any(|n| !topology.providers.contains_key(*n)),
        }
    }
}

/// What a population asks for, and what there can be of it.
struct Floor {
    key: &'static str,
    least: u32,
    things: &'static str,
    have: u64,
    help: &'static str,
}

fn floors(name: &PopulationName, population: &Population, means: &Means) -> Vec<Finding> {
    if means.unknown {
        return Vec::new();
    }
    let floors = wanted(population, means);
    let unmet = floors.into_iter().filter(|f| u64::from(f.least) > f.have);
    unmet
        .map(|floor| {
            let message = format!(
                "`{name}` asks for {} {}, and its regions can have {}",
                floor.least, floor.things, floor.have
            );
            Finding::error(path(name).key(floor.key), message)
                .related(path(name).key("regions"), "its regions")
                .help(floor.help)
        })
        .collect()
}

fn wanted(population: &Population, means: &Means) -> [Floor; 4] {
    [
        Floor {
            key: "min_fronts",
            least: population.min_fronts,
            things: "live front doors",
            have: means.fronts,
            help: "a region has `live` nodes with the profile's `frontdoors` each",
        },
        Floor {
            key: "min_prefixes",
            least: population.min_prefixes,
            things: "prefixes",
            have: means.fronts,
            help: "a live front door stands in one prefix: raise `live`, or lower `min_prefixes`",
        },
        Floor {
            key: "min_providers",
            least: population.min_providers,
            things: "providers",
            have: means.providers.min(means.nodes),
            help: "a live node stands at one provider: add providers to the ingress pools of its \
                   regions, raise `live`, or lower `min_providers`",
        },
        Floor {
            key: "min_asns",
            least: population.min_asns,
            things: "ASNs",
            have: means.asns,
            help: "add providers in other ASNs to the ingress pools of its regions, or lower \
                   `min_asns`",
        },
    ]
}

fn buckets(topology: &Topology) -> Vec<Finding> {
    let told = topology.catalog.fronts_per_bucket;
    let pools = Pool::all(topology).filter(|p| p.role == Role::Ingress);
    let served = pools.filter(|p| topology.served_by(p.region).next().is_some());
    served
        .filter(|p| p.profile_of(topology).is_some_and(|f| f.frontdoors > 0))
        .filter(|p| u64::from(told) > u64::from(p.live) * u64::from(p.addresses(topology)))
        .map(|pool| {
            let doors = u64::from(pool.live) * u64::from(pool.addresses(topology));
            let message = format!(
                "a bucket is told of {told} front doors, and `{}` can have {doors} at most",
                pool.region
            );
            Finding::error(Path::keys(["catalog", "fronts_per_bucket"]), message)
                .related(pool.count_path(), "its live nodes")
                .help("lower `fronts_per_bucket`, or raise the region's `live`")
        })
        .collect()
}

/// A client network that two populations of one country claim in one region.
fn shared_networks(topology: &Topology) -> Vec<Finding> {
    let mut first: BTreeMap<(&str, Asn, &RegionName), &PopulationName> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let mut findings = Vec::new();
    for (name, population) in &topology.populations {
        let asns = population.asns.iter();
        for (asn, region) in asns.flat_map(|a| population.regions.iter().map(move |r| (a, r))) {
            let earlier = *first.entry((&population.country, *asn, region)).or_insert(name);
            if earlier != name && told.insert((earlier, name, asn)) {
                let at = |p: &PopulationName| path(p).key("asns").item(asn.0);
                let message = format!("{asn} is a network of `{earlier}` too, in `{region}`");
                findings.push(
                    Finding::warning(at(name), message)
                        .related(at(earlier), "listed here")
                        .help("its clients are told of the front doors of both populations"),
                );
            }
        }
    }
    findings
}
