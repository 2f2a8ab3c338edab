//! What only providers of the kind `lab` can get wrong.

use ipnet::IpNet;

use super::Finding;
use crate::name::ProviderName;
use crate::topology::path::Path;
use crate::topology::{LabSettings, Provider, ProviderKind, Topology};

/// Settings that are missing or don't suffice, and parts that the lab does not have.
pub fn check(topology: &Topology) -> Vec<Finding> {
    let labs = topology.providers.iter();
    let labs = labs.filter(|(_, p)| p.kind == ProviderKind::Lab);
    let own = labs.flat_map(|(name, provider)| match &provider.lab {
        None => vec![missing(name)],
        Some(lab) => {
            let mut findings = within_own(name, lab);
            findings.extend(too_few(name, provider, lab, false));
            findings.extend(too_few(name, provider, lab, true));
            findings
        }
    });
    own.collect()
}

fn of(name: &ProviderName) -> Path {
    Path::keys(["providers", name.as_str()])
}

fn missing(name: &ProviderName) -> Finding {
    Finding::error(of(name).key("lab"), format!("`{name}` has no prefixes to draw addresses from"))
        .related(of(name).key("kind"), "the lab needs them")
        .help("add `\"lab\": { \"prefixes\": [\"198.18.0.0/24\"] }`, one prefix for each ASN")
}

fn within_own(name: &ProviderName, lab: &LabSettings) -> Vec<Finding> {
    let overlaps = |p: &IpNet| {
        let own = LabSettings::OWN.into_iter();
        own.filter(|o| o.contains(p) || p.contains(o)).collect::<Vec<_>>()
    };
    let listed = lab.prefixes.iter().enumerate();
    let clashes = listed.flat_map(|(at, p)| overlaps(p).into_iter().map(move |o| (at, p, o)));
    clashes
        .map(|(at, prefix, own)| {
            let path = of(name).key("lab").key("prefixes").index(at);
            Finding::error(path, format!("{prefix} overlaps {own}, which the lab itself uses"))
                .help("take prefixes out of 198.18.0.0/15, 198.51.100.0/24 and 2001:db8::/32")
        })
        .collect()
}

/// IPv6 may be missing; where it is there, each ASN has some.
fn too_few(
    name: &ProviderName,
    provider: &Provider,
    lab: &LabSettings,
    v6: bool,
) -> Option<Finding> {
    let given = lab.prefixes.iter().filter(|p| p.addr().is_ipv6() == v6).count();
    let family = if v6 { "IPv6" } else { "IPv4" };
    let needed = provider.asns.len();
    let message = format!("`{name}` has fewer {family} prefixes ({given}) than ASNs ({needed})");
    let optional = v6 && given == 0;
    (given < needed && !optional).then(|| {
        Finding::error(of(name).key("lab").key("prefixes"), message)
            .related(of(name).key("asns"), "its ASNs")
            .help(match v6 {
                true => "at least one IPv6 prefix for each ASN, or none at all",
                false => "at least one IPv4 prefix for each ASN",
            })
    })
}
