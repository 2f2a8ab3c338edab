//! Setting the target: one transaction that compares, appends and remembers.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{
    Blueprint, BlueprintId, Change, Diff, Node, NodeId, Phase, ProviderName, Resource, Subject,
};
use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::Store;
use crate::error::{Error, Place, Result};
use crate::resources::{self, WANTED};
use crate::rows::{Groups, Row, Statement, parse, text, word};
use crate::task::{NewEntry, Task};
use crate::tripwire::point;
use crate::{audit, blueprints};

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

/// Remembers subjects for ever: subject, generation.
static SUBJECTS: Statement = Statement {
    table: "subjects",
    sql: "INSERT INTO subjects SELECT value ->> 0, value ->> 1 FROM json_each(?1)",
};

/// Forgets what was seen gone: `[subject]`, in each of the tables that speak of it.
static FORGET: [Statement; 4] = [
    Statement {
        table: "resources",
        sql: "DELETE FROM resources WHERE subject IN (SELECT value ->> 0 FROM json_each(?1))",
    },
    Statement {
        table: "exposures",
        sql: "DELETE FROM exposures WHERE frontdoor IN (SELECT value ->> 0 FROM json_each(?1))",
    },
    Statement {
        table: "reports",
        sql: "DELETE FROM reports WHERE node IN (SELECT value ->> 0 FROM json_each(?1))",
    },
    Statement {
        table: "applied_orders",
        sql: "DELETE FROM applied_orders WHERE node IN (SELECT value ->> 0 FROM json_each(?1))",
    },
];

/// Where a subject stands: its node and that node's account.
type Places = BTreeMap<Subject, (NodeId, ProviderName)>;

