//! Pools and their profiles: what runs there can run there.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::view::Pool;
use crate::name::ProfileName;
use crate::node::Role;
use crate::offer::Offers;
use crate::topology::nearest::suggest;
use crate::topology::path::Path;
use crate::topology::{Profile, Provider, Topology};

/// Pools and profiles that can't be built.
pub fn check(topology: &Topology, offers: &Offers) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pool in Pool::all(topology) {
        findings.extend(role(topology, pool));
        findings.extend(repeated(pool));
        findings.extend(no_way_out(topology, pool));
        for at in 0..pool.providers.len() {
            if machineless(topology, pool, at) {
                // That is an error already, and says all that follows from it.
                continue;
            }
            findings.extend(location(topology, pool, at));
            findings.extend(machine(topology, pool, at));
            findings.extend(addresses(topology, offers, pool, at));
        }
    }
    for (name, profile) in &topology.profiles {
        findings.extend(parts(name, profile));
        findings.extend(transports(topology, name, profile));
        findings.extend(sizes(topology, offers, name, profile));
    }
    findings
}

fn path(name: &ProfileName) -> Path {
    Path::keys(["profiles", name.as_str()])
}

fn role(topology: &Topology, pool: Pool<'_>) -> Option<Finding> {
    let profile = pool.profile_of(topology)?;
    let (want, have) = (pool.role, profile.role);
    let fitting = topology.profiles.iter().filter(|(_, p)| p.role == want);
    let fitting: Vec<_> = fitting.map(|(n, _)| n.as_str()).collect();
    let message = format!("an {want} pool can't run `{}`, an {have} profile", pool.profile);
    (have != want).then(|| {
        Finding::error(pool.path().key("profile"), message)
            .related(path(pool.profile).key("role"), format!("{have} here"))
            .help(suggest(pool.profile.as_str(), &format!("{want} profiles"), &fitting))
    })
}

fn repeated(pool: Pool<'_>) -> Vec<Finding> {
    let mut first = BTreeMap::new();
    let mut findings = Vec::new();
    for (at, entry) in pool.providers.iter().enumerate() {
        match first.get(entry.name()) {
            None => drop(first.insert(entry.name(), at)),
            Some(earlier) => {
                let message = format!("`{}` stands twice in this pool", entry.name());
                findings.push(
                    Finding::error(pool.provider_path(at), message)
                        .related(pool.provider_path(*earlier), "first given here")
                        .help("give it once; with `weight` it takes a larger part of the nodes"),
                );
            }
        }
    }
    findings
}

fn no_way_out(topology: &Topology, pool: Pool<'_>) -> Option<Finding> {
    let region = topology.regions.get(pool.region)?;
    let stranded = pool.role == Role::Egress && region.egress.nodes == 0 && region.ingress.live > 0;
    stranded.then(|| {
        let message = format!("`{}` has ingress nodes and no egress node", pool.region);
        Finding::error(pool.count_path(), message)
            .help("clients' traffic leaves through egress nodes: at least 1")
    })
}

fn machineless(topology: &Topology, pool: Pool<'_>, at: usize) -> bool {
    let name = pool.providers.get(at).map(|p| p.name());
    let provider = name.and_then(|n| topology.providers.get(n));
    provider.is_some_and(|p| !p.kind.has_machines())
}

fn location(topology: &Topology, pool: Pool<'_>, at: usize) -> Option<Finding> {
    let name = pool.providers.get(at)?.name();
    let provider = topology.providers.get(name)?;
    let message = format!("`{name}` has no location for the region `{}`", pool.region);
    let help = format!("add the vendor's name of the place: `\"{}\": \"…\"`", pool.region);
    let locations = Path::keys(["providers", name.as_str(), "locations"]);
    (!provider.locations.contains_key(pool.region)).then(|| {
        Finding::error(pool.provider_path(at), message)
            .related(locations, "its locations")
            .help(help)
    })
}

fn machine(topology: &Topology, pool: Pool<'_>, at: usize) -> Option<Finding> {
    let name = pool.providers.get(at)?.name();
    let kind = topology.providers.get(name)?.kind;
    let profile = pool.profile_of(topology)?;
    let message = format!(
        "the profile `{}` has no machine for `{name}`, which is of the kind `{kind}`",
        pool.profile
    );
    (!profile.machine.contains_key(&kind)).then(|| {
        Finding::error(pool.provider_path(at), message)
            .related(path(pool.profile).key("machine"), "its machines")
            .help(format!("add the size to order: `\"{kind}\": \"…\"`"))
    })
}

