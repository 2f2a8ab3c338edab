//! Writing a new target, within one transaction: compare, refuse, append, remember.

use std::collections::BTreeSet;

use damm_fleet::{NodeId, Phase, ProviderName, Resource, Subject};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::error::{Error, Place, Result};
use crate::resources::{self, WANTED};
use crate::rows::{Groups, Row, Statement, parse, text, word};
use crate::target::{NewTarget, Places, contradiction, place_all};
use crate::task::NewEntry;
use crate::{audit, blueprints};

/// Remembers subjects for ever: subject, generation.
static SUBJECTS: Statement = Statement {
    table: "subjects",
    sql: "INSERT INTO subjects SELECT value ->> 0, value ->> 1 FROM json_each(?1)",
};

/// Forgets what was seen gone: `[subject]`, in each of the tables that speak of it.
static FORGET: [Statement; 8] = [
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
    Statement {
        table: "agents",
        sql: "DELETE FROM agents WHERE node IN (SELECT value ->> 0 FROM json_each(?1))",
    },
    Statement {
        table: "seats",
        sql: "DELETE FROM seats WHERE node IN (SELECT value ->> 0 FROM json_each(?1))",
    },
    Statement {
        table: "agent_configs",
        sql: "DELETE FROM agent_configs WHERE node IN (SELECT value ->> 0 FROM json_each(?1))",
    },
    Statement {
        table: "node_orders",
        sql: "DELETE FROM node_orders WHERE node IN (SELECT value ->> 0 FROM json_each(?1))",
    },
];

impl NewTarget {
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
    let found = found.bind(text("ids", &entered)?).fetch_optional(conn).await;
    let found: Option<String> = found.map_err(|e| place.sql(e))?;
    match found {
        None => Ok(()),
        Some(subject) => Err(Error::IdUsedTwice { subject: word(place, "subjects", &subject)? }),
    }
}
