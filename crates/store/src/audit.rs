//! The audit log: who changed what, when, by which blueprint; each entry chained to the one before.

use damm_fleet::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::Store;
use crate::error::{Error, Place, Result};
use crate::identity::meta;
use crate::record::AuditEntry;
use crate::rows::parse;
use crate::task::{NewEntry, Task};
use crate::tripwire::point;

/// The hash before the first entry.
const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Entries that are read at once.
const PIECE: i64 = 1_000;

/// An entry as it is stored.
#[derive(sqlx::FromRow)]
struct Stored {
    seq: i64,
    at: i64,
    actor: String,
    what: String,
    detail: String,
    hash: String,
}

/// The hash of an entry: SHA-256 over the hash before it and its canonical JSON (RFC 8785), in hex.
fn hash_of(before: &str, entry: &Stored) -> Result<String> {
    let Stored { seq, at, .. } = entry;
    let actor = canonical(&entry.actor)?;
    let what = canonical(&entry.what)?;
    let detail = &entry.detail;
    // Members in the order of RFC 8785, with `detail` canonical already.
    let json =
        format!(r#"{{"actor":{actor},"at":{at},"detail":{detail},"seq":{seq},"what":{what}}}"#);
    let hash = Sha256::new().chain_update(before).chain_update(json);
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn canonical(value: &impl serde::Serialize) -> Result<String> {
    let what = "an audit entry";
    serde_json_canonicalizer::to_string(value).map_err(|source| Error::Unwritable { what, source })
}

/// Where the log ends, as `meta` remembers it: the last entry's place and hash.
async fn head(conn: &mut SqliteConnection, place: &Place) -> Result<(i64, String)> {
    let Some(head) = meta(conn, place, "audit_head").await? else {
        return Ok((0, START.to_owned()));
    };
    let parts = head.split_once(' ');
    let parts = parts.and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.to_owned())));
    parts.ok_or_else(|| place.corrupt("meta: the audit log's head can't be read"))
}

/// Appends an entry within a transaction.
pub(crate) async fn append(
    conn: &mut SqliteConnection,
    new: &NewEntry,
    place: &Place,
) -> Result<()> {
    let (last, before) = head(conn, place).await?;
    let mut entry = Stored {
        seq: last + 1,
        at: new.at.as_millis(),
        actor: new.actor.clone(),
        what: new.what.clone(),
        detail: canonical(&new.detail)?,
        hash: String::new(),
    };
    entry.hash = hash_of(&before, &entry)?;
    insert(conn, entry).await.map_err(|e| place.sql(e))
}

async fn insert(conn: &mut SqliteConnection, entry: Stored) -> sqlx::Result<()> {
    let head = format!("{} {}", entry.seq, entry.hash);
    sqlx::query("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(entry.seq)
        .bind(entry.at)
        .bind(entry.actor)
        .bind(entry.what)
        .bind(entry.detail)
        .bind(entry.hash)
        .execute(&mut *conn)
        .await?;
    sqlx::query("INSERT OR REPLACE INTO meta VALUES ('audit_head', ?1)")
        .bind(head)
        .execute(conn)
        .await
        .map(drop)
}

/// Walks along the chain.
struct Walk {
    seq: i64,
    hash: String,
}

impl Walk {
    fn step(&mut self, entry: &Stored) -> Result<()> {
        let expected = self.seq + 1;
        if entry.seq != expected {
            let why = match entry.seq > expected {
                true => "it is missing",
                false => "it was put before the first one",
            };
            let seq = expected.min(entry.seq).unsigned_abs();
            return Err(Error::AuditBroken { seq, why });
        }
        if hash_of(&self.hash, entry)? != entry.hash {
            return Err(Error::AuditBroken {
                seq: expected.unsigned_abs(),
                why: "it was altered, or put in, or the one before it was taken out",
            });
        }
        self.seq = expected;
        self.hash.clone_from(&entry.hash);
        Ok(())
    }

    /// Compares the end of the chain with what `meta` remembers.
    fn end(self, (last, hash): (i64, String)) -> Result<u64> {
        let (seq, why) = match () {
            () if self.seq < last => (self.seq + 1, "it is missing: the end was cut off"),
            () if self.seq > last => (last + 1, "it was put in at the end"),
            () if self.hash != hash => (last, "it was altered"),
            () => return Ok(self.seq.unsigned_abs()),
        };
        let seq = seq.unsigned_abs();
        Err(Error::AuditBroken { seq, why })
    }
}

impl Store {
    /// Appends an entry to the audit log.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`], [`Error::Full`] and other failures of the database.
    pub async fn audit(
        &self,
        actor: &str,
        what: &str,
        detail: &Value,
        at: Timestamp,
    ) -> Result<()> {
        let entry =
            NewEntry { at, actor: actor.to_owned(), what: what.to_owned(), detail: detail.clone() };
        self.carry_out(point!("audit"), Task::Audit(entry)).await
    }

    /// The last `limit` entries, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and other failures of the database.
    pub async fn audit_log(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        let mut conn = self.read().await?;
        let rows = sqlx::query_as("SELECT * FROM audit ORDER BY seq DESC LIMIT ?1");
        let rows = rows.bind(limit).fetch_all(&mut *conn).await;
        let rows: Vec<Stored> = rows.map_err(|e| self.place.sql(e))?;
        rows.into_iter().map(|row| self.entry(row)).collect()
    }

    /// The last `limit` entries that tell of one thing, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and other failures of the database.
    pub async fn audit_of(&self, what: &str, limit: u32) -> Result<Vec<AuditEntry>> {
        let mut conn = self.read().await?;
        let sql = "SELECT * FROM audit WHERE what = ?1 ORDER BY seq DESC LIMIT ?2";
        let rows = sqlx::query_as(sql).bind(what).bind(limit).fetch_all(&mut *conn).await;
        let rows: Vec<Stored> = rows.map_err(|e| self.place.sql(e))?;
        rows.into_iter().map(|row| self.entry(row)).collect()
    }

    fn entry(&self, stored: Stored) -> Result<AuditEntry> {
        Ok(AuditEntry {
            seq: stored.seq.unsigned_abs(),
            at: Timestamp::from_millis(stored.at),
            detail: parse(&self.place, "audit", &stored.detail)?,
            actor: stored.actor,
            what: stored.what,
            hash: stored.hash,
        })
    }

    /// Walks the whole chain; the answer is its number of entries.
    ///
    /// # Caveats
    ///
    /// Whoever can write to the file can also forge a whole chain. To notice that, keep the newest
    /// hash elsewhere and compare.
    ///
    /// # Errors
    ///
    /// [`Error::AuditBroken`] names the first entry that does not fit.
    pub async fn verify_audit(&self) -> Result<u64> {
        let mut conn = self.read().await?;
        let mut tx = conn.begin().await.map_err(|e| self.place.sql(e))?;
        let (mut walk, mut from) = (Walk { seq: 0, hash: START.to_owned() }, i64::MIN);
        loop {
            let rows = sqlx::query_as("SELECT * FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2");
            let rows = rows.bind(from).bind(PIECE).fetch_all(&mut *tx).await;
            let rows: Vec<Stored> = rows.map_err(|e| self.place.sql(e))?;
            let Some(last) = rows.last() else { break };
            from = last.seq;
            rows.iter().try_for_each(|entry| walk.step(entry))?;
        }
        let head = head(&mut tx, &self.place).await?;
        tx.commit().await.map_err(|e| self.place.sql(e))?;
        walk.end(head)
    }
}
