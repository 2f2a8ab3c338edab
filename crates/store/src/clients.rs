//! Invitations, and the clients that enrolled with them.
//!
//! What is held of either is the caller's: here it is a text under a number or a hash. A code's
//! hash is kept and never the code, and of a client nothing that says who it is.

use std::collections::BTreeMap;

use damm_fleet::PopulationName;
use damm_protocol::{Credential, CredentialId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Store;
use crate::credentials::ADD;
use crate::error::Result;
use crate::rows::{Row, Statement, parse, text};
use crate::tripwire::point;

/// Sets invitations: hash, body.
static INVITATIONS: Statement = Statement {
    table: "invitations",
    sql: "INSERT INTO invitations SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (hash) DO UPDATE SET body = json_set(excluded.body, '$.revoked',
              json(iif(excluded.body ->> 'revoked' OR body ->> 'revoked', 'true', 'false')))",
};

/// Revokes invitations: hash.
static REVOKED: Statement = Statement {
    table: "invitations",
    sql: "UPDATE invitations SET body = json_set(body, '$.revoked', json('true'))
          WHERE hash IN (SELECT value ->> 0 FROM json_each(?1))",
};

/// A piece of all clients that are let in, for `read_all`.
const PIECE: &str = "SELECT max(r), '[' || group_concat('[' || (r - 1) || ',' || body || ']')
    || ']' FROM (SELECT number + 1 AS r, clients.body FROM clients JOIN credentials USING (number)
                 WHERE number + 1 > ?1 AND credentials.body IS NOT NULL
                 ORDER BY number LIMIT 2000)";

/// Adds clients: number, mark, body.
static CLIENTS: Statement = Statement {
    table: "clients",
    sql: "INSERT INTO clients SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)",
};

/// Sets rates: population, body.
static RATES: Statement = Statement {
    table: "enrol_rates",
    sql: "INSERT INTO enrol_rates SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (population) DO UPDATE SET body = excluded.body",
};

/// One enrolment: all of it is written, or nothing.
#[derive(Debug)]
pub struct Enrolment<'a, C, I, R> {
    /// What the client proves itself with, under a number that was never used.
    pub credential: &'a Credential,
    /// What finds it again when it enrols with the same once more.
    pub mark: &'a str,
    /// What is held of it.
    pub client: &'a C,
    /// The hash of the invitation's code, and what is held of it now.
    pub invitation: (&'a str, &'a I),
    /// The client's population, and what is used of its rate now.
    pub rate: (&'a PopulationName, &'a R),
}

