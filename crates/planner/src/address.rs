//! Front doors and egress addresses in one shape: the policy treats them alike.

use std::collections::BTreeSet;

use damm_fleet::inventory::ObservedAddress;
use damm_fleet::{
    EgressIp, Frontdoor, Node, Reason, Role, Span, Stage, Subject, Timestamp, Topology, Usd, Verb,
};

use crate::age;
use crate::builder::{Builder, stays};
use crate::condition::{self, Blocked, Condition};
use crate::pool::Pool;
use crate::scene::Scene;

/// A front door or an egress address of a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address<'n> {
    pub(crate) subject: Subject,
    pub(crate) created_at: Timestamp,
    pub(crate) stage: &'n Stage,
    pub(crate) replaces: Option<Subject>,
    pub(crate) reason: &'n Reason,
    door: Option<&'n Frontdoor>,
}

/// A node's addresses, in order of id.
pub(crate) fn of(node: &Node) -> impl Iterator<Item = Address<'_>> {
    let doors = node.frontdoors.values().map(|d| Address {
        subject: d.id.into(),
        created_at: d.created_at,
        stage: &d.stage,
        replaces: d.replaces.map(Subject::from),
        reason: &d.reason,
        door: Some(d),
    });
    let ips = node.egress_ips.values().map(|e| Address {
        subject: e.id.into(),
        created_at: e.created_at,
        stage: &e.stage,
        replaces: e.replaces.map(Subject::from),
        reason: &e.reason,
        door: None,
    });
    doors.chain(ips)
}

/// The stage of one of a node's addresses.
pub(crate) fn stage_mut(node: &mut Node, subject: Subject) -> Option<&mut Stage> {
    match subject {
        Subject::Frontdoor(id) => node.frontdoors.get_mut(&id).map(|d| &mut d.stage),
        Subject::EgressIp(id) => node.egress_ips.get_mut(&id).map(|e| &mut e.stage),
        Subject::Node(_) => None,
    }
}

/// Takes one of a node's addresses out of the blueprint.
pub(crate) fn remove(node: &mut Node, subject: Subject) {
    match subject {
        Subject::Frontdoor(id) => drop(node.frontdoors.remove(&id)),
        Subject::EgressIp(id) => drop(node.egress_ips.remove(&id)),
        Subject::Node(_) => {}
    }
}

/// What the inventory says of an address.
pub(crate) fn observed<'a>(s: &Scene<'a>, subject: Subject) -> Option<&'a ObservedAddress> {
    s.address(subject)
}

/// The verb that drains an address.
pub(crate) const fn drain_verb(subject: Subject) -> Verb {
    match subject {
        Subject::EgressIp(_) => Verb::DrainEgressIp,
        Subject::Frontdoor(_) => Verb::DrainFrontdoor,
        Subject::Node(_) => Verb::DrainNode,
    }
}

/// The verb that gives an address back.
pub(crate) const fn release_verb(subject: Subject) -> Verb {
    match subject {
        Subject::EgressIp(_) => Verb::ReleaseEgressIp,
        Subject::Frontdoor(_) => Verb::ReleaseFrontdoor,
        Subject::Node(_) => Verb::RetireNode,
    }
}

/// The verb that adds addresses to a node of this role.
pub(crate) const fn allocate_verb(role: Role) -> Verb {
    match role {
        Role::Ingress => Verb::AllocateIngressFrontdoors,
        Role::Egress => Verb::AllocateEgressIps,
    }
}

