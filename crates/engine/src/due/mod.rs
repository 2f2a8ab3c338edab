//! Which steps are due: a pure comparison of what should be with what was observed.
//!
//! # Guarantees
//!
//! - The same view gives the same steps in the same order.
//! - A step is idempotent: made twice in a row it changes nothing the second time.
//! - No step is compiled for what is ambiguous, or for what may have been made and was not found.
//! - Where addresses carry no tags, one of an account is made at a time.
//!
//! The order within a node: machine and addresses are asked for side by side (addresses first where
//! they can't be moved to a running machine), then attached, then the agent gets its orders. Down:
//! balancers and DNS forget it, the agent too, then addresses are detached and given back and the
//! machine is deleted; each is confirmed by its absence from listings.

mod address;
mod machine;
mod outside;
mod stray;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeSet;
use std::fmt;

use damm_fleet::{Node, Phase, ProviderName, Resource, Role, Subject, Timestamp, Verb, WaitingOn};

pub use view::{Index, Lags, Rows, Told, View, addresses, orders_digest};

use crate::step::Step;

/// What is due now, and what would be but for something that has to come first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Due {
    /// Steps that can be made now.
    pub steps: Vec<Step>,
    /// Steps that can't.
    pub held: Vec<Held>,
    /// Things that no row holds and that are left alone for now: nothing waits for them.
    pub watched: Vec<Held>,
    /// Rows that end here without a call: they were never made, and are no longer wanted.
    pub closed: Vec<Subject>,
    /// Accounts whose addresses carry no tags, and where one is being made or is about to be: what
    /// is new there is that one, so no other is begun before its outcome is known.
    open: BTreeSet<ProviderName>,
}

/// Something that is not done now, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// What it is about.
    pub object: String,
    /// What has to come first.
    pub hold: Hold,
    /// When it is worth trying again, where that is known.
    pub until: Option<Timestamp>,
}

/// What has to come first.
#[derive(Debug, Clone, PartialEq)]
pub enum Hold {
    /// The world has to move on.
    On(WaitingOn),
    /// The last call failed.
    Backoff {
        /// The provider's words.
        message: String,
        /// Failures in a row.
        count: u32,
        /// Whether only the operator can mend it.
        rejected: bool,
    },
    /// A channel does not take its catalogs: the others have theirs, and it is tried again alone.
    Lagging {
        /// The channel's words.
        message: String,
        /// Failures in a row.
        count: u32,
    },
    /// It is not known yet whether it was made.
    Looking {
        /// Since when.
        since: Timestamp,
    },
    /// Another step has to be done first.
    After {
        /// Which.
        what: &'static str,
    },
    /// The topology no longer names the account or the balancer that holds it.
    NoWay {
        /// What is missing.
        missing: String,
    },
}

impl Hold {
    /// Whether waiting alone won't do: the operator has to act.
    pub const fn needs_operator(&self) -> bool {
        matches!(
            self,
            Self::On(WaitingOn::OperatorDecision)
                | Self::Backoff { rejected: true, .. }
                | Self::NoWay { .. }
        )
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(on) => on.fmt(f),
            Self::Backoff { message, count, .. } | Self::Lagging { message, count } => {
                write!(f, "another try; it failed {count} times: {message}")
            }
            Self::Looking { since } => {
                write!(f, "listings to tell whether it was made, since {since}")
            }
            Self::After { what } => write!(f, "{what}"),
            Self::NoWay { missing } => {
                write!(f, "{missing}, which the topology no longer names; put it back")
            }
        }
    }
}

/// Compiles what is due.
pub fn due_steps(view: &View<'_>) -> Due {
    let mut due = Due { open: view.open_accounts(), ..Due::default() };
    for node in view.blueprint.nodes.values() {
        machine::steps(view, node, &mut due);
        for (subject, stage) in addresses(node) {
            address::steps(view, node, subject, stage, &mut due);
        }
        machine::orders(view, node, &mut due);
    }
    outside::records(view, &mut due);
    outside::targets(view, &mut due);
    outside::catalogs(view, &mut due);
    outside::channels(view, &mut due);
    stray::steps(view, &mut due);
    due
}

impl Due {
    fn hold(&mut self, row: &Resource, hold: Hold, until: Option<Timestamp>) {
        let object = row.subject.to_string();
        self.held.push(Held { object, hold, until });
    }

    /// Holds what may not be called yet, what may have been made, and what is ambiguous; `false`
    /// when none of that is so.
    fn blocked(&mut self, view: &View<'_>, row: &Resource) -> bool {
        let since = row.since;
        match row.phase {
            Phase::Creating | Phase::Unknown => self.hold(row, Hold::Looking { since }, None),
            Phase::Ambiguous => self.hold(row, Hold::On(WaitingOn::OperatorDecision), None),
            _ => return self.backing_off(view, row),
        }
        true
    }

    fn backing_off(&mut self, view: &View<'_>, row: &Resource) -> bool {
        let Some(until) = row.not_before.filter(|t| *t > view.now) else {
            return false;
        };
        let hold = match &row.failure {
            Some(f) => Hold::Backoff {
                message: f.message.clone(),
                count: f.count,
                rejected: f.class == damm_fleet::FailureClass::Rejected,
            },
            None => Hold::On(WaitingOn::Disappearance { since: row.since }),
        };
        self.hold(row, hold, Some(until));
        true
    }
}

/// The verb that makes a node, or adds to it once it stands.
fn making(node: &Node) -> Verb {
    match (node.role, node.stage.is_building()) {
        (Role::Ingress, true) => Verb::CreateIngress,
        (Role::Egress, true) => Verb::CreateEgress,
        (Role::Ingress, false) => Verb::AllocateIngressFrontdoors,
        (Role::Egress, false) => Verb::AllocateEgressIps,
    }
}

/// The verb that takes an address away, with its node or alone.
fn releasing(node: &Node) -> Verb {
    match (node.stage.is_leaving(), node.role) {
        (true, _) => Verb::RetireNode,
        (false, Role::Ingress) => Verb::ReleaseFrontdoor,
        (false, Role::Egress) => Verb::ReleaseEgressIp,
    }
}
