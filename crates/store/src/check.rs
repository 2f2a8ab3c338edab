//! Looking over a whole state file.

use crate::Store;
use crate::error::{Error, Result};

impl Store {
    /// Reads the whole file and compares its tables with their indexes and references. It takes
    /// seconds for a large one; opening a state does not do it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the first thing that does not fit.
    pub async fn check(&self) -> Result<()> {
        let mut conn = self.read().await?;
        let found = sqlx::query_scalar("PRAGMA integrity_check(1)");
        let found: sqlx::Result<String> = found.fetch_one(&mut *conn).await;
        let found = found.map_err(|e| self.place.sql(e))?;
        if found != "ok" {
            return Err(self.place.corrupt(found));
        }
        let dangling = sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut *conn);
        match dangling.await.map_err(|e| self.place.sql(e))? {
            None => Ok(()),
            Some(_) => Err::<(), Error>(self.place.corrupt("a row refers to one that is missing")),
        }
    }
}