impl Store {
    /// What is held of an invitation, by its code's hash.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn invitation<T: DeserializeOwned>(&self, hash: &str) -> Result<Option<T>> {
        self.body("invitations", "SELECT body FROM invitations WHERE hash = ?1", hash).await
    }

    /// All invitations, by their codes' hashes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn invitations<T: DeserializeOwned>(&self) -> Result<BTreeMap<String, T>> {
        self.read_entries("invitations", "SELECT hash, body FROM invitations").await
    }

    /// Stores what is held of an invitation: an object whose `revoked`, once true, stays so.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_invitation(&self, hash: &str, invitation: &impl Serialize) -> Result<()> {
        let body = text("an invitation", invitation)?;
        self.put(point!("put_invitation"), vec![Row::new(&INVITATIONS, &(hash, body))?]).await
    }

    /// Takes an invitation back, by its code's hash, whatever is enrolled with it meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn revoke_invitation(&self, hash: &str) -> Result<()> {
        self.put(point!("revoke_invitation"), vec![Row::new(&REVOKED, &[hash])?]).await
    }

    /// All clients that enrolled and are let in: what is held of each.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn clients<T: DeserializeOwned>(&self) -> Result<Vec<(CredentialId, T)>> {
        let mut all = Vec::new();
        self.read_all("clients", PIECE, |client| all.push(client)).await?;
        Ok(all)
    }

    /// What is used of a population's rate of enrolments; `None` when nobody has enrolled.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn enrol_rate<T: DeserializeOwned>(
        &self,
        population: &PopulationName,
    ) -> Result<Option<T>> {
        let sql = "SELECT body FROM enrol_rates WHERE population = ?1";
        self.body("enrol_rates", sql, population.as_str()).await
    }

    /// The number of the client that enrolled with these very things.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn client_of(&self, mark: &str) -> Result<Option<CredentialId>> {
        self.body("clients", "SELECT CAST(number AS TEXT) FROM clients WHERE mark = ?1", mark).await
    }

    /// A client that enrolled and is let in: what it proves itself with, and what is held of it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn client<T: DeserializeOwned>(
        &self,
        number: CredentialId,
    ) -> Result<Option<(Credential, T)>> {
        let mut conn = self.read().await?;
        let row = sqlx::query_as(
            "SELECT credentials.body, clients.body FROM clients JOIN credentials USING (number)
             WHERE number = ?1 AND credentials.body IS NOT NULL",
        );
        let row = row.bind(number.number()).fetch_optional(&mut *conn).await;
        let row: Option<(String, String)> = row.map_err(|e| self.place.sql(e))?;
        row.map(|(credential, client)| {
            let credential = parse(&self.place, "credentials", &credential)?;
            Ok((credential, parse(&self.place, "clients", &client)?))
        })
        .transpose()
    }

    /// The numbers of the clients that are let in and can be of a population: those that enrolled
    /// into it, and those whose credentials the operator made, which are of any.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub async fn client_numbers(&self, population: &PopulationName) -> Result<Vec<u32>> {
        let mut conn = self.read().await?;
        let numbers = sqlx::query_scalar(
            "SELECT number FROM credentials LEFT JOIN clients USING (number)
             WHERE credentials.body IS NOT NULL
             AND coalesce(clients.body ->> 'population', ?1) = ?1 ORDER BY number",
        );
        let numbers = numbers.bind(population.as_str()).fetch_all(&mut *conn).await;
        numbers.map_err(|e| self.place.sql(e))
    }

    /// How many clients ever enrolled into a population.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub async fn enrolled(&self, population: &PopulationName) -> Result<u64> {
        let mut conn = self.read().await?;
        let sql = "SELECT count(*) FROM clients WHERE body ->> 'population' = ?1";
        let count = sqlx::query_scalar(sql).bind(population.as_str()).fetch_one(&mut *conn).await;
        let count: i64 = count.map_err(|e| self.place.sql(e))?;
        Ok(count.unsigned_abs())
    }

    /// Writes an enrolment.
    ///
    /// # Errors
    ///
    /// When its number or mark was used; [`Error::ReadOnly`](crate::Error::ReadOnly),
    /// [`Error::Full`](crate::Error::Full) and other failures of the database.
    pub async fn enrol<C: Serialize, I: Serialize, R: Serialize>(
        &self,
        new: Enrolment<'_, C, I, R>,
    ) -> Result<()> {
        let credential = text("a credential", new.credential)?;
        let client = text("a client", new.client)?;
        let invitation = text("an invitation", new.invitation.1)?;
        let rate = text("a rate", new.rate.1)?;
        let rows = vec![
            Row::new(&ADD, &(new.credential.id, credential))?,
            Row::new(&CLIENTS, &(new.credential.id, new.mark, client))?,
            Row::new(&INVITATIONS, &(new.invitation.0, invitation))?,
            Row::new(&RATES, &(new.rate.0, rate))?,
        ];
        self.put(point!("enrol"), rows).await
    }

    /// The one value that a statement finds, read as JSON; a number is JSON too.
    async fn body<T: DeserializeOwned>(
        &self,
        table: &'static str,
        sql: &'static str,
        key: &str,
    ) -> Result<Option<T>> {
        let mut conn = self.read().await?;
        let body = sqlx::query_scalar(sql).bind(key).fetch_optional(&mut *conn).await;
        let body: Option<String> = body.map_err(|e| self.place.sql(e))?;
        body.map(|body| parse(&self.place, table, &body)).transpose()
    }
}
