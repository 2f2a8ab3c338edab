//! Rules that are checked once more right before a call, whatever the plan says.

use std::collections::BTreeSet;
use std::net::IpAddr;

use damm_fleet::{Node, Reason, Resource, Role, Stage, Subject, Timestamp};

use crate::due::View;
use crate::step::{Call, Step};

/// A call that would break a rule. It was not made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// Rule 1. It names whose address it is and not the address: this text reaches logs.
    #[error("rule 1: {step} would show the address of {egress} to clients; it was not made")]
    EgressShown {
        /// The step.
        step: String,
        /// The egress address or node whose it is.
        egress: Subject,
    },
    /// Rule 5.
    #[error("rule 5: {step} would give up an address that clients may still know; {why}")]
    AddressNamed {
        /// The step.
        step: String,
        /// What names it, and until when.
        why: String,
    },
    /// Rule 6.
    #[error(
        "rule 6: {step} would end {sessions} sessions before their drain deadline, which is at \
         {until} at the latest"
    )]
    Sessions {
        /// The step.
        step: String,
        /// How many.
        sessions: u64,
        /// When waiting for them ends.
        until: Timestamp,
    },
    /// Rule 7.
    #[error("rule 7: {step} is about something that its row does not hold; look again")]
    NotHeld {
        /// The step.
        step: String,
    },
    /// Rule 7.
    #[error(
        "rule 7: {step} would make what could not be told from what else is being made at its \
         account; look again"
    )]
    Indistinct {
        /// The step.
        step: String,
    },
    /// Not a rule of its own: what the target still wants is not taken down.
    #[error("{step} would take down what the target still wants; plan again")]
    StillWanted {
        /// The step.
        step: String,
    },
}

impl Breach {
    /// The rule's number in the design; 0 for a guard that is no rule.
    pub const fn rule(&self) -> u8 {
        match self {
            Self::EgressShown { .. } => 1,
            Self::AddressNamed { .. } => 5,
            Self::Sessions { .. } => 6,
            Self::NotHeld { .. } | Self::Indistinct { .. } => 7,
            Self::StillWanted { .. } => 0,
        }
    }
}

/// Checks a step against the freshest picture that there is.
///
/// # Errors
///
/// [`Breach`] when the call would break a rule.
pub fn check(view: &View<'_>, step: &Step) -> Result<(), Breach> {
    match &step.call {
        Call::DeleteMachine { node, machine } => {
            held(view, step, machine)?;
            if !view.seen.failed.contains(node) {
                leaving(view, step, (*node).into())?;
            }
            undisturbed(view, step)
        }
        Call::Detach { address } => {
            held(view, step, address)?;
            undisturbed(view, step)
        }
        Call::Release { address } => {
            held(view, step, address)?;
            undisturbed(view, step)?;
            unknown_to_clients(view, step)
        }
        Call::Allocate { .. } => distinct(view, step),
        Call::DestroyStray { provider_ref, .. } => unclaimed(view, step, provider_ref),
        Call::PutRecords { set, .. } => hidden(view, step, &set.addresses),
        Call::PutTarget { target, .. } => hidden(view, step, &[target.address].into()),
        _ => Ok(()),
    }
}

/// The row must hold what the call is about, under the name that the call uses.
fn held(view: &View<'_>, step: &Step, provider_ref: &str) -> Result<(), Breach> {
    let row = step.subject.and_then(|s| view.row(s));
    let holds =
        row.is_some_and(|r| r.phase.may_exist() && r.provider_ref.as_deref() == Some(provider_ref));
    let step = || step.to_string();
    holds.then_some(()).ok_or_else(|| Breach::NotHeld { step: step() })
}

/// What carries no tag is told by its being new: the account was looked at, and nothing else is
/// being made there.
fn distinct(view: &View<'_>, step: &Step) -> Result<(), Breach> {
    let untagged = step.provider.as_ref().filter(|p| !view.tags_addresses(p));
    let open = |p| view.open_accounts().contains(p) || !view.seen.unheld.contains_key(p);
    match untagged.is_some_and(open) {
        true => Err(Breach::Indistinct { step: step.to_string() }),
        false => Ok(()),
    }
}