/// A new target, ready to be written.
pub(crate) struct NewTarget {
    header: Blueprint,
    /// Rows of `changes` and `desired`.
    entries: Vec<Row>,
    /// Nodes that change, as keys of `desired`.
    touched: Vec<String>,
    /// What stands on these nodes then.
    after: Places,
    /// Entries of each kind then.
    counts: [(&'static str, usize); 4],
    changes: usize,
    report: String,
    actor: String,
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
    std::iter::once(Subject::from(node.id))
        .chain(doors)
        .chain(ips)
}

fn place_all(node: &Node, places: &mut Places) {
    let at = (node.id, node.provider.clone());
    places.extend(subjects(node).map(|s| (s, at.clone())));
}

fn contradiction(why: impl Into<String>) -> Error {
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

    /// Writes it within a transaction.
    pub async fn write(self, conn: &mut SqliteConnection, place: &Place) -> Result<()> {
        self.compare(conn, place).await?;
        let before = self.before(conn, place).await?;
        let left = before.keys().filter(|s| !self.after.contains_key(s));
        let left: BTreeSet<Subject> = left.copied().collect();
        let entered = self.after.iter().filter(|(s, _)| !before.contains_key(s));
        let entered: Vec<_> = entered.collect();
        refuse_lost(conn, place, &left).await?;
        let names: Vec<Subject> = entered.iter().map(|(s, _)| **s).collect();
        refuse_reused(conn, place, &names).await?;
        self.append_header(conn).await.map_err(|e| place.sql(e))?;
        let mut groups = Groups::default();
        self.append(&mut groups, &left, &entered)?;
        groups.write(conn).await.map_err(|e| place.sql(e))?;
        self.count(conn, place).await?;
        audit::append(conn, &self.audit_entry(), place).await
    }

    /// Refuses a plan whose parent is not the target any more.
    async fn compare(&self, conn: &mut SqliteConnection, place: &Place) -> Result<()> {
        let target = blueprints::target_header(conn, place).await?;
        let parent = self.header.parent;
        let parent = parent.ok_or_else(|| contradiction("its blueprint has no parent"))?;
        if parent != target.id {
            let target = target.id;
            return Err(Error::Stale { parent, target });
        }
        match self.header.generation == target.generation + 1 {
            true => Ok(()),
            false => Err(contradiction("its generation does not follow its parent's")),
        }
    }

    /// What stood on the nodes that change.
    async fn before(&self, conn: &mut SqliteConnection, place: &Place) -> Result<Places> {
        let bodies = sqlx::query_scalar(
            "SELECT body FROM desired
             WHERE kind = 'node' AND key IN (SELECT value FROM json_each(?1))",
        );
        let keys = text("ids", &self.touched)?;
        let bodies = bodies.bind(keys).fetch_all(conn).await;
        let bodies: Vec<String> = bodies.map_err(|e| place.sql(e))?;
        let mut places = Places::new();
        for body in bodies {
            place_all(&parse(place, "desired", &body)?, &mut places);
        }
        Ok(places)
    }

    async fn append_header(&self, conn: &mut SqliteConnection) -> sqlx::Result<()> {
        let origin = serde_json::to_string(&self.header.origin);
        let origin = origin.map_err(|e| sqlx::Error::Encode(e.into()))?;
        sqlx::query("INSERT INTO blueprints VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
            .bind(self.header.generation.cast_signed())
            .bind(self.header.id.to_string())
            .bind(self.header.parent.map(|p| p.to_string()))
            .bind(self.header.created_at.as_millis())
            .bind(origin)
            .bind(self.changes as i64)
            .bind(&self.report)
            .execute(conn)
            .await
            .map(drop)
    }

    fn append(
        &self,
        groups: &mut Groups,
        left: &BTreeSet<Subject>,
        entered: &[(&Subject, &(NodeId, ProviderName))],
    ) -> Result<()> {
        for row in &self.entries {
            groups.add(row.statement, &row.json);
        }
        for (subject, statement) in left.iter().flat_map(|s| FORGET.iter().map(move |f| (s, f))) {
            let row = Row::new(statement, &[subject])?;
            groups.add(row.statement, &row.json);
        }
        let since = self.header.created_at;
        for (subject, (node, provider)) in entered {
            let known = Row::new(&SUBJECTS, &(subject, self.header.generation))?;
            groups.add(known.statement, &known.json);
            let wanted = Resource::wanted(**subject, *node, provider.clone(), since);
            let wanted = resources::row(&WANTED, &wanted)?;
            groups.add(wanted.statement, &wanted.json);
        }
        Ok(())
    }

    /// Refuses a diff that does not lead to the blueprint's number of entries.
    async fn count(&self, conn: &mut SqliteConnection, place: &Place) -> Result<()> {
        for (kind, expected) in self.counts {
            let found = sqlx::query_scalar("SELECT count(*) FROM desired WHERE kind = ?1");
            let found: sqlx::Result<i64> = found.bind(kind).fetch_one(&mut *conn).await;
            let found = found.map_err(|e| place.sql(e))?;
            if found != expected as i64 {
                let why =
                    format!("its diff leads to {found} {kind}s, its blueprint has {expected}");
                return Err(contradiction(why));
            }
        }
        Ok(())
    }

    fn audit_entry(&self) -> NewEntry {
        NewEntry {
            at: self.header.created_at,
            actor: self.actor.clone(),
            what: "set the target".to_owned(),
            detail: json!({
                "blueprint": self.header.id,
                "parent": self.header.parent,
                "generation": self.header.generation,
                "origin": self.header.origin,
                "changes": self.changes,
            }),
        }
    }
}

/// Refuses to forget what its provider may still hold.
async fn refuse_lost(
    conn: &mut SqliteConnection,
    place: &Place,
    left: &BTreeSet<Subject>,
) -> Result<()> {
    let rows = sqlx::query_as(
        "SELECT subject, phase FROM resources
         WHERE subject IN (SELECT value FROM json_each(?1)) ORDER BY subject",
    );
    let rows = rows.bind(text("ids", left)?).fetch_all(conn).await;
    let rows: Vec<(String, String)> = rows.map_err(|e| place.sql(e))?;
    for (subject, phase) in rows {
        let phase: Phase = word(place, "resources", &phase)?;
        if phase.may_exist() {
            let subject = word(place, "resources", &subject)?;
            return Err(Error::StillThere { subject, phase });
        }
    }
    Ok(())
}

/// Refuses ids that were used before.
async fn refuse_reused(
    conn: &mut SqliteConnection,
    place: &Place,
    entered: &[Subject],
) -> Result<()> {
    let found = sqlx::query_scalar(
        "SELECT subject FROM subjects
         WHERE subject IN (SELECT value FROM json_each(?1)) ORDER BY subject LIMIT 1",
    );
    let found = found
        .bind(text("ids", &entered)?)
        .fetch_optional(conn)
        .await;
    let found: Option<String> = found.map_err(|e| place.sql(e))?;
    match found {
        None => Ok(()),
        Some(subject) => Err(Error::IdUsedTwice {
            subject: word(place, "subjects", &subject)?,
        }),
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
