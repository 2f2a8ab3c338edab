//! Opening, making and closing a state file.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode as Journal,
    SqliteSynchronous as Synchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::error::{Error, Place, Result};
use crate::lock::{Lock, beside, private};
use crate::schema;

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// For checkpoints of readers; writers are kept apart by [`Lock`].
const BUSY: Duration = Duration::from_secs(10);

/// The state, held for writing: nobody else writes while the lock lives.
pub(crate) struct Held {
    /// The only connection that writes.
    pub conn: SqliteConnection,
    /// Given back last; none beside the process that has it.
    pub lock: Option<Lock>,
}

/// Takes the lock of a state, makes the state when it is missing, and brings it up to date.
pub(crate) async fn hold(place: &Place) -> Result<Held> {
    let path = place.path();
    // Taking it may block for a moment, and a thread of its own keeps a paused clock from moving.
    let lock = tokio::task::spawn_blocking(move || Lock::take(&path)).await;
    let lock = lock.map_err(|_| Error::Closed { path: place.path() })??;
    if !exists(&place.0)? {
        make(place).await?;
    }
    inspect(&place.0)?;
    let open = private().open(&place.0);
    drop(open.map_err(|e| Place::io(&place.0, "written", e))?);
    let mut conn = connect(writing(&place.0), place).await?;
    let from = schema::version(&mut conn, place).await?;
    schema::migrate(&mut conn, from, place).await?;
    Ok(Held { conn, lock: Some(lock) })
}

/// Opens a state for writing beside the process that has its lock. It has to be there, and up to
/// date; each write is a transaction of its own.
pub(crate) async fn join(place: &Place) -> Result<Held> {
    look(place).await?.close().await.map_err(|e| place.sql(e))?;
    Ok(Held { conn: connect(writing(&place.0), place).await?, lock: None })
}

/// Opens the writer's connection again; the lock is held already.
pub(crate) async fn reopen(place: &Place) -> Result<SqliteConnection> {
    connect(writing(&place.0), place).await
}

/// Opens a connection that only reads.
pub(crate) async fn look(place: &Place) -> Result<SqliteConnection> {
    if !exists(&place.0)? {
        let path = place.path();
        return Err(Error::Missing { path });
    }
    inspect(&place.0)?;
    let mut conn = match connect(reading(&place.0), place).await {
        // A reader has to make the shared-memory file beside the state. Where it may not, nobody
        // writes either; without a log the file alone is the whole state.
        Err(Error::Denied { .. }) if !beside(&place.0, "-wal").exists() => {
            connect(reading(&place.0).immutable(true), place).await?
        }
        opened => opened?,
    };
    let found = schema::version(&mut conn, place).await?;
    match found < schema::VERSION {
        false => Ok(conn),
        true => Err(Error::Older { path: place.path(), found, known: schema::VERSION }),
    }
}

async fn connect(options: SqliteConnectOptions, place: &Place) -> Result<SqliteConnection> {
    let mut conn = options.connect().await.map_err(|e| place.sql(e))?;
    // Nothing is read from the file before the first statement; now it is known to be readable.
    sqlx::query("SELECT count(*) FROM sqlite_schema")
        .execute(&mut conn)
        .await
        .map_err(|e| place.sql(e))?;
    Ok(conn)
}

fn common(path: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path);
    let options = options.foreign_keys(true).busy_timeout(BUSY);
    options.disable_statement_logging()
}

fn writing(path: &Path) -> SqliteConnectOptions {
    common(path).journal_mode(Journal::Wal).synchronous(Synchronous::Full)
}

fn reading(path: &Path) -> SqliteConnectOptions {
    common(path).read_only(true)
}

/// Makes a state under another name and moves it into place when it is whole, so that a state at
/// its own name is never half made.
async fn make(place: &Place) -> Result<()> {
    let log = beside(&place.0, "-wal");
    if exists(&log)? {
        let path = place.path();
        return Err(Error::Torn { path, log });
    }
    let fresh = beside(&place.0, ".new");
    for left in [&fresh, &beside(&fresh, "-wal"), &beside(&fresh, "-shm")] {
        if exists(left)? {
            fs::remove_file(left).map_err(|e| Place::io(left, "made", e))?;
        }
    }
    let made = private().create_new(true).open(&fresh);
    drop(made.map_err(|e| Place::io(&fresh, "made", e))?);
    // Without a log beside it: a commit is in the file itself or fails, so that no part of a new
    // state stays behind in a log when the disk is full.
    let unlogged = writing(&fresh).journal_mode(Journal::Delete);
    let mut conn = connect(unlogged, place).await?;
    schema::mark(&mut conn, place).await?;
    schema::migrate(&mut conn, 0, place).await?;
    conn.close().await.map_err(|e| place.sql(e))?;
    settle(&fresh, &place.0).map_err(|e| Place::io(&place.0, "made", e))
}

/// Moves a file, durably.
fn settle(from: &Path, to: &Path) -> std::io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    let parent = to.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|e| Place::io(path, "read", e))
}

/// Looks at a file's first bytes, so that what is no database is called by its name.
fn inspect(path: &Path) -> Result<()> {
    let mut head = Vec::with_capacity(MAGIC.len());
    let not = |why| {
        let path = path.to_owned();
        Error::NotAState { path, why }
    };
    if path.is_dir() {
        return Err(not("it is a directory"));
    }
    let file = File::open(path).map_err(|e| Place::io(path, "read", e))?;
    let read = file.take(MAGIC.len() as u64).read_to_end(&mut head);
    read.map_err(|e| Place::io(path, "read", e))?;
    match head.as_slice() {
        head if head == MAGIC => Ok(()),
        [] => Err(Place(path.to_owned()).corrupt("it is empty")),
        head if MAGIC.starts_with(head) => Err(Place(path.to_owned()).corrupt("it was cut short")),
        _ => Err(not("it is no SQLite database")),
    }
}
