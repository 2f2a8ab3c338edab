//! What would follow if all that a plan makes comes up well.

use std::net::{IpAddr, Ipv6Addr};

use damm_fleet::inventory::{Health, ObservedAddress, ObservedMachine};
use damm_fleet::{Asn, Blueprint, Inventory, Node, Phase, Seed, Stage, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use crate::address;
use crate::plan::{Plan, Situation, plan};
use crate::report::{Decision, Report};

/// Plans that follow one another before a forecast ends: made, admitted, handed over, and one more.
const ROUNDS: usize = 4;

/// What would follow a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The reports of the plans that would follow at once, in order, if all that is made comes up
    /// well and nothing else happens. Empty when none would.
    pub then: Vec<Report>,
}

/// Plans on from a plan, as if all that it makes had been verified at once.
///
/// New addresses are taken to come from their provider's first ASN, and from two prefixes there:
/// what is said of survival is the least that can be hoped for, not the most.
pub fn forecast(situation: &Situation<'_>, first: &Plan, mut seed: Seed) -> Forecast {
    let mut inventory = situation.inventory.clone();
    let mut parent = first.blueprint.clone();
    let mut destroys_used = situation.destroys_used + destroys(&first.report);
    let mut then = Vec::new();
    while then.len() < ROUNDS {
        imagine(situation, &parent, &mut inventory);
        let next =
            Situation { parent: &parent, inventory: &inventory, destroys_used, ..*situation };
        let next = plan(&next, Seed::from_number(seed.blueprint().raw()));
        if next.diff.is_empty() {
            break;
        }
        destroys_used += destroys(&next.report);
        parent = next.blueprint;
        then.push(next.report);
    }
    Forecast { then }
}

/// How many servers and addresses a plan takes down, for the next plan's `destroys_used`.
///
/// What its provider never made is counted too: the next plan of the run is a little more careful
/// than it has to be.
pub fn destroys(report: &Report) -> u32 {
    use damm_fleet::Verb::{ReleaseEgressIp, ReleaseFrontdoor, RetireNode};
    let down = |d: &Decision| {
        matches!(d, Decision::Act { verb: RetireNode | ReleaseFrontdoor | ReleaseEgressIp })
    };
    report.changes.iter().filter(|c| down(&c.decision)).count() as u32
}

/// Lets all that is being made come up, and all that leaves be gone.
fn imagine(s: &Situation<'_>, bp: &Blueprint, inventory: &mut Inventory) {
    for node in bp.nodes.values() {
        imagine_machine(s, node, inventory);
        for a in address::of(node) {
            imagine_address(s, node, &a, inventory);
        }
    }
    for (region, catalog) in &bp.catalogs {
        let expires_at = s.now + s.topology.catalog.ttl;
        let (serial, published_at) = (catalog.serial, s.now);
        let seen = damm_fleet::inventory::ObservedCatalog { serial, published_at, expires_at };
        inventory.catalogs.insert(region.clone(), seen);
    }
}

fn phase(stage: &Stage) -> Option<Phase> {
    match stage {
        Stage::Building => Some(Phase::Ready),
        Stage::Leaving { .. } => Some(Phase::Gone),
        Stage::Live { .. } | Stage::Draining { .. } => None,
    }
}

fn imagine_machine(s: &Situation<'_>, node: &Node, inventory: &mut Inventory) {
    let Some(phase) = phase(&node.stage) else {
        return;
    };
    let seen = inventory.machines.entry(node.id).or_insert_with(|| ObservedMachine {
        phase,
        since: s.now,
        health: Health::Healthy,
        failure: None,
        address: None,
        sessions: 0,
    });
    seen.phase = phase;
    seen.health = Health::Healthy;
}

fn imagine_address(
    s: &Situation<'_>,
    node: &Node,
    a: &address::Address<'_>,
    inventory: &mut Inventory,
) {
    // An address leaves with its node.
    let stage = if node.stage.is_leaving() { &node.stage } else { a.stage };
    let Some(phase) = phase(stage) else { return };
    let (raw, seen) = match a.subject {
        Subject::Frontdoor(id) => {
            (id.raw(), inventory.frontdoors.entry(id).or_insert_with(|| unseen(s.now)))
        }
        Subject::EgressIp(id) => {
            (id.raw(), inventory.egress_ips.entry(id).or_insert_with(|| unseen(s.now)))
        }
        Subject::Node(_) => return,
    };
    seen.phase = phase;
    seen.asn = seen.asn.or_else(|| s.topology.providers.get(&node.provider)?.asns.first().copied());
    seen.address = seen.address.or_else(|| Some(placeholder(seen.asn.unwrap_or(Asn(0)), raw)));
}

const fn unseen(since: Timestamp) -> ObservedAddress {
    ObservedAddress {
        phase: Phase::Wanted,
        since,
        address: None,
        asn: None,
        sessions: 0,
        named_until: None,
        resolvable_until: None,
        failure: None,
        learned_by: 0,
    }
}

/// An address out of the discard-only prefix (RFC 6666), one of two /48 for each ASN.
fn placeholder(asn: Asn, id: u64) -> IpAddr {
    let (high, low) = ((asn.0 >> 16) as u16, asn.0 as u16);
    let parts = [3, 2, 1, 0].map(|i| (id >> (16 * i)) as u16);
    let half = (low & !1) | (id & 1) as u16;
    let first = 0x0100 ^ (low & 1);
    Ipv6Addr::new(first, high, half, 0, parts[0], parts[1], parts[2], parts[3]).into()
}
