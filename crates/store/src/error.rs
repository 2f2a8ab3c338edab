//! What goes wrong in a state, and what to do about it.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use damm_fleet::{BlueprintId, Phase, Subject};

/// The result of a store call.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong in the store, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A test's tripwire.
    #[error("tripped at {0}")]
    Tripped(&'static str),
    /// The target has moved since the plan was made.
    #[error(
        "the plan is stale: it was made from {parent}, and the target is {target} now; plan again"
    )]
    Stale {
        /// The plan's parent.
        parent: BlueprintId,
        /// The target now.
        target: BlueprintId,
    },
    /// There is no state to read.
    #[error(
        "there is no state at {path}: run `damm apply` to make one, or name another with --state"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The state is gone, but the log that belongs to it is not.
    #[error(
        "{path} is missing, but its log {log} is still there: put the state back beside it, or \
         delete the log to start afresh"
    )]
    Torn {
        /// The state.
        path: PathBuf,
        /// Its write-ahead log.
        log: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a damm state ({why}): name another file with --state")]
    NotAState {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: &'static str,
    },
    /// The file is damaged.
    #[error(
        "the state {path} is damaged ({detail}): keep a copy of it with its -wal file, and restore \
         the last backup; what damm made since then is found again by its tags"
    )]
    Corrupt {
        /// The state.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// A newer damm wrote this state.
    #[error(
        "the state {path} has schema {found} and this damm knows {known} at most: use the newer \
         damm that wrote it"
    )]
    Newer {
        /// The state.
        path: PathBuf,
        /// Its schema's version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// An older damm wrote this state, and it was opened to be read only.
    #[error(
        "the state {path} has schema {found} and this damm reads {known}: run `damm apply` once, \
         which brings it up to date"
    )]
    Older {
        /// The state.
        path: PathBuf,
        /// Its schema's version.
        found: u32,
        /// The version that is read here.
        known: u32,
    },
    /// The state belongs to another fleet.
    #[error(
        "the state {path} belongs to the fleet `{found}`, not to `{asked}`: name the right one \
         with --state"
    )]
    OtherFleet {
        /// The state.
        path: PathBuf,
        /// The fleet that it belongs to.
        found: String,
        /// The fleet that was asked for.
        asked: String,
    },
    /// Another process writes to this state.
    #[error("the state {path} is in use by {}: wait for it, or stop it", holder(*pid))]
    InUse {
        /// The state.
        path: PathBuf,
        /// The process that holds it, as far as it could be read.
        pid: Option<u32>,
    },
    /// The operating system does not let us write, or read.
    #[error("{path} can't be {verb}: {why}; damm needs to write the state and its directory")]
    Denied {
        /// The file.
        path: PathBuf,
        /// `written`, `read`, `made`.
        verb: &'static str,
        /// The system's words.
        why: String,
    },
    /// No room is left.
    #[error(
        "no room is left for the state {path}: nothing of the last change was stored; make room \
         and run the same command again"
    )]
    Full {
        /// The state.
        path: PathBuf,
    },
    /// This handle was opened to be read only.
    #[error("the state {path} was opened to be read only")]
    ReadOnly {
        /// The state.
        path: PathBuf,
    },
    /// This handle was closed.
    #[error("the state {path} was closed")]
    Closed {
        /// The state.
        path: PathBuf,
    },
    /// A blueprint would forget something that its provider may still hold.
    #[error(
        "{subject} can't leave the target while it is {phase}: it may still stand at its provider; \
         retire it first and wait until it is seen gone"
    )]
    StillThere {
        /// What would be forgotten.
        subject: Subject,
        /// How far it has come.
        phase: Phase,
    },
    /// A blueprint uses an id a second time.
    #[error("{subject} was in an earlier target: an id is never used twice; plan again")]
    IdUsedTwice {
        /// The id.
        subject: Subject,
    },
    /// A blueprint and its diff don't fit together.
    #[error("the plan contradicts itself ({why}): it was edited or cut; plan again")]
    Contradiction {
        /// What does not fit.
        why: String,
    },
    /// An outcome for a step that was never begun.
    #[error("step {seq} was never begun")]
    NoIntent {
        /// The step.
        seq: u64,
    },
    /// A second outcome for a step.
    #[error("step {seq} has ended already")]
    EndedTwice {
        /// The step.
        seq: u64,
    },
    /// The audit log was tampered with.
    #[error("the audit log does not fit at entry {seq}: {why}")]
    AuditBroken {
        /// The first entry that does not fit.
        seq: u64,
        /// What does not fit.
        why: &'static str,
    },
    /// Something can't be written as JSON; a programming error.
    #[error("{what} can't be stored")]
    Unwritable {
        /// What was to be stored.
        what: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A file operation failed.
    #[error("{path} can't be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// The database failed in another way.
    #[error("the state {path} can't be used")]
    Sql {
        /// The state.
        path: PathBuf,
        /// The database's words.
        #[source]
        source: sqlx::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// Where a state lies, for errors that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(pub PathBuf);

impl Place {
    /// The state's path.
    pub fn path(&self) -> PathBuf {
        self.0.clone()
    }

    /// A damaged state.
    pub fn corrupt(&self, detail: impl fmt::Display) -> Error {
        Error::Corrupt { path: self.path(), detail: detail.to_string() }
    }

    /// What an error of the database means for this state.
    ///
    /// Codes are those of <https://www.sqlite.org/rescode.html>; the low byte is the primary one.
    pub fn sql(&self, error: sqlx::Error) -> Error {
        let path = self.path();
        match (code(&error), &error) {
            // 1 is a statement that does not fit the schema: ours do, so the schema is damaged.
            (Some(1 | 11 | 26), sqlx::Error::Database(e)) => self.corrupt(e.message()),
            // 4874: no room for the shared-memory file, which reports it as an I/O error.
            (Some(13), _) => Error::Full { path },
            (Some(10), sqlx::Error::Database(e)) if e.code().as_deref() == Some("4874") => {
                Error::Full { path }
            }
            (Some(3 | 8 | 14), sqlx::Error::Database(e)) => {
                Error::Denied { path, verb: "written", why: e.message().to_owned() }
            }
            (Some(5), _) => Error::InUse { path, pid: None },
            (_, sqlx::Error::ColumnDecode { source, .. } | sqlx::Error::Decode(source)) => {
                self.corrupt(source)
            }
            _ => Error::Sql { path, source: error },
        }
    }

    /// What an error of the file system means for a file of this state.
    pub fn io(file: &Path, verb: &'static str, source: std::io::Error) -> Error {
        let path = file.to_owned();
        match source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Error::Denied { path, verb, why: source.to_string() }
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full { path },
            _ => Error::Io { path, source },
        }
    }
}

/// The primary result code of a database error.
fn code(error: &sqlx::Error) -> Option<u32> {
    let extended = error.as_database_error()?.code()?;
    Some(extended.parse::<u32>().ok()? & 0xff)
}

/// A constraint of the schema that a row would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constraint {
    /// It refers to a row that is not there.
    NoParent,
    /// A row with its key is there already.
    NotUnique,
}

impl Error {
    /// The constraint that made the database refuse a row.
    pub(crate) fn constraint(&self) -> Option<Constraint> {
        let Self::Sql { source, .. } = self else {
            return None;
        };
        match source.as_database_error()?.kind() {
            sqlx::error::ErrorKind::ForeignKeyViolation => Some(Constraint::NoParent),
            sqlx::error::ErrorKind::UniqueViolation => Some(Constraint::NotUnique),
            _ => None,
        }
    }
}
