//! What a provider holds for us: one row for each thing, with its observed life.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::action::Subject;
use crate::id::NodeId;
use crate::name::ProviderName;
use crate::net::Asn;
use crate::time::Timestamp;

/// How far a thing at a provider has come, as far as was observed.
///
/// ```text
///            Begin           Found               Verified
/// Wanted ──────────> Creating ────> Present ──────────────> Ready
///   ^ ^                │  │  └─Vague─> Unknown ─Found─> Present
///   │ └───Absent───────┘  │              │ └─Two─> Ambiguous
///   │     (nothing there) └─Refuse─> Refused
///   └─────────────────────Absent─────────┘
/// Present, Ready, Unknown, Ambiguous ──Delete──> Deleting ──Absent──> Gone
/// Present, Ready ──Absent──> Gone (lost)          Wanted, Refused ──Delete──> Gone
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Written down; no call was made that could have made it.
    Wanted,
    /// A call that makes it is under way.
    Creating,
    /// A call that makes it ended without telling how; it is being looked for.
    Unknown,
    /// The provider shows it; it is booting, or not attached, or not verified.
    Present,
    /// Machine: running and joined. Address: attached and probed.
    Ready,
    /// A call that takes it down was made; it counts as there until it is seen gone.
    Deleting,
    /// Seen gone. Final.
    Gone,
    /// The provider would not make it, and nothing was made.
    Refused,
    /// The provider shows more than one thing with its tag.
    Ambiguous,
}

/// What can be learnt of a thing at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// A call that makes it begins.
    Begin,
    /// The provider shows it.
    Found,
    /// The call ended without telling how.
    Vague,
    /// The provider shows more than one.
    Two,
    /// The provider shows none, and enough time has passed to believe it.
    Absent,
    /// The provider would not make it; nothing was made.
    Refuse,
    /// It works as it should.
    Verified,
    /// It no longer works as it should, and is still there.
    Unverified,
    /// A call that takes it down begins.
    Delete,
}

/// A phase can't take this observation; a programming error in whoever recorded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is {phase:?} can't be observed as {observed:?}")]
pub struct IllegalPhase {
    /// The phase.
    pub phase: Phase,
    /// The observation.
    pub observed: Observed,
}

impl Phase {
    /// The phase after an observation.
    ///
    /// # Errors
    ///
    /// [`IllegalPhase`] for a pair that is not in the picture above.
    pub const fn next(self, observed: Observed) -> Result<Self, IllegalPhase> {
        use Observed as O;
        let phase = match (self, observed) {
            (Self::Wanted | Self::Refused, O::Begin) => Self::Creating,
            (Self::Creating | Self::Unknown | Self::Ambiguous | Self::Present, O::Found) => {
                Self::Present
            }
            (Self::Ready, O::Found) => Self::Ready,
            (Self::Deleting, O::Found | O::Delete | O::Two | O::Vague) => Self::Deleting,
            (Self::Creating | Self::Unknown, O::Vague) => Self::Unknown,
            (
                Self::Creating | Self::Unknown | Self::Ambiguous | Self::Present | Self::Ready,
                O::Two,
            ) => Self::Ambiguous,
            (Self::Creating, O::Refuse) => Self::Refused,
            (Self::Creating | Self::Unknown | Self::Ambiguous, O::Absent) => Self::Wanted,
            (Self::Present | Self::Ready, O::Verified) => Self::Ready,
            (Self::Present | Self::Ready, O::Unverified) => Self::Present,
            (Self::Present | Self::Ready | Self::Deleting, O::Absent) => Self::Gone,
            (Self::Present | Self::Ready | Self::Unknown | Self::Ambiguous, O::Delete) => {
                Self::Deleting
            }
            (Self::Wanted | Self::Refused, O::Delete) => Self::Gone,
            _ => {
                return Err(IllegalPhase { phase: self, observed });
            }
        };
        Ok(phase)
    }

    /// Whether the provider may hold something for it.
    pub const fn may_exist(self) -> bool {
        !matches!(self, Self::Wanted | Self::Gone | Self::Refused)
    }

