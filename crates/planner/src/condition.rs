//! What inventory and verdicts say of the things in a blueprint.

use damm_fleet::inventory::{Health, ObservedAddress};
use damm_fleet::{
    FailureClass, Frontdoor, Network, Node, Phase, PopulationName, Reason, RegionName, Stage,
    State, Timestamp, Verdict, Verdicts,
};

use crate::scene::Scene;

/// The verdicts that speak against a door. No other changes a plan, and there are few of these:
/// looking each door up among all verdicts, again and again, would cost a plan dear.
pub(crate) fn adverse(verdicts: &Verdicts) -> Verdicts {
    let speaks = |v: &Verdict| matches!(v.state, State::Blocked | State::Down);
    let doors = verdicts.0.iter();
    let doors = doors.filter(|(_, of)| of.values().any(speaks));
    Verdicts(doors.map(|(door, of)| (*door, of.clone())).collect())
}

/// How something in a blueprint is doing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// On its way, within its time.
    Coming {
        /// Since when.
        since: Timestamp,
    },
    /// Verified and well.
    Sound,
    /// There, but not well, and not for long enough to give it up.
    Unhealthy,
    /// It did not come up, and will not.
    Failed(Reason),
    /// It was up, and is lost.
    Dead {
        /// Since when.
        since: Timestamp,
    },
    /// Its provider shows more than one; the operator decides.
    Ambiguous,
}

impl Condition {
    pub(crate) const fn is_sound(&self) -> bool {
        matches!(self, Self::Sound)
    }
}

/// The observed side of a node or an address, in one shape.
struct Seen {
    phase: Phase,
    since: Timestamp,
    failure: Option<FailureClass>,
    unwell_since: Option<Timestamp>,
}

/// How a node is doing.
pub(crate) fn of_node(s: &Scene<'_>, node: &Node) -> Condition {
    let Some(machine) = s.machine(node.id) else {
        return Condition::Coming { since: node.created_at };
    };
    let unwell_since = match machine.health {
        Health::Unhealthy { since } => Some(since),
        Health::Unseen | Health::Healthy => None,
    };
    let seen =
        Seen { phase: machine.phase, since: machine.since, failure: machine.failure, unwell_since };
    judge(s, &node.stage, &seen)
}

/// How an address is doing, not counting what verdicts say.
pub(crate) fn of_address(
    s: &Scene<'_>,
    stage: &Stage,
    created_at: Timestamp,
    seen: Option<&ObservedAddress>,
) -> Condition {
    let Some(a) = seen else {
        return Condition::Coming { since: created_at };
    };
    let seen = Seen { phase: a.phase, since: a.since, failure: a.failure, unwell_since: None };
    judge(s, stage, &seen)
}

/// How a front door is doing; a verdict of `down` counts as not being well.
pub(crate) fn of_door(s: &Scene<'_>, door: &Frontdoor) -> Condition {
    of_seen_door(s, door, s.address(door.id.into()))
}

/// How a front door is doing, whose address was looked up already.
pub(crate) fn of_seen_door(
    s: &Scene<'_>,
    door: &Frontdoor,
    seen: Option<&ObservedAddress>,
) -> Condition {
    let condition = of_address(s, &door.stage, door.created_at, seen);
    match (condition, down_since(s, door)) {
        (Condition::Sound, Some(since)) => unwell(s, since),
        (condition, _) => condition,
    }
}

fn down_since(s: &Scene<'_>, door: &Frontdoor) -> Option<Timestamp> {
    let down = s.verdicts.of(door.id).filter(|(_, v)| v.state == State::Down);
    down.map(|(_, v)| v.since).min()
}

fn unwell(s: &Scene<'_>, since: Timestamp) -> Condition {
    match s.now.since(since) >= s.topology.rotation.dead_after {
        true => Condition::Dead { since },
        false => Condition::Unhealthy,
    }
}

fn judge(s: &Scene<'_>, stage: &Stage, seen: &Seen) -> Condition {
    if seen.phase == Phase::Ambiguous {
        return Condition::Ambiguous;
    }
    match stage.is_building() {
        true => judge_building(s, seen),
        false => judge_built(s, seen),
    }
}

fn judge_building(s: &Scene<'_>, seen: &Seen) -> Condition {
    let timeout = s.topology.rotation.join_timeout;
    match seen.phase {
        Phase::Ready => Condition::Sound,
        Phase::Refused => {
            let class = seen.failure.unwrap_or(FailureClass::Rejected);
            Condition::Failed(Reason::Refused { class })
        }
        // Only what the provider shows can be late: a call that waits its turn is not.
        Phase::Present if s.now.since(seen.since) >= timeout => {
            Condition::Failed(Reason::NeverJoined { after: timeout })
        }
        Phase::Gone | Phase::Deleting => Condition::Dead { since: seen.since },
        _ => Condition::Coming { since: seen.since },
    }
}

fn judge_built(s: &Scene<'_>, seen: &Seen) -> Condition {
    match (seen.phase, seen.unwell_since) {
        (Phase::Gone, _) => Condition::Dead { since: seen.since },
        (Phase::Ready, None) => Condition::Sound,
        (Phase::Ready, Some(since)) => unwell(s, since),
        (_, since) => unwell(s, since.unwrap_or(seen.since)),
    }
}

/// Where a front door is blocked, among the populations that its region serves.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Blocked {
    /// The populations, with their networks that are blocked.
    pub(crate) populations: Vec<(PopulationName, Vec<Network>)>,
    /// Whether that is every population that the region serves.
    pub(crate) everywhere: bool,
}

impl Blocked {
    pub(crate) const fn anywhere(&self) -> bool {
        !self.populations.is_empty()
    }

    pub(crate) fn networks(&self) -> Vec<Network> {
        self.populations.iter().flat_map(|(_, n)| n).copied().collect()
    }

    pub(crate) fn for_population(&self, name: &PopulationName) -> bool {
        self.populations.iter().any(|(p, _)| p == name)
    }
}

/// Where a front door is blocked.
///
/// A population counts as blocked from one of its networks on: its catalogs don't know which of
/// the networks a client stands in, so a door that fails for some is left out for all.
pub(crate) fn blocked(s: &Scene<'_>, region: &RegionName, door: &Frontdoor) -> Blocked {
    if s.verdicts.of(door.id).next().is_none() {
        return Blocked::default();
    }
    let mut blocked = Blocked { populations: Vec::new(), everywhere: true };
    let mut served = 0;
    for (name, population) in s.topology.served_by(region) {
        served += 1;
        match s.verdicts.blocked_in(door.id, population) {
            networks if networks.is_empty() => blocked.everywhere = false,
            networks => blocked.populations.push((name.clone(), networks)),
        }
    }
    blocked.everywhere &= served > 0;
    blocked
}
