//! What is to stand in channels, what stands there, and which of them lag behind.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{PopulationName, RegionName};

use crate::Store;
use crate::catalogs::BUCKETS;
use crate::error::Result;
use crate::record::{BucketKey, Lag, PublishedBucket};
use crate::rows::{Row, Statement, parse, text, word};
use crate::tripwire::point;

/// Sets editions: region, population, bucket, version, body.
static EDITIONS: Statement = Statement {
    table: "editions",
    sql: "INSERT INTO editions
          SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
          FROM json_each(?1) WHERE true ON CONFLICT (region, population, bucket)
          DO UPDATE SET version = excluded.version, body = excluded.body",
};

/// Forgets editions: region, population, bucket.
static NO_EDITIONS: Statement = Statement {
    table: "editions",
    sql: "DELETE FROM editions WHERE (region, population, bucket) IN
          (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))",
};

/// Sets what stands in channels: channel, region, population, bucket, version.
static STANDING: Statement = Statement {
    table: "channel_objects",
    sql: "INSERT INTO channel_objects
          SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
          FROM json_each(?1) WHERE true ON CONFLICT (channel, region, population, bucket)
          DO UPDATE SET version = excluded.version",
};

/// Forgets what no longer stands in channels: channel, region, population, bucket.
static GONE: Statement = Statement {
    table: "channel_objects",
    sql: "DELETE FROM channel_objects WHERE (channel, region, population, bucket) IN
          (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))",
};

/// Sets lags: channel, region, body.
static LAGS: Statement = Statement {
    table: "channel_lags",
    sql: "INSERT INTO channel_lags SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)
          WHERE true ON CONFLICT (channel, region) DO UPDATE SET body = excluded.body",
};

/// Forgets lags: channel, region.
static NO_LAGS: Statement = Statement {
    table: "channel_lags",
    sql: "DELETE FROM channel_lags WHERE (channel, region) IN
          (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
};

/// A bucket's catalog that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// Whose it is.
    pub key: BucketKey,
    /// What is known of it.
    pub bucket: PublishedBucket,
    /// The signed catalog; none when the bucket is told of nothing any more.
    pub signed: Option<String>,
}

