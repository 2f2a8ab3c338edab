//! Many rows through one statement, as JSON: the cost of a statement is mostly the way to the
//! database's thread and back, not the row.

use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use sqlx::sqlite::SqliteConnection;

use crate::error::{Error, Place, Result};

/// A statement that takes any number of rows.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The table that it writes to. Statements for different tables may change places.
    pub table: &'static str,
    /// `?1` is a JSON array of rows, each of them a JSON array of columns.
    pub sql: &'static str,
}

/// One row for a statement.
#[derive(Debug)]
pub(crate) struct Row {
    /// The statement.
    pub statement: &'static Statement,
    /// Its columns: a JSON array.
    pub json: String,
}

impl Row {
    /// A row of these columns, which must become a JSON array.
    pub fn new(statement: &'static Statement, columns: &impl Serialize) -> Result<Self> {
        let json = text(statement.table, columns)?;
        Ok(Self { statement, json })
    }
}

/// A value as JSON text.
pub(crate) fn text(what: &'static str, value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::Unwritable { what, source })
}

/// Rows in the order in which they were added, as far as it matters.
#[derive(Debug, Default)]
pub(crate) struct Groups(Vec<(&'static Statement, String)>);

impl Groups {
    /// Bytes that go to the database at once: bounds the copies that it makes of them.
    const LIMIT: usize = 1 << 20;

    /// Adds a row to the last group of its table when that has the same statement and room.
    pub fn add(&mut self, statement: &'static Statement, row: &str) {
        let last = self.0.iter_mut().rev().find(|(s, _)| s.table == statement.table);
        match last {
            Some((s, rows)) if std::ptr::eq(*s, statement) && rows.len() < Self::LIMIT => {
                rows.push(',');
                rows.push_str(row);
            }
            _ => self.0.push((statement, format!("[{row}"))),
        }
    }

    /// Writes all of them.
    pub async fn write(self, conn: &mut SqliteConnection) -> sqlx::Result<()> {
        for (statement, mut rows) in self.0 {
            rows.push(']');
            let query = sqlx::query(statement.sql).bind(rows);
            query.execute(&mut *conn).await?;
        }
        Ok(())
    }
}

/// Reads a table in a few large pieces.
///
/// `sql` takes a rowid (`?1`) and answers with one row: the highest rowid of the next piece, or
/// NULL when there is none, and a JSON array of its entries.
pub(crate) async fn read_all<T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    place: &Place,
    table: &'static str,
    sql: &'static str,
    mut each: impl FnMut(T),
) -> Result<()> {
    let mut last = 0i64;
    loop {
        let piece = sqlx::query_as(sql).bind(last).fetch_one(&mut *conn).await;
        let piece: (Option<i64>, Option<String>) = piece.map_err(|e| place.sql(e))?;
        let (Some(highest), Some(json)) = piece else {
            return Ok(());
        };
        parse::<Vec<T>>(place, table, &json)?.into_iter().for_each(&mut each);
        last = highest;
    }
}

/// As [`read_all`], of a table without rowids: `sql` takes a key, and answers with the highest key
/// of the next piece.
pub(crate) async fn read_all_by_key<T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    place: &Place,
    table: &'static str,
    sql: &'static str,
    mut each: impl FnMut(T),
) -> Result<()> {
    let mut last = String::new();
    loop {
        let piece = sqlx::query_as(sql).bind(last).fetch_one(&mut *conn).await;
        let piece: (Option<String>, Option<String>) = piece.map_err(|e| place.sql(e))?;
        let (Some(highest), Some(json)) = piece else {
            return Ok(());
        };
        parse::<Vec<T>>(place, table, &json)?.into_iter().for_each(&mut each);
        last = highest;
    }
}

/// Reads a stored JSON text.
pub(crate) fn parse<T: DeserializeOwned>(place: &Place, table: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|e| place.corrupt(format_args!("{table}: {e}")))
}

/// Reads a stored word: an id, a name, a phase.
pub(crate) fn word<T: DeserializeOwned>(place: &Place, table: &str, word: &str) -> Result<T> {
    let text: StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
    T::deserialize(text).map_err(|e| place.corrupt(format_args!("{table}: {e}")))
}
