//! What accounts at vendors can get wrong: what a kind has to be told, and what it has not got.

use std::collections::BTreeSet;

use super::Finding;
use super::view::Pool;
use crate::name::ProviderName;
use crate::topology::nearest::suggest;
use crate::topology::path::Path;
use crate::topology::{Provider, ProviderKind, Topology};
use crate::vendor::{Endpoint, Secret, Sheet};

/// Accounts that say too little or too much, and parts that their kinds do not have.
pub fn check(topology: &Topology) -> Vec<Finding> {
    let accounts = topology.providers.iter();
    let mut findings: Vec<_> = accounts.flat_map(|(name, p)| account(name, p)).collect();
    findings.extend(networks(topology));
    findings.extend(edges(topology));
    findings.extend(Pool::all(topology).flat_map(|pool| machineless(topology, pool)));
    findings
}

fn of(name: &ProviderName) -> Path {
    Path::keys(["providers", name.as_str()])
}

fn account(name: &ProviderName, provider: &Provider) -> Vec<Finding> {
    let mut findings = Vec::new();
    match provider.kind.sheet() {
        None => findings.extend(foreign(name, provider)),
        Some(sheet) => {
            findings.extend(secret(name, provider, sheet));
            findings.extend(endpoint(name, provider, sheet));
            findings.extend(unknown_settings(name, provider, sheet));
            findings.extend(missing_settings(name, provider, sheet));
        }
    }
    findings
}

/// The kinds that run on this machine call nobody.
fn foreign(name: &ProviderName, provider: &Provider) -> Vec<Finding> {
    let given = [
        ("endpoint", provider.endpoint.is_some()),
        ("ca", provider.ca.is_some()),
        ("image", provider.image.is_some()),
        ("settings", !provider.settings.is_empty()),
    ];
    let given = given.into_iter().filter(|(_, given)| *given);
    given
        .map(|(key, _)| {
            let message = format!("`{key}` on a provider of the kind `{}`", provider.kind);
            Finding::error(of(name).key(key), message)
                .related(of(name).key("kind"), "its kind")
                .help("only accounts at vendors take it: remove it")
        })
        .collect()
}

/// Accounts that pools draw on say where their addresses come from.
fn networks(topology: &Topology) -> Vec<Finding> {
    let named = Pool::all(topology).flat_map(|p| p.providers.iter().map(|e| e.name()));
    let named: BTreeSet<_> = named.collect();
    let silent = |name: &&ProviderName| {
        let provider = topology.providers.get(*name);
        provider.is_some_and(|p| p.kind.has_machines() && p.asns.is_empty())
    };
    let finding = |name: &ProviderName| {
        Finding::error(of(name).key("asns"), format!("`{name}` has nodes and says no `asns`"))
            .related(of(name).key("kind"), "its kind")
            .help("list the autonomous systems that its addresses come from, as in [24940]")
    };
    named.into_iter().filter(silent).map(finding).collect()
}

fn secret(name: &ProviderName, provider: &Provider, sheet: &Sheet) -> Option<Finding> {
    let what = match sheet.secret {
        Secret::None => return None,
        Secret::Token(what) => what.to_owned(),
        Secret::Fields(fields) => format!("lines `name = value` for {}", fields.join(", ")),
    };
    provider.credentials.is_none().then(|| {
        Finding::error(of(name).key("credentials"), format!("`{name}` has no credentials"))
            .related(of(name).key("kind"), format!("{} needs them", sheet.title))
            .help(format!("add `\"credentials\": {{ \"env\": \"NAME\" }}`; it holds {what}"))
    })
}

fn endpoint(name: &ProviderName, provider: &Provider, sheet: &Sheet) -> Option<Finding> {
    let Endpoint::Asked(what) = sheet.endpoint else {
        return None;
    };
    provider.endpoint.is_none().then(|| {
        Finding::error(of(name).key("endpoint"), format!("`{name}` has no `endpoint`"))
            .related(of(name).key("kind"), "its kind")
            .help(format!("it is {what}"))
    })
}

fn unknown_settings(name: &ProviderName, provider: &Provider, sheet: &Sheet) -> Vec<Finding> {
    let known: Vec<_> = sheet.settings.iter().map(|s| s.name).collect();
    let given = provider.settings.keys();
    let unknown = given.filter(|key| !known.contains(&key.as_str()));
    unknown
        .map(|key| {
            let message = format!("`{}` knows no setting `{key}`", provider.kind);
            let help = match known.is_empty() {
                true => "it takes none: remove it".to_owned(),
                false => suggest(key, "settings", &known),
            };
            Finding::error(of(name).key("settings").key(key), message)
                .related(of(name).key("kind"), "its kind")
                .help(help)
        })
        .collect()
}

fn missing_settings(name: &ProviderName, provider: &Provider, sheet: &Sheet) -> Vec<Finding> {
    let required = sheet.settings.iter().filter(|s| s.required);
    let missing = required.filter(|s| !provider.settings.contains_key(s.name));
    missing
        .map(|setting| {
            let message = format!("`{name}` does not set `{}`", setting.name);
            Finding::error(of(name).key("settings").key(setting.name), message)
                .related(of(name).key("kind"), "its kind")
                .help(format!("`{}` is {}", setting.name, setting.about))
        })
        .collect()
}

fn edges(topology: &Topology) -> Vec<Finding> {
    let dns = topology.dns.iter().enumerate().map(|(at, d)| ("dns", at, &d.provider));
    let balancers = topology.balancers.iter().enumerate();
    let balancers = balancers.map(|(at, b)| ("balancers", at, &b.provider));
    let mut findings = Vec::new();
    for (list, at, name) in dns.chain(balancers) {
        let Some(kind) = topology.providers.get(name).map(|p| p.kind) else {
            continue;
        };
        let has = if list == "dns" { kind.has_dns() } else { kind.has_balancers() };
        if !has {
            let message = format!("`{name}` is of the kind `{kind}`, which takes no `{list}`");
            findings.push(
                Finding::error(Path::keys([list]).index(at).key("provider"), message)
                    .help("name a provider of another kind, or remove the entry"),
            );
        }
    }
    findings
}

fn machineless(topology: &Topology, pool: Pool<'_>) -> Vec<Finding> {
    let kind = |name| topology.providers.get(name).map_or(ProviderKind::Sim, |p| p.kind);
    let entries = pool.providers.iter().enumerate();
    let without = entries.filter(|(_, entry)| !kind(entry.name()).has_machines());
    without
        .map(|(at, entry)| {
            let (name, kind) = (entry.name(), kind(entry.name()));
            let message = format!("`{name}` is of the kind `{kind}`, which has no machines");
            Finding::error(pool.provider_path(at), message)
                .related(of(name).key("kind"), "its kind")
                .help("a pool's providers have to hold machines: remove it from here")
        })
        .collect()
}