impl Store {
    /// Stores what buckets are to be told, all of it or nothing: a version and its bytes are
    /// durable before anybody can read them.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_editions(&self, editions: &[Edition]) -> Result<()> {
        let mut rows = Vec::new();
        for Edition { key, bucket, signed } in editions {
            let at = (&key.region, &key.population, key.bucket);
            rows.push(Row::new(&BUCKETS, &(at.0, at.1, at.2, text("a bucket", bucket)?))?);
            rows.push(match signed {
                Some(signed) => Row::new(&EDITIONS, &(at.0, at.1, at.2, bucket.version, signed))?,
                None => Row::new(&NO_EDITIONS, &at)?,
            });
        }
        match rows.is_empty() {
            true => Ok(()),
            false => self.put(point!("put_editions"), rows).await,
        }
    }

    /// The versions of a region whose bytes are kept.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn editions(&self, region: &RegionName) -> Result<BTreeMap<BucketKey, u64>> {
        let sql = "SELECT population, bucket, version FROM editions WHERE region = ?1";
        self.versions("editions", sql, &[region.as_str()], region).await
    }

    /// A bucket's version and its signed catalog, as it is to stand in every channel.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub async fn edition(&self, key: &BucketKey) -> Result<Option<(u64, String)>> {
        let mut conn = self.read().await?;
        let sql = "SELECT version, body FROM editions
                   WHERE region = ?1 AND population = ?2 AND bucket = ?3";
        let row = sqlx::query_as(sql).bind(key.region.as_str()).bind(key.population.as_str());
        let row = row.bind(key.bucket).fetch_optional(&mut *conn).await;
        let row: Option<(i64, String)> = row.map_err(|e| self.place.sql(e))?;
        Ok(row.map(|(version, signed)| (version.unsigned_abs(), signed)))
    }

    /// The versions of a region that stand in a channel.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn standing(
        &self,
        channel: &str,
        region: &RegionName,
    ) -> Result<BTreeMap<BucketKey, u64>> {
        let sql = "SELECT population, bucket, version FROM channel_objects
                   WHERE channel = ?1 AND region = ?2";
        self.versions("channel_objects", sql, &[channel, region.as_str()], region).await
    }

    /// How many catalogs of each region stand in each channel; those with none are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn held(&self) -> Result<BTreeMap<(String, RegionName), u64>> {
        let mut conn = self.read().await?;
        let sql = "SELECT channel, region, count(*) FROM channel_objects GROUP BY channel, region";
        let rows = sqlx::query_as(sql).fetch_all(&mut *conn).await;
        let rows: Vec<(String, String, i64)> = rows.map_err(|e| self.place.sql(e))?;
        let read = |(channel, region, count): (String, String, i64)| {
            let region = word(&self.place, "channel_objects", &region)?;
            Ok(((channel, region), count.unsigned_abs()))
        };
        rows.into_iter().map(read).collect()
    }

    /// The regions of which catalogs are to stand in all channels.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn issued(&self) -> Result<BTreeSet<RegionName>> {
        let mut conn = self.read().await?;
        let rows = sqlx::query_scalar("SELECT DISTINCT region FROM editions");
        let rows: Vec<String> = rows.fetch_all(&mut *conn).await.map_err(|e| self.place.sql(e))?;
        rows.iter().map(|region| word(&self.place, "editions", region)).collect()
    }

    async fn versions(
        &self,
        table: &'static str,
        sql: &'static str,
        arguments: &[&str],
        region: &RegionName,
    ) -> Result<BTreeMap<BucketKey, u64>> {
        let mut conn = self.read().await?;
        let query = arguments.iter().fold(sqlx::query_as(sql), |query, a| query.bind(*a));
        let rows: Vec<(String, u32, i64)> =
            query.fetch_all(&mut *conn).await.map_err(|e| self.place.sql(e))?;
        let read = |(population, bucket, version): (String, u32, i64)| {
            let population: PopulationName = word(&self.place, table, &population)?;
            let key = BucketKey { region: region.clone(), population, bucket };
            Ok((key, version.unsigned_abs()))
        };
        rows.into_iter().map(read).collect()
    }

    /// Stores which versions stand in a channel now; none where nothing does any more.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_standing(
        &self,
        channel: &str,
        versions: &[(&BucketKey, Option<u64>)],
    ) -> Result<()> {
        let row = |(key, version): &(&BucketKey, Option<u64>)| match version {
            Some(version) => {
                let row = (channel, &key.region, &key.population, key.bucket, version);
                Row::new(&STANDING, &row)
            }
            None => Row::new(&GONE, &(channel, &key.region, &key.population, key.bucket)),
        };
        let rows: Vec<_> = versions.iter().map(row).collect::<Result<_>>()?;
        match rows.is_empty() {
            true => Ok(()),
            false => self.put(point!("put_standing"), rows).await,
        }
    }

    /// Which channels lag behind, and why.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn lags(&self) -> Result<BTreeMap<(String, RegionName), Lag>> {
        let mut conn = self.read().await?;
        let rows = sqlx::query_as("SELECT channel, region, body FROM channel_lags");
        let rows: Vec<(String, String, String)> =
            rows.fetch_all(&mut *conn).await.map_err(|e| self.place.sql(e))?;
        let read = |(channel, region, body): (String, String, String)| {
            let region = word(&self.place, "channel_lags", &region)?;
            Ok(((channel, region), parse(&self.place, "channel_lags", &body)?))
        };
        rows.into_iter().map(read).collect()
    }

    /// Stores that a channel lags behind, or no longer does.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_lag(
        &self,
        channel: &str,
        region: &RegionName,
        lag: Option<&Lag>,
    ) -> Result<()> {
        let row = match lag {
            Some(lag) => Row::new(&LAGS, &(channel, region, text("a lag", lag)?))?,
            None => Row::new(&NO_LAGS, &(channel, region))?,
        };
        self.put(point!("put_lag"), vec![row]).await
    }
}
