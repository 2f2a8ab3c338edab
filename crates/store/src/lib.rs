//! Durable state: blueprints, ledger, inventory, verdicts, audit log.
//!
//! # Guarantees
//!
//! - What a method has returned `Ok` for survives `kill -9` and a power cut (`synchronous=FULL`).
//! - The ledger and the audit log are only ever appended to.
//! - One process writes to a state at a time; any number may read.
//! - No secret and no client's address is ever given to this crate.

mod record;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use damm_fleet::blueprint::{RecordKey, RecordSet, Target, TargetKey};
use damm_fleet::inventory::{ObservedCatalog, ObservedProvider};
use damm_fleet::{
    Blueprint, BlueprintId, Diff, FrontdoorId, NodeId, ProviderName, RegionName, Resource, Subject,
    Timestamp, Verdicts,
};
pub use record::{
    Access, AuditEntry, BlueprintSummary, BucketKey, Error, Exposure, Intent, LedgerFilter,
    LedgerRow, OpenIntent, Orphan, Outcome, PublishedBucket, StoredReport, Tripwire,
};

/// The result of a store call.
pub type Result<T> = std::result::Result<T, Error>;

/// One state file.
#[derive(Clone)]
pub struct Store;

#[allow(unused_variables, clippy::unused_async, missing_docs)]
impl Store {
    /// Opens a state file, making it when it is missing and `access` is `Write`.
    pub async fn open(path: &Path, access: Access) -> Result<Self> {
        unimplemented!()
    }
    pub fn with_tripwire(self, tripwire: Tripwire) -> Self {
        unimplemented!()
    }
    pub async fn close(self) -> Result<()> {
        unimplemented!()
    }

    // --- the fleet this state belongs to
    /// Binds a fresh state to a fleet's name; refuses another fleet's.
    pub async fn bind_fleet(&self, fleet: &str) -> Result<()> {
        unimplemented!()
    }
    /// The last topology text that a blueprint was made from, for `status`, `explain`.
    pub async fn topology(&self) -> Result<Option<(String, String)>> {
        unimplemented!()
    }
    pub async fn put_topology(&self, path: &str, text: &str) -> Result<()> {
        unimplemented!()
    }

    // --- blueprints
    /// The current target with all of its entries; a fresh genesis when there is none yet.
    pub async fn target(&self) -> Result<Blueprint> {
        unimplemented!()
    }
    pub async fn target_id(&self) -> Result<BlueprintId> {
        unimplemented!()
    }
    /// In one transaction: compare-and-set of the target (its parent must be the current target,
    /// else `Error::Stale`), the blueprint's header and diff appended, desired entries updated, a
    /// `Wanted` resource row for every node, front door and egress address that is new, and the
    /// audit entry.
    pub async fn set_target(
        &self,
        blueprint: &Blueprint,
        diff: &Diff,
        report: &serde_json::Value,
        actor: &str,
    ) -> Result<()> {
        unimplemented!()
    }
    pub async fn blueprints(&self, limit: u32) -> Result<Vec<BlueprintSummary>> {
        unimplemented!()
    }
    pub async fn blueprint_diff(
        &self,
        id: BlueprintId,
    ) -> Result<Option<(BlueprintSummary, Diff)>> {
        unimplemented!()
    }

    // --- ledger and resources
    /// Durable before the call: appends the intent and, in the same transaction, stores the row's
    /// new state. Concurrent callers share one commit.
    pub async fn begin(&self, intent: &Intent, resource: Option<&Resource>) -> Result<u64> {
        unimplemented!()
    }
    /// Durable after the call: appends the outcome and stores the row's new state.
    pub async fn end(
        &self,
        seq: u64,
        outcome: &Outcome,
        resource: Option<&Resource>,
        at: Timestamp,
    ) -> Result<()> {
        unimplemented!()
    }
    /// Intents that have no outcome: the process died between the two, or is still at it.
    pub async fn open_intents(&self) -> Result<Vec<OpenIntent>> {
        unimplemented!()
    }
    pub async fn ledger(&self, filter: &LedgerFilter) -> Result<Vec<LedgerRow>> {
        unimplemented!()
    }
    /// All rows, `Gone` ones too only while their subject is still in the target.
    pub async fn resources(&self) -> Result<Vec<Resource>> {
        unimplemented!()
    }
    /// Whether this subject ever had a row (even if gone since): what is known is no orphan.
    pub async fn ever_known(&self, subject: Subject) -> Result<bool> {
        unimplemented!()
    }
    /// Stores what was observed without a call of ours, in one transaction.
    pub async fn put_resources(&self, resources: &[Resource]) -> Result<()> {
        unimplemented!()
    }

