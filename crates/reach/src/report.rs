//! What a client, a vantage point or a node tells.

use damm_fleet::{FrontdoorId, Network, ProviderName, Span};

/// A transfer that freezes after at most so many bytes counts as blocked: censors let the first
/// packets of a connection through and then drop the rest, in Russia after 15 to 20 KB.
pub const FREEZE_BYTES: u64 = 32 * 1_024;

/// A reporter, as a number that says nothing of who it is.
///
/// The caller draws it from the token's nullifier with a key of its own, the same number for the
/// same credential throughout a [`period`](crate::Settings::period), and another one in the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reporter(pub u64);

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It got through, and the node itself saw it: a nonce was fetched through the door.
    Verified,
    /// Somebody says that it got through. It counts for nothing: saying so costs nothing.
    Claimed,
    /// No connection came about.
    Failed,
    /// A connection came about, and froze after so many bytes.
    Stalled {
        /// Bytes received before it froze.
        received: u64,
    },
    /// It failed, and so did everything else in the country: the client was offline. It counts for
    /// its network, never against the door.
    Offline,
}

/// What an outcome is to the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearing {
    Ok,
    Fail,
    /// It speaks for throttling alone.
    Soft,
    Network,
    None,
}

impl Outcome {
    pub(crate) const fn bearing(self) -> Bearing {
        match self {
            Self::Verified => Bearing::Ok,
            Self::Failed => Bearing::Fail,
            Self::Stalled { received } if received <= FREEZE_BYTES => Bearing::Fail,
            Self::Stalled { .. } => Bearing::Soft,
            Self::Offline => Bearing::Network,
            Self::Claimed => Bearing::None,
        }
    }
}

/// How long a credential is known: what its reports are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// Under a week: a quarter of a vote, so that enrolling many is dear.
    New,
    /// A week and more: half a vote.
    Settling,
    /// Over 30 days: a whole vote.
    Settled,
}

impl Age {
    /// The class of a credential that is so old.
    pub fn of(age: Span) -> Self {
        match age {
            age if age > Span::from_days(30) => Self::Settled,
            age if age >= Span::from_days(7) => Self::Settling,
            _ => Self::New,
        }
    }

    /// What a report is worth, from 0 to 1.
    pub const fn weight(self) -> f64 {
        match self {
            Self::New => 0.25,
            Self::Settling => 0.5,
            Self::Settled => 1.0,
        }
    }
}

/// One client's report on one attempt, its token checked already.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The door that was tried.
    pub door: FrontdoorId,
    /// Where the client stands, as the node or the relay saw it.
    pub network: Network,
    /// Who says so.
    pub reporter: Reporter,
    /// How long the credential is known.
    pub age: Age,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// How long ago the attempt was.
    pub ago: Span,
}

/// What a trusted vantage point found. It is a track of its own: a success here never clears what
/// clients say, as a censor may know the vantage point and let it through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// The door that was tried.
    pub door: FrontdoorId,
    /// Where the vantage point stands.
    pub network: Network,
    /// Whether it got through.
    pub through: bool,
}

/// What is known of a door before anybody reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The account that it stands at.
    pub provider: ProviderName,
    /// The kind of its transport, as in the topology.
    pub transport: String,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It counted.
    Counted,
    /// It counted for its network alone.
    ForTheNetwork,
    /// It counted for nothing.
    Ignored(Ignored),
}

/// Why a report counted for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// The room was told of no such door.
    UnknownDoor,
    /// The attempt was over two hours ago.
    Stale,
    /// A success that no node saw.
    Unverified,
    /// The attempt was made while the door was down, or before a block ended that it speaks of.
    Overtaken,
}
