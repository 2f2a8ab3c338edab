//! What clients prove themselves with, as ingress nodes know it.
//!
//! These are the only secrets in a state: the server's half of each credential. What a client
//! itself keeps is never given to this crate.

use damm_protocol::{Credential, CredentialId};

use crate::Store;
use crate::error::Result;
use crate::rows::{Row, Statement, text};
use crate::tripwire::point;

/// Adds credentials: number, body.
pub(crate) static ADD: Statement = Statement {
    table: "credentials",
    sql: "INSERT INTO credentials SELECT value ->> 0, value ->> 1 FROM json_each(?1)",
};

/// Revokes credentials: `[number]`.
static REVOKE: Statement = Statement {
    table: "credentials",
    sql: "UPDATE credentials SET body = NULL
          WHERE number IN (SELECT value ->> 0 FROM json_each(?1))",
};

const PIECE: &str = "SELECT max(r), '[' || group_concat(body) || ']' FROM
    (SELECT number + 1 AS r, body FROM credentials WHERE number + 1 > ?1 AND body IS NOT NULL
     ORDER BY number LIMIT 2000)";

impl Store {
    /// The credentials that are let in, in order of their numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn credentials(&self) -> Result<Vec<Credential>> {
        let mut all: Vec<Credential> = Vec::new();
        self.read_all("credentials", PIECE, |c| all.push(c)).await?;
        Ok(all)
    }

    /// A number that no credential ever had; `None` when all are used.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub async fn next_credential(&self) -> Result<Option<CredentialId>> {
        let mut conn = self.read().await?;
        let next = sqlx::query_scalar("SELECT coalesce(max(number), -1) + 1 FROM credentials");
        let next: sqlx::Result<i64> = next.fetch_one(&mut *conn).await;
        let next = next.map_err(|e| self.place.sql(e))?;
        Ok(u32::try_from(next).ok().and_then(CredentialId::new))
    }

    /// Adds a credential that has never been.
    ///
    /// # Errors
    ///
    /// When its number was used; [`Error::ReadOnly`](crate::Error::ReadOnly),
    /// [`Error::Full`](crate::Error::Full) and other failures of the database.
    pub async fn add_credential(&self, credential: &Credential) -> Result<()> {
        let body = text("a credential", credential)?;
        let row = Row::new(&ADD, &(credential.id, body))?;
        self.put(point!("add_credential"), vec![row]).await
    }

    /// Revokes a credential for ever. Nothing changes when there is none with this number.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn revoke_credential(&self, id: CredentialId) -> Result<()> {
        self.put(point!("revoke_credential"), vec![Row::new(&REVOKE, &[id])?]).await
    }
}