/// What a living row holds is no stray.
fn unclaimed(view: &View<'_>, step: &Step, provider_ref: &str) -> Result<(), Breach> {
    let claims = |r: &Resource| {
        r.phase.may_exist()
            && Some(&r.provider) == step.provider.as_ref()
            && r.provider_ref.as_deref() == Some(provider_ref)
    };
    match view.rows.values().any(claims) {
        true => Err(Breach::StillWanted { step: step.to_string() }),
        false => Ok(()),
    }
}

fn leaving(view: &View<'_>, step: &Step, subject: Subject) -> Result<(), Breach> {
    let stage = desired(view, subject).map(|(_, stage)| stage);
    match stage {
        Some(stage) if !stage.is_leaving() => Err(Breach::StillWanted { step: step.to_string() }),
        _ => Ok(()),
    }
}

/// The node that something is or stands on, and the stage that counts for it.
pub fn desired<'a>(view: &View<'a>, subject: Subject) -> Option<(&'a Node, &'a Stage)> {
    let node = view.blueprint.nodes.get(&view.row(subject)?.node)?;
    let own = match subject {
        Subject::Node(_) => &node.stage,
        Subject::Frontdoor(id) => &node.frontdoors.get(&id)?.stage,
        Subject::EgressIp(id) => &node.egress_ips.get(&id)?.stage,
    };
    let stage = if node.stage.is_leaving() { &node.stage } else { own };
    Some((node, stage))
}

/// When waiting for the sessions of something that leaves ends, at the latest: `None` when there
/// is nothing to wait for.
///
/// The blueprint no longer holds the drain's own deadline once something leaves. It lies no later
/// than a whole drain after that moment, and it has passed when that is why it leaves.
pub fn drains_until(view: &View<'_>, node: &Node, stage: &Stage) -> Option<Timestamp> {
    let rotation = &view.topology.rotation;
    let drain = match node.role {
        Role::Ingress => rotation.ingress.drain,
        Role::Egress => rotation.egress.drain,
    };
    match stage {
        Stage::Draining { deadline, .. } => Some(*deadline),
        Stage::Leaving { why: Reason::DrainDeadline { .. }, .. } => None,
        Stage::Leaving { since, .. } => Some(*since + drain),
        Stage::Building | Stage::Live { .. } => None,
    }
}

/// Sessions that a step would end too early, and until when they are waited for.
pub fn disturbed(view: &View<'_>, subject: Subject) -> Option<(u64, Timestamp)> {
    let (node, stage) = desired(view, subject)?;
    let sessions = match subject {
        Subject::Node(id) => view.node_sessions(id),
        address => view.sessions(node.id, address),
    };
    let until = drains_until(view, node, stage).filter(|u| *u > view.now)?;
    (sessions > 0).then_some((sessions, until))
}

fn undisturbed(view: &View<'_>, step: &Step) -> Result<(), Breach> {
    match step.subject.and_then(|s| disturbed(view, s)) {
        None => Ok(()),
        Some((sessions, until)) => {
            Err(Breach::Sessions { step: step.to_string(), sessions, until })
        }
    }
}

fn unknown_to_clients(view: &View<'_>, step: &Step) -> Result<(), Breach> {
    let Some(subject) = step.subject else {
        return Ok(());
    };
    leaving(view, step, subject)?;
    let named = |why: String| Breach::AddressNamed { step: step.to_string(), why };
    let address = view.row(subject).and_then(|r| r.address);
    if address.is_some_and(|a| view.index.in_dns.contains(&a)) {
        return Err(named("a DNS record names it".to_owned()));
    }
    match known_until(view, subject) {
        Some(until) => Err(named(format!("it is known until {until}"))),
        None => Ok(()),
    }
}

/// Until when clients may still know an address; `None` when none can.
pub fn known_until(view: &View<'_>, subject: Subject) -> Option<Timestamp> {
    let Subject::Frontdoor(door) = subject else {
        return None;
    };
    let exposure = view.exposures.get(&door)?;
    let until = exposure.named_until.max(exposure.resolvable_until);
    until.filter(|u| *u > view.now)
}

fn hidden(view: &View<'_>, step: &Step, told: &BTreeSet<IpAddr>) -> Result<(), Breach> {
    match told.iter().find_map(|a| view.index.egress.get(&a.to_canonical())) {
        None => Ok(()),
        Some(egress) => Err(Breach::EgressShown { step: step.to_string(), egress: *egress }),
    }
}

#[cfg(test)]
mod tests;
