//! Things at providers that carry our tag and that nothing here knows of.

use damm_fleet::ProviderName;

use crate::Store;
use crate::error::Result;
use crate::record::Orphan;
use crate::rows::{Row, Statement, parse, text};
use crate::tripwire::point;

/// Sets orphans: provider, provider_ref, body.
static ORPHANS: Statement = Statement {
    table: "orphans",
    sql: "INSERT INTO orphans SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)
          WHERE true ON CONFLICT (provider, provider_ref) DO UPDATE SET body = excluded.body",
};

/// Forgets orphans: provider, provider_ref.
static NO_ORPHANS: Statement = Statement {
    table: "orphans",
    sql: "DELETE FROM orphans WHERE (provider, provider_ref) IN
          (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
};

impl Store {
    /// All orphans, in order of their accounts and names.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn orphans(&self) -> Result<Vec<Orphan>> {
        let mut conn = self.read().await?;
        let rows = sqlx::query_scalar("SELECT body FROM orphans ORDER BY provider, provider_ref");
        let rows: sqlx::Result<Vec<String>> = rows.fetch_all(&mut *conn).await;
        let rows = rows.map_err(|e| self.place.sql(e))?;
        let read = |body: &String| parse(&self.place, "orphans", body);
        rows.iter().map(read).collect()
    }

    /// Stores what is known of an orphan.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_orphan(&self, orphan: &Orphan) -> Result<()> {
        let body = text("an orphan", orphan)?;
        let row = Row::new(&ORPHANS, &(&orphan.provider, &orphan.provider_ref, body))?;
        self.put(point!("put_orphan"), vec![row]).await
    }

    /// Forgets an orphan that was seen gone.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn forget_orphan(&self, provider: &ProviderName, provider_ref: &str) -> Result<()> {
        let row = Row::new(&NO_ORPHANS, &(provider, provider_ref))?;
        self.put(point!("forget_orphan"), vec![row]).await
    }
}
