//! What was last published, per region and per bucket.

use std::collections::BTreeMap;

use damm_fleet::RegionName;
use damm_fleet::inventory::ObservedCatalog;

use crate::Store;
use crate::error::Result;
use crate::record::{BucketKey, PublishedBucket};
use crate::rows::{Row, Statement, parse, text, word};
use crate::tripwire::point;

/// Sets regions: region, body.
static CATALOGS: Statement = Statement {
    table: "catalogs",
    sql: "INSERT INTO catalogs SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (region) DO UPDATE SET body = excluded.body",
};

/// Forgets regions: region.
static NO_CATALOGS: Statement = Statement {
    table: "catalogs",
    sql: "DELETE FROM catalogs WHERE region IN (SELECT value ->> 0 FROM json_each(?1))",
};

/// Sets buckets: region, population, bucket, body.
pub(crate) static BUCKETS: Statement = Statement {
    table: "buckets",
    sql: "INSERT INTO buckets
          SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1)
          WHERE true ON CONFLICT (region, population, bucket) DO UPDATE SET body = excluded.body",
};

impl Store {
    /// What is known of each region's published catalogs.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn catalogs(&self) -> Result<BTreeMap<RegionName, ObservedCatalog>> {
        self.read_entries("catalogs", "SELECT region, body FROM catalogs").await
    }

    /// Stores what was published for a region.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_catalog(&self, region: &RegionName, observed: &ObservedCatalog) -> Result<()> {
        let row = Row::new(&CATALOGS, &(region, text("a catalog", observed)?))?;
        self.put(point!("put_catalog"), vec![row]).await
    }

    /// Forgets what was published for a region whose catalogs were taken away. Its buckets stay,
    /// so that no version is used twice.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn forget_catalog(&self, region: &RegionName) -> Result<()> {
        let row = Row::new(&NO_CATALOGS, &[region])?;
        self.put(point!("forget_catalog"), vec![row]).await
    }

    /// What was last published for each bucket of a region.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn buckets(
        &self,
        region: &RegionName,
    ) -> Result<BTreeMap<BucketKey, PublishedBucket>> {
        let mut conn = self.read().await?;
        let rows = sqlx::query_as("SELECT population, bucket, body FROM buckets WHERE region = ?1");
        let rows = rows.bind(region.as_str()).fetch_all(&mut *conn).await;
        let rows: Vec<(String, u32, String)> = rows.map_err(|e| self.place.sql(e))?;
        let read = |(population, bucket, body): (String, u32, String)| {
            let key = BucketKey {
                region: region.clone(),
                population: word(&self.place, "buckets", &population)?,
                bucket,
            };
            Ok((key, parse(&self.place, "buckets", &body)?))
        };
        rows.into_iter().map(read).collect()
    }
}