/// The providers that a profile's nodes stand at.
fn used_at<'a>(
    topology: &'a Topology,
    profile: &'a ProfileName,
) -> BTreeMap<&'a crate::name::ProviderName, &'a Provider> {
    Pool::all(topology)
        .filter(|pool| pool.profile == profile)
        .flat_map(|pool| pool.providers)
        .filter_map(|entry| topology.providers.get_key_value(entry.name()))
        .collect()
}

fn sizes(
    topology: &Topology,
    offers: &Offers,
    name: &ProfileName,
    profile: &Profile,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (account, provider) in used_at(topology, name) {
        let (Some(offer), Some(size)) = (offers.get(account), profile.machine.get(&provider.kind))
        else {
            continue;
        };
        if !offer.machines.contains_key(size) {
            let at = path(name).key("machine").key(provider.kind.as_str());
            let known: Vec<_> = offer.machines.keys().map(String::as_str).collect();
            let message = format!("`{account}` does not offer the machine `{size}`");
            let help = suggest(size, &format!("offered by `{account}`"), &known);
            findings.push(Finding::error(at, message).help(help));
        }
    }
    findings
}

fn addresses(topology: &Topology, offers: &Offers, pool: Pool<'_>, at: usize) -> Option<Finding> {
    let name = pool.providers.get(at)?.name();
    let kind = topology.providers.get(name)?.kind;
    let size = topology.profiles.get(pool.profile)?.machine.get(&kind)?;
    let most = offers.get(name)?.max_addresses(size);
    let wanted = pool.addresses(topology);
    let (key, things) = match pool.role {
        Role::Ingress => ("frontdoors", "front doors"),
        Role::Egress => ("egress_ips", "egress addresses"),
    };
    let message = format!("{wanted} {things} on a node are more than `{name}` can give it");
    (wanted > most).then(|| {
        Finding::error(path(pool.profile).key(key), message)
            .related(pool.provider_path(at), "used here")
            .help(format!("a machine `{size}` at `{name}` holds up to {most} beside its own"))
    })
}

/// What each end of the path needs, and what it can't have.
fn parts(name: &ProfileName, profile: &Profile) -> Vec<Finding> {
    let needs = |key: &str, what: &str, help: &str| {
        let at = path(name).key(key);
        Finding::error(at, format!("the {} profile `{name}` {what}", profile.role)).help(help)
    };
    let doors = profile.frontdoors > 0;
    let ips = profile.egress_ips > 0;
    let speaks = !profile.transports.is_empty();
    let only_ingress = "only ingress nodes have front doors and transports";
    let findings = match profile.role {
        Role::Ingress => [
            (!doors).then(|| needs("frontdoors", "has no front door", "at least 1")),
            (!speaks).then(|| {
                let help = "at least one, as in `{ \"kind\": \"shadowsocks\", \"port\": 443 }`";
                needs("transports", "has no transport", help)
            }),
            ips.then(|| {
                let help = "only egress nodes have egress addresses";
                needs("egress_ips", "has egress addresses", help)
            }),
        ],
        Role::Egress => [
            (!ips).then(|| needs("egress_ips", "has no egress address", "at least 1")),
            speaks.then(|| needs("transports", "has transports", only_ingress)),
            doors.then(|| needs("frontdoors", "has front doors", only_ingress)),
        ],
    };
    findings.into_iter().flatten().collect()
}

fn transports(topology: &Topology, name: &ProfileName, profile: &Profile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let list = path(name).key("transports");
    let mut seen = BTreeSet::new();
    for (at, transport) in profile.transports.iter().enumerate() {
        let (kind, port) = (&transport.kind, transport.port);
        if !seen.insert(transport) {
            let first = profile.transports.iter().position(|t| t == transport);
            let message = format!("`{kind}` on port {port} stands twice in `{name}`");
            let found = Finding::error(list.index(at), message).help("keep one of them");
            findings.push(found.related(list.index(first.unwrap_or(at)), "first given here"));
        }
        if port == topology.backbone.port {
            let message = format!("port {port} is the overlay's on every node");
            let at = list.index(at).key("port");
            let found = Finding::error(at, message).help("choose another port for one of them");
            findings.push(found.related(Path::keys(["backbone", "port"]), "the overlay's port"));
        }
    }
    if profile.role == Role::Ingress && seen.len() > profile.frontdoors.max(1) as usize {
        let message = format!(
            "{} transports for {} front doors: not every node speaks them all",
            seen.len(),
            profile.frontdoors
        );
        let help = "a front door speaks one transport; give each node as many doors as transports";
        findings.push(Finding::warning(list, message).help(help));
    }
    findings
}
