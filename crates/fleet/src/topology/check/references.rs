//! Every name that stands for something leads to it, and everything named is used.

use std::collections::BTreeSet;

use super::Finding;
use super::view::Pool;
use crate::name::{ProfileName, ProviderName, RegionName};
use crate::topology::Topology;
use crate::topology::nearest::suggest;
use crate::topology::path::Path;

/// Names that lead nowhere.
pub fn check(topology: &Topology) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pool in Pool::all(topology) {
        findings.extend(profile(topology, pool.profile, pool.path().key("profile")));
        for (at, entry) in pool.providers.iter().enumerate() {
            findings.extend(provider(topology, entry.name(), pool.provider_path(at)));
        }
    }
    for (name, population) in &topology.populations {
        let list = Path::keys(["populations", name.as_str(), "regions"]);
        let named = population.regions.iter();
        findings.extend(named.filter_map(|r| region(topology, r, list.item(r))));
    }
    findings.extend(edges(topology));
    findings
}

fn edges(topology: &Topology) -> Vec<Finding> {
    let path = |list, at| Path::keys([list]).index(at);
    let dns = topology.dns.iter().enumerate();
    let dns = dns.map(|(at, d)| (path("dns", at), &d.provider, &d.region));
    let balancers = topology.balancers.iter().enumerate();
    let balancers = balancers.map(|(at, b)| (path("balancers", at), &b.provider, &b.region));
    dns.chain(balancers)
        .flat_map(|(at, p, r)| {
            [provider(topology, p, at.key("provider")), region(topology, r, at.key("region"))]
        })
        .flatten()
        .collect()
}

fn provider(topology: &Topology, name: &ProviderName, at: Path) -> Option<Finding> {
    let known = topology.providers.keys().map(ProviderName::as_str);
    dangling("provider", name.as_str(), &known.collect::<Vec<_>>(), at)
}

fn profile(topology: &Topology, name: &ProfileName, at: Path) -> Option<Finding> {
    let known = topology.profiles.keys().map(ProfileName::as_str);
    dangling("profile", name.as_str(), &known.collect::<Vec<_>>(), at)
}

fn region(topology: &Topology, name: &RegionName, at: Path) -> Option<Finding> {
    let known = topology.regions.keys().map(RegionName::as_str);
    dangling("region", name.as_str(), &known.collect::<Vec<_>>(), at)
}

fn dangling(kind: &str, name: &str, known: &[&str], at: Path) -> Option<Finding> {
    let finding = || Finding::error(at, format!("there is no {kind} `{name}` in this file"));
    let help = || suggest(name, &format!("{kind}s of this file"), known);
    (!known.contains(&name)).then(|| finding().help(help()))
}

/// Things that are described and never used: most often a misspelt or forgotten name elsewhere.
pub fn unused(topology: &Topology) -> Vec<Finding> {
    let pools: Vec<_> = Pool::all(topology).collect();
    let profiles: BTreeSet<_> = pools.iter().map(|p| p.profile).collect();
    let in_pools = pools.iter().flat_map(|p| p.providers).map(|p| p.name());
    let in_dns = topology.dns.iter().map(|d| &d.provider);
    let in_balancers = topology.balancers.iter().map(|b| &b.provider);
    let providers: BTreeSet<_> = in_pools.chain(in_dns).chain(in_balancers).collect();
    let idle_profiles = topology.profiles.keys().filter(|p| !profiles.contains(p));
    let idle_providers = topology.providers.keys().filter(|p| !providers.contains(p));
    idle_profiles
        .map(|p| idle("profiles", p.as_str(), "no pool uses this profile"))
        .chain(idle_providers.map(|p| idle("providers", p.as_str(), "nothing uses this provider")))
        .chain(idle_locations(topology))
        .chain(idle_regions(topology))
        .collect()
}

fn idle(list: &str, name: &str, message: &str) -> Finding {
    Finding::warning(Path::keys([list]).name_of(name), message.to_owned())
        .help("name it in a pool's `profile` or `providers`, or remove it")
}

fn idle_regions(topology: &Topology) -> impl Iterator<Item = Finding> {
    let idle = topology.regions.keys();
    let idle = idle.filter(|r| topology.served_by(r).next().is_none());
    idle.map(|region| {
        let path = Path::keys(["regions"]).name_of(region.as_str());
        Finding::warning(path, format!("`{region}` serves no population"))
            .help("name it in a population's `regions`, or remove it")
    })
}

fn idle_locations(topology: &Topology) -> impl Iterator<Item = Finding> {
    let known: Vec<_> = topology.regions.keys().map(RegionName::as_str).collect();
    topology.providers.iter().flat_map(move |(name, provider)| {
        let known = known.clone();
        let strange = provider.locations.keys();
        let strange = strange.filter(|r| !topology.regions.contains_key(*r));
        strange.map(move |r| {
            let at = Path::keys(["providers", name.as_str(), "locations"]).name_of(r.as_str());
            let message = format!("a location for `{r}`, which is no region of this file");
            Finding::warning(at, message).help(suggest(r.as_str(), "regions of this file", &known))
        })
    })
}
