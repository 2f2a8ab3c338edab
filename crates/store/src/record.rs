//! What the store's callers hand in and get back.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{
    BlueprintId, FailureClass, NodeId, Origin, PopulationName, ProviderName, RegionName, Subject,
    Timestamp, Verb,
};
use damm_protocol::{AgentPublicKey, WireguardKey};
use serde::{Deserialize, Serialize};

/// How a state file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be written by this process alone; the file is made when it is missing.
    Write,
    /// To be written beside whoever holds it for writing: only for what no process has in memory,
    /// which are invitations and the audit log.
    Beside,
    /// To be read only, beside whoever writes.
    Read,
}

/// A step that is about to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The target that asks for it.
    pub blueprint: BlueprintId,
    /// The verb that it is a step of.
    pub verb: Verb,
    /// The step's name, such as `machine.create`.
    pub step: String,
    /// The node, front door or egress address that it is about; none for DNS and catalogs.
    pub subject: Option<Subject>,
    /// A DNS name, a balancer or a region, where there is no subject; else empty.
    pub object: String,
    /// The account that is called; none for steps of our own.
    pub provider: Option<ProviderName>,
    /// The key that makes the call idempotent.
    pub key: String,
    /// When it was begun.
    pub at: Timestamp,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done {
        /// The provider's name for the thing, where one was told.
        provider_ref: Option<String>,
    },
    /// It failed, and its class says what that means.
    Failed {
        /// What it means for the world.
        class: FailureClass,
        /// The provider's words, with no secret in them.
        message: String,
    },
    /// Found out later, by looking: after a crash or a lost answer.
    Settled {
        /// What was found: `found`, `absent`, `ambiguous`.
        found: String,
    },
}

/// An intent without an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenIntent {
    /// Its place in the ledger.
    pub seq: u64,
    /// What was about to be made.
    pub intent: Intent,
}

/// One step in the ledger with its outcome, if it has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Its place in the ledger.
    pub seq: u64,
    /// What was about to be made.
    #[serde(flatten)]
    pub intent: Intent,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Which rows of the ledger, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerFilter {
    /// Only rows about this subject.
    pub subject: Option<Subject>,
    /// Only rows of this blueprint.
    pub blueprint: Option<BlueprintId>,
    /// At most this many.
    pub limit: Option<u32>,
}

/// A blueprint without its entries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlueprintSummary {
    /// Its identity.
    pub id: BlueprintId,
    /// What it was made from.
    pub parent: Option<BlueprintId>,
    /// One more than its parent's.
    pub generation: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who asked for it.
    pub origin: Origin,
    /// Entries that differ from its parent's.
    pub changes: u64,
}

/// Until when an address may still be known outside, and to how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// The latest expiry of the catalogs that name it.
    pub named_until: Option<Timestamp>,
    /// When the last DNS record that names it has left every cache.
    pub resolvable_until: Option<Timestamp>,
    /// How many clients can ever have learned it.
    pub learned_by: u32,
}

/// What an agent last said: counts, never clients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredReport {
    /// When it was last heard of.
    pub heard_at: Timestamp,
    /// Whether all that it runs is well.
    pub healthy: bool,
    /// Since when that has been so.
    pub since: Timestamp,
    /// The generation of the orders that it carries out.
    pub generation: u64,
    /// Established sessions for each front door and egress address.
    pub sessions: BTreeMap<Subject, u64>,
}

/// An agent that has joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAgent {
    /// The node that it runs on.
    pub node: NodeId,
    /// The attempt to make the node that its token was of.
    pub attempt: u32,
    /// What its requests are signed with.
    pub identity: AgentPublicKey,
    /// Its key in the overlay.
    pub overlay: WireguardKey,
    /// What clients need to know of its transports, by kind.
    pub transports: BTreeMap<String, BTreeMap<String, String>>,
    /// When it joined.
    pub joined_at: Timestamp,
    /// No request of it up to this number is taken after a start.
    #[serde(skip)]
    pub sequence: u64,
    /// Whether all that it ran was well when it last spoke.
    pub healthy: bool,
    /// The generation of the orders that it carried out then.
    pub orders: u64,
    /// The addresses that it had found working then.
    pub verified: BTreeSet<Subject>,
}

/// A node's place among the addresses of its region's overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSeat {
    /// The node.
    pub node: NodeId,
    /// Its region.
    pub region: RegionName,
    /// Unique in the region.
    pub place: u16,
}

/// What stands in an agent's config.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredConfig {
    /// Only rises.
    #[serde(skip)]
    pub generation: u64,
    /// Of all that stands in it, but for its generation.
    pub digest: String,
    /// The generation of the blueprint whose orders are in it.
    pub orders: u64,
    /// The egress nodes that an ingress was given.
    pub peers: BTreeSet<NodeId>,
}

/// One bucket of one population in one region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketKey {
    /// The region.
    pub region: RegionName,
    /// The population.
    pub population: PopulationName,
    /// The bucket, from 0.
    pub bucket: u32,
}

/// What was last published for a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedBucket {
    /// The catalog's version.
    pub version: u64,
    /// SHA-256 of its contents without version and times, in hex.
    pub digest: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A channel that could not be brought up to date with a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// Since when.
    pub since: Timestamp,
    /// Tries that failed since.
    pub tries: u32,
    /// Why the last one did. It holds no secret.
    pub why: String,
}

/// Something that carries our tag and that we know nothing of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// The account that shows it.
    pub provider: ProviderName,
    /// The provider's name for it.
    pub provider_ref: String,
    /// `machine` or `address`.
    pub kind: String,
    /// The tag that it carries; empty where it carries none, and it is not known whose it was.
    pub tag: String,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// Listings that showed it.
    pub times_seen: u32,
    /// When the provider says that it was made.
    pub created_at: Timestamp,
}

/// One entry of the audit log. Each holds the hash of the one before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its place, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done.
    pub what: String,
    /// Its particulars.
    pub detail: serde_json::Value,
    /// SHA-256 over the entry and the hash before it, in hex.
    pub hash: String,
}
