//! Setting the target: one transaction that compares, appends and remembers.

use std::collections::BTreeMap;

use damm_fleet::{Blueprint, BlueprintId, Change, Diff, Node, NodeId, ProviderName, Subject};
use serde::Serialize;

use crate::Store;
use crate::error::{Error, Result};
use crate::rows::{Row, Statement, text};
use crate::task::Task;
use crate::tripwire::point;

/// Appends changes: generation, ordinal, kind, key, body.
static CHANGES: Statement = Statement {
    table: "changes",
    sql: "INSERT INTO changes (generation, ordinal, kind, key, body)
          SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
          FROM json_each(?1)",
};

/// Sets entries: kind, key, body.
static SET: Statement = Statement {
    table: "desired",
    sql: "INSERT INTO desired (kind, key, body)
          SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)
          WHERE true ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
};

/// Removes entries: kind, key.
static UNSET: Statement = Statement {
    table: "desired",
    sql: "DELETE FROM desired WHERE (kind, key) IN
          (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
};

/// Where a subject stands: its node and that node's account.
pub(crate) type Places = BTreeMap<Subject, (NodeId, ProviderName)>;

/// A new target, ready to be written.
pub(crate) struct NewTarget {
    /// The blueprint without its entries.
    pub header: Blueprint,
    /// Rows of `changes` and `desired`.
    pub entries: Vec<Row>,
    /// Nodes that change, as keys of `desired`.
    pub touched: Vec<String>,
    /// What stands on these nodes then.
    pub after: Places,
    /// Entries of each kind then.
    pub counts: [(&'static str, usize); 4],
    /// Entries that change.
    pub changes: usize,
    /// The planner's report, as JSON.
    pub report: String,
    /// Who sets it.
    pub actor: String,
}

/// A blueprint without its entries.
fn header(blueprint: &Blueprint) -> Blueprint {
    let mut header = Blueprint::genesis(blueprint.id, blueprint.created_at);
    header.parent = blueprint.parent;
    header.generation = blueprint.generation;
    header.origin = blueprint.origin.clone();
    header
}

fn subjects(node: &Node) -> impl Iterator<Item = Subject> {
    let doors = node.frontdoors.keys().map(|id| Subject::from(*id));
    let ips = node.egress_ips.keys().map(|id| Subject::from(*id));
    std::iter::once(Subject::from(node.id)).chain(doors).chain(ips)
}

/// Adds what stands on a node, and the node.
pub(crate) fn place_all(node: &Node, places: &mut Places) {
    let at = (node.id, node.provider.clone());
    places.extend(subjects(node).map(|s| (s, at.clone())));
}

/// A plan that does not fit together.
pub(crate) fn contradiction(why: impl Into<String>) -> Error {
    Error::Contradiction { why: why.into() }
}

impl NewTarget {
    fn new(
        blueprint: &Blueprint,
        diff: &Diff,
        report: &serde_json::Value,
        actor: &str,
    ) -> Result<Self> {
        let mut new = Self {
            header: header(blueprint),
            entries: Vec::with_capacity(2 * diff.0.len()),
            touched: Vec::new(),
            after: Places::new(),
            counts: [
                ("node", blueprint.nodes.len()),
                ("record", blueprint.records.len()),
                ("target", blueprint.targets.len()),
                ("catalog", blueprint.catalogs.len()),
            ],
            changes: diff.0.len(),
            report: text("a report", report)?,
            actor: actor.to_owned(),
        };
        for change in &diff.0 {
            new.change(change, blueprint)?;
        }
        Ok(new)
    }

    fn change(&mut self, change: &Change, blueprint: &Blueprint) -> Result<()> {
        match change {
            Change::Node { key, to } => {
                self.touched.push(text("a node's id", key)?);
                if let Some(node) = to {
                    place_all(node, &mut self.after);
                }
                self.entry("node", key, to.as_deref(), blueprint.nodes.get(key))
            }
            Change::Record { key, to } => {
                self.entry("record", key, to.as_ref(), blueprint.records.get(key))
            }
            Change::Target { key, to } => {
                self.entry("target", key, to.as_ref(), blueprint.targets.get(key))
            }
            Change::Catalog { key, to } => {
                self.entry("catalog", key, to.as_ref(), blueprint.catalogs.get(key))
            }
        }
    }

    fn entry<K: Serialize, V: Serialize + PartialEq>(
        &mut self,
        kind: &'static str,
        key: &K,
        to: Option<&V>,
        in_blueprint: Option<&V>,
    ) -> Result<()> {
        let key = text(kind, key)?;
        if to != in_blueprint {
            let why =
                format!("the {kind} {key} is one thing in the blueprint and another in the diff");
            return Err(contradiction(why));
        }
        let body = to.map(|to| text(kind, to)).transpose()?;
        let ordinal = self.entries.len() / 2;
        let change = (self.header.generation, ordinal, kind, &key, &body);
        self.entries.push(Row::new(&CHANGES, &change)?);
        self.entries.push(match body {
            Some(body) => Row::new(&SET, &(kind, key, body))?,
            None => Row::new(&UNSET, &(kind, key))?,
        });
        Ok(())
    }
}

impl Store {
    /// Makes a blueprint the target. In one transaction: compare-and-set of the target (the
    /// blueprint's parent must be the current one), its header and diff appended, the target's
    /// entries brought up to date, a `Wanted` row for every node, front door and egress address
    /// that is new, the rows of those that left dropped, and an entry in the audit log.
    ///
    /// # Errors
    ///
    /// - [`Error::Stale`] when another blueprint has become the target.
    /// - [`Error::StillThere`] when something leaves that its provider may still hold.
    /// - [`Error::IdUsedTwice`] when something new has the id of something old.
    /// - [`Error::Contradiction`] when blueprint and diff don't fit together.
    pub async fn set_target(
        &self,
        blueprint: &Blueprint,
        diff: &Diff,
        report: &serde_json::Value,
        actor: &str,
    ) -> Result<()> {
        let target = NewTarget::new(blueprint, diff, report, actor)?;
        let known: BlueprintId = blueprint.id;
        let set = self.carry_out(point!("set_target"), Task::Target(Box::new(target)));
        set.await.map_err(|error| match error.constraint() {
            Some(_) => contradiction(format!("the blueprint {known} was the target before")),
            None => error,
        })
    }
}
