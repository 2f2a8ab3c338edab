//! Blueprints: the target with all of its entries, and the history that led to it.

use std::collections::BTreeSet;

use damm_fleet::blueprint::{Catalog, RecordKey, RecordSet, Target, TargetKey};
use damm_fleet::{
    Blueprint, BlueprintId, Change, Diff, Node, Origin, ProfileName, ProviderName, RegionName,
    Timestamp,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::Store;
use crate::error::{Place, Result};
use crate::record::BlueprintSummary;
use crate::rows::{parse, read_all, word};

/// The target's entries in large pieces, in the order in which they lie in the file: the index by
/// kind would have all of them sorted for each piece, and the table walked through for each kind.
const ENTRIES: &str = "SELECT max(r), '[' || group_concat('{\"' || kind || '\":' ||
    CASE kind WHEN 'node' THEN body ELSE '[' || key || ',' || body || ']' END || '}') || ']'
    FROM (SELECT rowid AS r, kind, key, body FROM desired NOT INDEXED WHERE rowid > ?1
          ORDER BY rowid LIMIT 2000)";

/// One of them. A node's body holds its key; other entries come as pairs.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    Node(Box<Node>),
    Record(RecordKey, RecordSet),
    Target(TargetKey, Target),
    Catalog(RegionName, Catalog),
}

/// All of them, as they were read.
#[derive(Default)]
struct Entries {
    #[expect(clippy::vec_box, reason = "they are sorted by moving boxes, and freed one by one")]
    nodes: Vec<Box<Node>>,
    records: Vec<(RecordKey, RecordSet)>,
    targets: Vec<(TargetKey, Target)>,
    catalogs: Vec<(RegionName, Catalog)>,
    names: Names,
}

impl Entries {
    fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Node(mut node) => {
                self.names.share(&mut node);
                self.nodes.push(node);
            }
            Entry::Record(key, set) => self.records.push((key, set)),
            Entry::Target(key, target) => self.targets.push((key, target)),
            Entry::Catalog(region, catalog) => self.catalogs.push((region, catalog)),
        }
    }
}

/// A blueprint's header as it is stored.
#[derive(sqlx::FromRow)]
struct Header {
    generation: i64,
    id: String,
    parent: Option<String>,
    created_at: i64,
    origin: String,
    changes: i64,
}

impl Header {
    fn read(self, place: &Place) -> Result<BlueprintSummary> {
        let parent = self.parent.map(|p| word(place, "blueprints", &p));
        Ok(BlueprintSummary {
            id: word(place, "blueprints", &self.id)?,
            parent: parent.transpose()?,
            generation: self.generation.unsigned_abs(),
            created_at: Timestamp::from_millis(self.created_at),
            origin: parse::<Origin>(place, "blueprints", &self.origin)?,
            changes: self.changes.unsigned_abs(),
        })
    }
}

/// The columns of [`Header`], from a selection of blueprints.
macro_rules! headers {
    ($which:literal) => {
        concat!(
            "SELECT generation, id, parent, created_at, origin, changes FROM blueprints ",
            $which
        )
    };
}

/// The target without its entries.
pub(crate) async fn target_header(
    conn: &mut SqliteConnection,
    place: &Place,
) -> Result<BlueprintSummary> {
    let sql = headers!("ORDER BY generation DESC LIMIT 1");
    let header: sqlx::Result<Header> = sqlx::query_as(sql).fetch_one(conn).await;
    header.map_err(|e| place.sql(e))?.read(place)
}

/// Names that were read already. A large fleet has few, each of them thousands of times.
#[derive(Default)]
struct Names {
    regions: BTreeSet<RegionName>,
    providers: BTreeSet<ProviderName>,
    profiles: BTreeSet<ProfileName>,
}

impl Names {
    /// Lets a node share its names with those that were read before it.
    fn share(&mut self, node: &mut Node) {
        share(&mut self.regions, &mut node.region);
        share(&mut self.providers, &mut node.provider);
        share(&mut self.profiles, &mut node.profile);
    }
}

fn share<N: Ord + Clone>(known: &mut BTreeSet<N>, name: &mut N) {
    match known.get(name) {
        Some(same) => *name = same.clone(),
        None => drop(known.insert(name.clone())),
    }
}

