//! Prefixes and autonomous systems.

use ipnet::IpNet;

use super::Finding;
use crate::topology::path::Path;
use crate::topology::{Provider, ProviderKind, Topology};

/// Prefixes that overlap, and settings that belong to another kind of provider.
pub fn check(topology: &Topology) -> Vec<Finding> {
    let prefixes = prefixes(topology);
    let mut findings = overlaps(&prefixes);
    findings.extend(prefixes.iter().filter_map(host_bits));
    findings.extend(too_few(topology));
    findings.extend(misplaced(topology));
    findings.extend(overlay_room(topology));
    findings.extend(overlay_prefix(topology));
    findings
}

/// A prefix, where it stands and whose it is.
struct Placed {
    prefix: IpNet,
    path: Path,
    whose: String,
}

/// All prefixes of the file, in the order of their addresses.
fn prefixes(topology: &Topology) -> Vec<Placed> {
    let of_providers = topology.providers.iter().flat_map(|(name, provider)| {
        let sim = provider.sim.as_ref().map(|s| ("sim", &s.prefixes));
        let lab = provider.lab.as_ref().map(|l| ("lab", &l.prefixes));
        sim.into_iter().chain(lab).flat_map(move |(kind, prefixes)| {
            let list = Path::keys(["providers", name.as_str(), kind, "prefixes"]);
            prefixes.iter().enumerate().map(move |(at, prefix)| Placed {
                prefix: *prefix,
                path: list.index(at),
                whose: format!("`{name}`"),
            })
        })
    });
    let overlay = Placed {
        prefix: topology.backbone.prefix,
        path: Path::keys(["backbone", "prefix"]),
        whose: "the overlay".to_owned(),
    };
    let mut all: Vec<_> = of_providers.chain([overlay]).collect();
    all.sort_by_key(|p| (p.prefix.network(), p.prefix.prefix_len()));
    all
}

/// In the order of addresses a prefix can only lie within the last one that reached as far.
fn overlaps(prefixes: &[Placed]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut widest: Option<&Placed> = None;
    for placed in prefixes {
        match widest {
            Some(wide) if wide.prefix.contains(&placed.prefix.network()) => {
                let message = format!(
                    "{} of {} overlaps {} of {}",
                    placed.prefix, placed.whose, wide.prefix, wide.whose
                );
                findings.push(
                    Finding::error(placed.path.clone(), message)
                        .related(wide.path.clone(), "overlaps this")
                        .help("an address has to belong to one network only"),
                );
            }
            _ => widest = Some(placed),
        }
    }
    findings
}

fn host_bits(placed: &Placed) -> Option<Finding> {
    let network = placed.prefix.trunc();
    let message = format!("{} is an address in a prefix, not a prefix", placed.prefix);
    let finding = || Finding::error(placed.path.clone(), message);
    (network != placed.prefix).then(|| finding().help(format!("write `{network}`")))
}

fn too_few(topology: &Topology) -> Vec<Finding> {
    let sims = topology.providers.iter();
    let sims = sims.filter_map(|(name, p)| Some((name, p, p.sim.as_ref()?)));
    sims.filter(|(_, p, sim)| !sim.prefixes.is_empty() && sim.prefixes.len() < p.asns.len())
        .map(|(name, provider, sim)| {
            let message = format!(
                "`{name}` has fewer prefixes ({}) than ASNs ({})",
                sim.prefixes.len(),
                provider.asns.len()
            );
            let of = Path::keys(["providers", name.as_str()]);
            Finding::error(of.key("sim").key("prefixes"), message)
                .related(of.key("asns"), "its ASNs")
                .help("at least one prefix for each ASN, or none to have them made up")
        })
        .collect()
}

fn misplaced(topology: &Topology) -> Vec<Finding> {
    let given = |p: &Provider| {
        let sim = p.sim.as_ref().map(|_| ProviderKind::Sim);
        let lab = p.lab.as_ref().map(|_| ProviderKind::Lab);
        [sim, lab].into_iter().flatten().filter(|kind| *kind != p.kind).collect::<Vec<_>>()
    };
    let all = topology.providers.iter();
    let all = all.flat_map(|(name, p)| given(p).into_iter().map(move |kind| (name, p, kind)));
    all.map(|(name, provider, kind)| {
        let message = format!("`{kind}` settings on a provider of the kind `{}`", provider.kind);
        let of = Path::keys(["providers", name.as_str()]);
        Finding::error(of.key(kind.as_str()), message)
            .related(of.key("kind"), "its kind")
            .help(format!("only that kind takes them: remove them, or set `kind` to `{kind}`"))
    })
    .collect()
}

/// Each node has an overlay address of its own.
fn overlay_room(topology: &Topology) -> Option<Finding> {
    let nodes: u64 = super::view::Pool::all(topology).map(|p| p.size(topology)).sum();
    let prefix = topology.backbone.prefix;
    let free = u32::from(prefix.max_prefix_len() - prefix.prefix_len());
    // Twice the nodes: while all are being replaced, old and new ones stand side by side.
    let room = 1u128.checked_shl(free).unwrap_or(u128::MAX);
    let message = format!("{prefix} has too few addresses for {nodes} nodes and their successors");
    (room < u128::from(nodes) * 2 + 2).then(|| {
        Finding::error(Path::keys(["backbone", "prefix"]), message)
            .help("choose a wider prefix, such as a /48 out of fd00::/8")
    })
}

/// Where machines run agents, each of a region's nodes has a prefix of /64 in the overlay.
fn overlay_prefix(topology: &Topology) -> Option<Finding> {
    let agents = topology.providers.values().any(|p| p.kind.has_agents());
    let prefix = topology.backbone.prefix;
    let fits = matches!(prefix, IpNet::V6(net) if net.prefix_len() <= 48);
    let message = format!("{prefix} has no room for a /64 for each node");
    (agents && !fits).then(|| {
        Finding::error(Path::keys(["backbone", "prefix"]), message)
            .help("choose an IPv6 prefix of /48, out of fd00::/8")
    })
}
