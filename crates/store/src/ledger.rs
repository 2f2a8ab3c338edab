//! The ledger: each step written before it is made, and its outcome after.

use damm_fleet::{ProviderName, Resource, Subject, Timestamp, Verb};

use crate::Store;
use crate::error::{Constraint, Error, Place, Result};
use crate::record::{Intent, LedgerFilter, LedgerRow, OpenIntent, Outcome};
use crate::resources;
use crate::rows::{Row, Statement, parse, text, word};
use crate::tripwire::point;

/// Appends intents: seq, blueprint, verb, step, subject, object, provider, key, at.
pub(crate) static INTENTS: Statement = Statement {
    table: "intents",
    sql: "INSERT INTO intents SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
          value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8 FROM json_each(?1)",
};

/// Appends outcomes: seq, body, at.
static OUTCOMES: Statement = Statement {
    table: "outcomes",
    sql: "INSERT INTO outcomes SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)",
};

/// The columns of [`Stored`], from a selection of intents.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT seq, blueprint, verb, step, subject, object, provider, key, intents.at,
                    outcomes.body, outcomes.at
             FROM intents LEFT JOIN outcomes USING (seq)",
            $which
        )
    };
}

/// A row of the ledger as it is stored.
#[derive(sqlx::FromRow)]
struct Stored(
    i64,
    String,
    String,
    String,
    Option<String>,
    String,
    Option<String>,
    String,
    i64,
    Option<String>,
    Option<i64>,
);

impl Stored {
    fn read(self, place: &Place) -> Result<LedgerRow> {
        let Self(seq, blueprint, verb, step, subject, object, provider, key, at, body, ended) =
            self;
        let subject = subject.map(|s| word::<Subject>(place, "intents", &s));
        let provider = provider.map(|p| word::<ProviderName>(place, "intents", &p));
        let outcome = body.map(|b| parse::<Outcome>(place, "outcomes", &b));
        let intent = Intent {
            blueprint: word(place, "intents", &blueprint)?,
            verb: word::<Verb>(place, "intents", &verb)?,
            step,
            subject: subject.transpose()?,
            object,
            provider: provider.transpose()?,
            key,
            at: Timestamp::from_millis(at),
        };
        Ok(LedgerRow {
            seq: seq.unsigned_abs(),
            intent,
            outcome: outcome.transpose()?,
            ended_at: ended.map(Timestamp::from_millis),
        })
    }
}

impl Store {
    /// Durable before the call: appends the intent and, in the same transaction, stores the row's
    /// new state. Concurrent callers share one commit. The answer is the step's place in the
    /// ledger, from 1.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`], [`Error::Full`] and other failures of the database. The step must not
    /// be made then.
    pub async fn begin(&self, intent: &Intent, resource: Option<&Resource>) -> Result<u64> {
        let (verb, at) = (intent.verb.as_str(), intent.at.as_millis());
        let (blueprint, subject, provider) = (intent.blueprint, intent.subject, &intent.provider);
        let (step, object, key) = (&intent.step, &intent.object, &intent.key);
        let columns = (blueprint, verb, step, subject, object, provider, key, at);
        let columns = text("an intent", &columns)?;
        // The writer puts `seq` before them; a tuple's JSON stands between two brackets.
        let columns = columns[1..columns.len() - 1].to_owned();
        let rows: Result<Vec<Row>> = resource.into_iter().map(resources::put).collect();
        self.write(point!("begin"), Some(columns), rows?).await
    }

    /// Durable after the call: appends the outcome and stores the row's new state.
    ///
    /// # Errors
    ///
    /// [`Error::NoIntent`] and [`Error::EndedTwice`]; [`Error::ReadOnly`], [`Error::Full`] and
    /// other failures of the database.
    pub async fn end(
        &self,
        seq: u64,
        outcome: &Outcome,
        resource: Option<&Resource>,
        at: Timestamp,
    ) -> Result<()> {
        let body = text("an outcome", outcome)?;
        let mut rows = vec![Row::new(&OUTCOMES, &(seq, body, at.as_millis()))?];
        if let Some(resource) = resource {
            rows.push(resources::put(resource)?);
        }
        let ended = self.put(point!("end"), rows).await;
        ended.map_err(|error| match error.constraint() {
            Some(Constraint::NoParent) => Error::NoIntent { seq },
            Some(Constraint::NotUnique) => Error::EndedTwice { seq },
            None => error,
        })
    }

    /// Intents that have no outcome, oldest first: the process died between the two, or is still
    /// at it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and other failures of the database.
    pub async fn open_intents(&self) -> Result<Vec<OpenIntent>> {
        let sql = select!(" JOIN unfinished USING (seq) ORDER BY seq");
        let mut conn = self.read().await?;
        let rows = sqlx::query_as(sql).fetch_all(&mut *conn).await;
        let rows: Vec<Stored> = rows.map_err(|e| self.place.sql(e))?;
        let open = rows.into_iter().map(|stored| {
            let LedgerRow { seq, intent, .. } = stored.read(&self.place)?;
            Ok(OpenIntent { seq, intent })
        });
        open.collect()
    }

    /// Steps with their outcomes, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and other failures of the database.
    pub async fn ledger(&self, filter: &LedgerFilter) -> Result<Vec<LedgerRow>> {
        // Each a statement of its own, so that each has its index.
        let sql = match (filter.subject, filter.blueprint) {
            (None, None) => select!(" WHERE ?1 IS NULL AND ?2 IS NULL ORDER BY seq DESC LIMIT ?3"),
            (Some(_), None) => {
                select!(" WHERE subject = ?1 AND ?2 IS NULL ORDER BY seq DESC LIMIT ?3")
            }
            (None, Some(_)) => {
                select!(" WHERE ?1 IS NULL AND blueprint = ?2 ORDER BY seq DESC LIMIT ?3")
            }
            (Some(_), Some(_)) => {
                select!(" WHERE subject = ?1 AND blueprint = ?2 ORDER BY seq DESC LIMIT ?3")
            }
        };
        let mut conn = self.read().await?;
        let rows = sqlx::query_as(sql)
            .bind(filter.subject.map(|s| s.to_string()))
            .bind(filter.blueprint.map(|b| b.to_string()))
            .bind(filter.limit.map_or(-1, i64::from))
            .fetch_all(&mut *conn)
            .await;
        let rows: Vec<Stored> = rows.map_err(|e| self.place.sql(e))?;
        rows.into_iter().map(|stored| stored.read(&self.place)).collect()
    }
}