async fn target(conn: &mut SqliteConnection, place: &Place) -> Result<Blueprint> {
    let header = target_header(conn, place).await?;
    let mut all = Entries::default();
    read_all(conn, place, "desired", ENTRIES, |entry| all.add(entry)).await?;
    // They lie in memory in the order in which they will be walked through.
    all.nodes.sort_unstable_by_key(|n| n.id);
    Ok(Blueprint {
        id: header.id,
        parent: header.parent,
        generation: header.generation,
        created_at: header.created_at,
        origin: header.origin,
        nodes: all.nodes.into_iter().map(|n| (n.id, *n)).collect(),
        records: all.records.into_iter().collect(),
        targets: all.targets.into_iter().collect(),
        catalogs: all.catalogs.into_iter().collect(),
    })
}

/// One row of `changes`: kind, key, body.
type ChangeRow = (String, String, Option<String>);

fn change(place: &Place, (kind, key, body): &ChangeRow) -> Result<Change> {
    fn entry<K: DeserializeOwned, V: DeserializeOwned>(
        place: &Place,
        key: &str,
        body: Option<&str>,
    ) -> Result<(K, Option<V>)> {
        let body = body.map(|b| parse(place, "changes", b)).transpose()?;
        Ok((parse(place, "changes", key)?, body))
    }
    let body = body.as_deref();
    Ok(match kind.as_str() {
        "node" => {
            let (key, to) = entry(place, key, body)?;
            Change::Node { key, to }
        }
        "record" => {
            let (key, to) = entry(place, key, body)?;
            Change::Record { key, to }
        }
        "target" => {
            let (key, to) = entry(place, key, body)?;
            Change::Target { key, to }
        }
        "catalog" => {
            let (key, to) = entry(place, key, body)?;
            Change::Catalog { key, to }
        }
        other => return Err(place.corrupt(format_args!("changes: no kind `{other}`"))),
    })
}

impl Store {
    /// The current target with all of its entries. A fresh state's is the empty blueprint of id 0
    /// at the epoch, the parent of its first plan.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn target(&self) -> Result<Blueprint> {
        let mut conn = self.read().await?;
        // One transaction, so that no other target comes between its pieces.
        let mut tx = conn.begin().await.map_err(|e| self.place.sql(e))?;
        let blueprint = target(&mut tx, &self.place).await?;
        tx.commit().await.map_err(|e| self.place.sql(e))?;
        Ok(blueprint)
    }

    /// The current target's identity.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn target_id(&self) -> Result<BlueprintId> {
        let mut conn = self.read().await?;
        let header = target_header(&mut conn, &self.place).await?;
        Ok(header.id)
    }

    /// The last `limit` blueprints, newest first; the last of all is the empty one that every
    /// fleet starts from.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn blueprints(&self, limit: u32) -> Result<Vec<BlueprintSummary>> {
        let sql = headers!("ORDER BY generation DESC LIMIT ?1");
        let mut conn = self.read().await?;
        let rows = sqlx::query_as(sql).bind(limit).fetch_all(&mut *conn).await;
        let rows: Vec<Header> = rows.map_err(|e| self.place.sql(e))?;
        rows.into_iter().map(|h| h.read(&self.place)).collect()
    }

    /// What a blueprint changed, however long ago it was; `None` when it never was the target.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn blueprint_diff(
        &self,
        id: BlueprintId,
    ) -> Result<Option<(BlueprintSummary, Diff)>> {
        let mut conn = self.read().await?;
        let sql = headers!("WHERE id = ?1");
        let found = sqlx::query_as(sql).bind(id.to_string());
        let found: sqlx::Result<Option<Header>> = found.fetch_optional(&mut *conn).await;
        let Some(header) = found.map_err(|e| self.place.sql(e))? else {
            return Ok(None);
        };
        let header = header.read(&self.place)?;
        let sql = "SELECT kind, key, body FROM changes WHERE generation = ?1 ORDER BY ordinal";
        let rows = sqlx::query_as(sql).bind(header.generation.cast_signed());
        let rows: sqlx::Result<Vec<ChangeRow>> = rows.fetch_all(&mut *conn).await;
        let rows = rows.map_err(|e| self.place.sql(e))?;
        let changes: Result<_> = rows.iter().map(|row| change(&self.place, row)).collect();
        Ok(Some((header, Diff(changes?))))
    }

    /// What the planner reported with a blueprint, as it was handed to [`Store::set_target`].
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn blueprint_report(&self, id: BlueprintId) -> Result<Option<serde_json::Value>> {
        let mut conn = self.read().await?;
        let found = sqlx::query_scalar("SELECT report FROM blueprints WHERE id = ?1");
        let found = found.bind(id.to_string()).fetch_optional(&mut *conn).await;
        let found: Option<String> = found.map_err(|e| self.place.sql(e))?;
        let report = found.map(|report| parse(&self.place, "blueprints", &report));
        report.transpose()
    }
}