impl Address<'_> {
    /// How it is doing.
    pub(crate) fn condition(&self, s: &Scene<'_>) -> Condition {
        match self.door {
            Some(door) => condition::of_door(s, door),
            None => {
                condition::of_address(s, self.stage, self.created_at, observed(s, self.subject))
            }
        }
    }

    /// Where it is blocked; egress addresses never are.
    pub(crate) fn blocked(&self, s: &Scene<'_>, node: &Node) -> Blocked {
        self.door.map_or_else(Blocked::default, |d| condition::blocked(s, &node.region, d))
    }

    /// Whether a population is not told of it.
    pub(crate) fn is_withheld(&self) -> bool {
        self.door.is_some_and(|d| !d.withheld_from.is_empty())
    }

    /// Its age limit, if it is rotated by itself.
    pub(crate) fn limit(&self, topology: &Topology) -> Span {
        match self.subject {
            Subject::EgressIp(id) => age::egress_ip_limit(topology, id),
            Subject::Frontdoor(id) => age::frontdoor_limit(topology, id),
            Subject::Node(_) => Span::from_millis(u64::MAX),
        }
    }

    /// Since when it is to be replaced for how many clients know it, if as many do as may.
    ///
    /// Not before it is older than a catalog gets: in a small fleet all doors reach the budget as
    /// soon as they are told, and would be exchanged faster than catalogs can say so.
    pub(crate) fn exposed(&self, s: &Scene<'_>) -> Option<(Timestamp, Reason)> {
        let (budget, Subject::Frontdoor(_)) = (s.topology.catalog.exposure_budget?, self.subject)
        else {
            return None;
        };
        let due = self.created_at + s.topology.catalog.ttl;
        let learned_by = observed(s, self.subject)?.learned_by;
        let exposed = learned_by >= budget && due <= s.now;
        exposed.then_some((due, Reason::Exposed { learned_by, budget }))
    }

    /// Whether the transport that it speaks has left the profile.
    pub(crate) fn drift(&self, pool: &Pool<'_>) -> Option<String> {
        let (door, (_, profile)) = (self.door?, pool.profile?);
        let gone = !profile.transports.contains(&door.transport);
        gone.then(|| format!("{}:{} has left it", door.transport.kind, door.transport.port))
    }

    /// Whether the operator made it by hand: it is never surplus.
    pub(crate) const fn by_hand(&self) -> bool {
        matches!(self.reason, Reason::Operator)
    }
}

/// The addresses of a node that stay and count towards its target: a replacement counts only once
/// what it replaces is on its way out, and what was made by hand comes on top.
pub(crate) fn counted(node: &Node) -> Vec<Address<'_>> {
    let stands = |old: Subject| of(node).any(|o| o.subject == old && stays(o.stage));
    let second = |a: &Address<'_>| a.replaces.is_some_and(stands);
    of(node).filter(|a| stays(a.stage) && !a.by_hand() && !second(a)).collect()
}

/// Adds an address to a node.
///
/// Nothing is added to an ingress node whose profile speaks no transport; the topology's checks
/// refuse that.
pub(crate) fn add(
    b: &mut Builder<'_>,
    pool: &Pool<'_>,
    node: &mut Node,
    replaces: Option<Subject>,
    reason: Reason,
) -> Option<Subject> {
    let cost = b.s.offers.get(&node.provider).map_or(Usd::ZERO, |o| o.address);
    let (created_at, stage) = (b.s.now, Stage::Building);
    match node.role {
        Role::Ingress => {
            let replaces = match replaces {
                Some(Subject::Frontdoor(id)) => Some(id),
                _ => None,
            };
            let transport = pool.next_transport(node, replaces)?;
            let id = b.seed.frontdoor();
            let withheld_from = BTreeSet::new();
            let door = Frontdoor {
                id,
                transport,
                created_at,
                stage,
                replaces,
                withheld_from,
                reason,
                cost,
            };
            node.frontdoors.insert(id, door);
            Some(id.into())
        }
        Role::Egress => {
            let id = b.seed.egress_ip();
            let replaces = match replaces {
                Some(Subject::EgressIp(id)) => Some(id),
                _ => None,
            };
            let ip = EgressIp { id, created_at, stage, replaces, reason, cost };
            node.egress_ips.insert(id, ip);
            Some(id.into())
        }
    }
}