    /// The phase in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Creating => "creating",
            Self::Unknown => "unknown",
            Self::Present => "present",
            Self::Ready => "ready",
            Self::Deleting => "deleting",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Ambiguous => "ambiguous",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a failed call says about the world, and so what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// Nothing was done, and the same call will not do better: the operator has to act.
    Rejected,
    /// Nothing was done; the same call will do in a moment.
    Busy,
    /// Nothing was done; the account has to wait.
    Throttled,
    /// Nothing was done: no quota or no stock. Plan elsewhere.
    Exhausted,
    /// It may have been done. Look before doing anything.
    Unknown,
    /// The thing that the call was about is not there.
    Gone,
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::Throttled => "throttled",
            Self::Exhausted => "exhausted",
            Self::Unknown => "unknown",
            Self::Gone => "gone",
        })
    }
}

/// One thing at a provider: at most one live one for each row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// The node, front door or egress address that it is.
    pub subject: Subject,
    /// The node that it is, or stands on.
    pub node: NodeId,
    /// The account that holds it.
    pub provider: ProviderName,
    /// How far it has come.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// Creation calls begun so far; part of each call's idempotency key.
    pub attempt: u32,
    /// The provider's own name for it, once known.
    #[serde(default)]
    pub provider_ref: Option<String>,
    /// Machine: its own address. Address: itself.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// Address: what last stood for it on its machine, where the vendor translates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<IpAddr>,
    /// The autonomous system that the address is announced from.
    #[serde(default)]
    pub asn: Option<Asn>,
    /// Address: whether it was last seen attached to its node's machine.
    #[serde(default)]
    pub attached: bool,
    /// Address without a tag: what was there before the call that makes it, while it is not known
    /// whether that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// When the last listing that should have shown it did not, and since when none has.
    #[serde(default)]
    pub missing_since: Option<Timestamp>,
    /// The last failure, until something succeeds.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// No call about it before this moment.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
}

/// What an account held before a call that makes something there: what carries no tag is told by
/// its being new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// When the call began.
    pub at: Timestamp,
    /// The account's names for what it showed that no row held.
    pub shown: BTreeSet<String>,
}

/// The last failure of a thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What it says about the world.
    pub class: FailureClass,
    /// The provider's words, with no secret in them.
    pub message: String,
    /// Failures in a row.
    pub count: u32,
}

impl Resource {
    /// A row for what was not asked for yet.
    pub const fn wanted(
        subject: Subject,
        node: NodeId,
        provider: ProviderName,
        since: Timestamp,
    ) -> Self {
        Self {
            subject,
            node,
            provider,
            phase: Phase::Wanted,
            since,
            attempt: 0,
            provider_ref: None,
            address: None,
            inner: None,
            asn: None,
            attached: false,
            before: None,
            missing_since: None,
            failure: None,
            not_before: None,
        }
    }

    /// Moves to the phase after an observation; `since` moves only with the phase.
    ///
    /// # Errors
    ///
    /// [`IllegalPhase`] as for [`Phase::next`]; the row is then unchanged.
    pub fn observe(&mut self, observed: Observed, at: Timestamp) -> Result<(), IllegalPhase> {
        let next = self.phase.next(observed)?;
        if next != self.phase {
            self.phase = next;
            self.since = at;
            let open = matches!(next, Phase::Creating | Phase::Unknown | Phase::Ambiguous);
            self.before = self.before.take().filter(|_| open);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_never_called_again_before_it_is_seen_absent() {
        assert!(Phase::Unknown.next(Observed::Begin).is_err());
        assert!(Phase::Creating.next(Observed::Begin).is_err());
        assert_eq!(Phase::Unknown.next(Observed::Absent), Ok(Phase::Wanted));
    }

    #[test]
    fn nothing_counts_as_gone_until_it_is_seen_gone() {
        assert_eq!(Phase::Ready.next(Observed::Delete), Ok(Phase::Deleting));
        assert_eq!(Phase::Deleting.next(Observed::Found), Ok(Phase::Deleting));
        assert_eq!(Phase::Deleting.next(Observed::Absent), Ok(Phase::Gone));
    }

    #[test]
    fn gone_is_final() {
        use Observed::*;
        for o in [Begin, Found, Vague, Two, Absent, Refuse, Verified, Unverified, Delete] {
            assert!(Phase::Gone.next(o).is_err(), "{o:?}");
        }
    }
}
