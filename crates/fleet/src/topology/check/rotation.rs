//! Ages, drains and the pace of rotation.

use super::Finding;
use super::view::Pool;
use crate::node::Role;
use crate::time::Span;
use crate::topology::Topology;
use crate::topology::path::Path;
use crate::units::Share;

/// Times that contradict each other, and rotation that can't keep up with the ages it is given.
pub fn check(topology: &Topology) -> Vec<Finding> {
    let mut findings = ages(topology);
    findings.extend(lifetimes(topology));
    findings.extend(shares(topology));
    findings.extend(Pool::all(topology).filter_map(|pool| pace(topology, pool)));
    findings
}

fn path<const N: usize>(keys: [&str; N]) -> Path {
    keys.iter().fold(Path::keys(["rotation"]), |path, key| path.key(key))
}

fn ages(topology: &Topology) -> Vec<Finding> {
    let (ingress, egress) = (&topology.rotation.ingress, &topology.rotation.egress);
    let mut findings = Vec::new();
    if ingress.max_age >= egress.max_age {
        let message = format!(
            "ingress may age to {}, and egress to {}: ingress has to age faster",
            ingress.max_age, egress.max_age
        );
        findings.push(
            Finding::error(path(["ingress", "max_age"]), message)
                .related(path(["egress", "max_age"]), "not longer than that of ingress")
                .help("clients are told of front doors only, so those burn first"),
        );
    }
    let pairs =
        [("ingress", ingress.drain, ingress.max_age), ("egress", egress.drain, egress.max_age)];
    for (role, drain, max_age) in pairs {
        if drain >= max_age {
            let message = format!("an address lives for {max_age}, and draining it takes {drain}");
            findings.push(
                Finding::error(path([role, "drain"]), message)
                    .related(path([role, "max_age"]), "its age limit")
                    .help("let `drain` be shorter than `max_age`"),
            );
        }
    }
    if ingress.burned_drain > ingress.drain {
        let message = format!(
            "a blocked front door drains for {}, longer than a good one with {}",
            ingress.burned_drain, ingress.drain
        );
        findings.push(
            Finding::error(path(["ingress", "burned_drain"]), message)
                .related(path(["ingress", "drain"]), "the drain of a good one")
                .help("let `burned_drain` be no longer than `drain`"),
        );
    }
    findings
}

fn lifetimes(topology: &Topology) -> Vec<Finding> {
    let ttl = topology.catalog.ttl;
    let max_age = topology.rotation.ingress.max_age;
    let at = Path::keys(["catalog", "ttl"]);
    let mut findings = Vec::new();
    if ttl == Span::ZERO {
        let message = "a catalog that holds for no time is of no use to anybody".to_owned();
        findings.push(Finding::error(at, message).help("some hours, as in `6h`"));
    } else if ttl >= max_age {
        let message = format!("catalogs hold for {ttl}, and front doors live for {max_age}");
        findings.push(
            Finding::warning(at, message)
                .related(path(["ingress", "max_age"]), "the age limit of front doors")
                .help("no address is given up while a catalog names it: shorten `ttl`"),
        );
    }
    if topology.rotation.max_destroys_per_plan == 0 {
        let message = "nothing is ever taken down, so nothing can be replaced".to_owned();
        let found = Finding::warning(path(["max_destroys_per_plan"]), message);
        findings.push(found.help("at least 1"));
    }
    findings
}

fn shares(topology: &Topology) -> Vec<Finding> {
    let (jitter, breaker) = (topology.rotation.jitter, topology.rotation.breaker);
    let mut findings = Vec::new();
    match jitter {
        Share::Count(n) if n > 0 => {
            let message = format!("`jitter` is a part of an age, not a number of things: {n}");
            let found = Finding::error(path(["jitter"]), message);
            findings.push(found.help("a percentage, as in `25%`"));
        }
        Share::Percent(p) if p >= 100.0 => {
            let message = "a jitter of 100% lets things be too old as soon as they are made";
            let found = Finding::error(path(["jitter"]), message.to_owned());
            findings.push(found.help("less than 100%, as in `25%`"));
        }
        _ => {}
    }
    if breaker.floor_of(1_000_000) == 0 {
        let message = "rotation halts as soon as one thing looks blocked or down".to_owned();
        let found = Finding::warning(path(["breaker"]), message);
        findings.push(found.help("a share above zero, as in `40%`"));
    }
    findings
}

/// While an address drains it counts as disrupted, so a pool is renewed in as many turns of one
/// drain each as `max_disrupted` goes into it. All of them have to fit into one age.
fn pace(topology: &Topology, pool: Pool<'_>) -> Option<Finding> {
    let rotation = &topology.rotation;
    let (max_age, drain, budget) = match pool.role {
        Role::Ingress => {
            let r = &rotation.ingress;
            (r.max_age, r.drain, r.max_disrupted)
        }
        Role::Egress => {
            let r = &rotation.egress;
            (r.max_age, r.drain, r.max_disrupted)
        }
    };
    let units = u64::from(pool.live) * u64::from(pool.addresses(topology));
    let at_once = budget.floor_of(usize::try_from(units).ok()?).max(1) as u64;
    let turns = units.div_ceil(at_once);
    let needed = Span::from_millis(drain.as_millis().saturating_mul(turns));
    let role = pool.role.to_string();
    let message = format!(
        "renewing the {units} {role} addresses of `{}`, {at_once} at once, takes {needed}, longer \
         than their `max_age` of {max_age}",
        pool.region
    );
    (needed > max_age && drain < max_age).then(|| {
        Finding::warning(path([&role, "max_disrupted"]), message)
            .related(pool.count_path(), "the pool's size")
            .help("raise `max_disrupted` or `max_age`, or shorten `drain`")
    })
}