    // --- exposure: written before a catalog or a record is, so that rule 5 can hold
    pub async fn exposures(&self) -> Result<BTreeMap<FrontdoorId, Exposure>> {
        unimplemented!()
    }
    /// Raises each moment to at least the one given; never lowers one.
    pub async fn expose(&self, exposures: &[(FrontdoorId, Exposure)]) -> Result<()> {
        unimplemented!()
    }

    // --- what DNS servers, balancers and agents were last told
    pub async fn applied_records(&self) -> Result<BTreeMap<RecordKey, (RecordSet, Timestamp)>> {
        unimplemented!()
    }
    pub async fn put_applied_record(
        &self,
        key: &RecordKey,
        set: Option<&RecordSet>,
        at: Timestamp,
    ) -> Result<()> {
        unimplemented!()
    }
    pub async fn applied_targets(&self) -> Result<BTreeMap<TargetKey, Target>> {
        unimplemented!()
    }
    pub async fn put_applied_target(&self, key: &TargetKey, target: Option<&Target>) -> Result<()> {
        unimplemented!()
    }
    /// A digest of the orders that were last left for each node.
    pub async fn applied_orders(&self) -> Result<BTreeMap<NodeId, String>> {
        unimplemented!()
    }
    pub async fn put_applied_orders(&self, node: NodeId, digest: Option<&str>) -> Result<()> {
        unimplemented!()
    }

    // --- agents' reports (counts only) and providers' notes
    pub async fn reports(&self) -> Result<BTreeMap<NodeId, StoredReport>> {
        unimplemented!()
    }
    pub async fn put_reports(&self, reports: &BTreeMap<NodeId, StoredReport>) -> Result<()> {
        unimplemented!()
    }
    pub async fn providers(&self) -> Result<BTreeMap<ProviderName, ObservedProvider>> {
        unimplemented!()
    }
    pub async fn put_provider(
        &self,
        name: &ProviderName,
        observed: &ObservedProvider,
    ) -> Result<()> {
        unimplemented!()
    }

    // --- catalogs
    pub async fn catalogs(&self) -> Result<BTreeMap<RegionName, ObservedCatalog>> {
        unimplemented!()
    }
    pub async fn put_catalog(&self, region: &RegionName, observed: &ObservedCatalog) -> Result<()> {
        unimplemented!()
    }
    pub async fn buckets(
        &self,
        region: &RegionName,
    ) -> Result<BTreeMap<BucketKey, PublishedBucket>> {
        unimplemented!()
    }
    pub async fn put_bucket(&self, key: &BucketKey, bucket: &PublishedBucket) -> Result<()> {
        unimplemented!()
    }

    // --- verdicts
    pub async fn verdicts(&self) -> Result<Verdicts> {
        unimplemented!()
    }
    /// Replaces all verdicts.
    pub async fn put_verdicts(&self, verdicts: &Verdicts) -> Result<()> {
        unimplemented!()
    }

    // --- orphans
    pub async fn orphans(&self) -> Result<Vec<Orphan>> {
        unimplemented!()
    }
    pub async fn put_orphan(&self, orphan: &Orphan) -> Result<()> {
        unimplemented!()
    }
    pub async fn forget_orphan(&self, provider: &ProviderName, provider_ref: &str) -> Result<()> {
        unimplemented!()
    }

    // --- audit
    pub async fn audit(
        &self,
        actor: &str,
        what: &str,
        detail: &serde_json::Value,
        at: Timestamp,
    ) -> Result<()> {
        unimplemented!()
    }
    pub async fn audit_log(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        unimplemented!()
    }
    /// Walks the whole chain: the number of entries, or the first that does not fit.
    pub async fn verify_audit(&self) -> Result<u64> {
        unimplemented!()
    }

    // --- the embedded cloud's own objects, in the same file
    pub async fn sim_objects(&self) -> Result<Vec<(String, String)>> {
        unimplemented!()
    }
    /// One transaction: puts (`Some`) and deletes (`None`).
    pub async fn put_sim_objects(&self, objects: &[(String, Option<String>)]) -> Result<()> {
        unimplemented!()
    }
}
/// A hook's type, kept here for the skeleton.
pub(crate) type Hook = Arc<dyn Fn(&'static str) -> bool + Send + Sync>;
