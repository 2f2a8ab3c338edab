//! What can go wrong with services.

use std::path::{Path, PathBuf};

/// What can go wrong with services.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the agent's or the operator's is not as it should be.
    #[error("{path}: {field}: {why}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The field or the line.
        field: String,
        /// What is wrong and what is allowed.
        why: String,
    },
    /// A program can't be started, or says that it failed.
    #[error("`{command}` failed: {why}")]
    Command {
        /// Its name and its first arguments: no secrets.
        command: String,
        /// What it said.
        why: String,
    },
    /// A program did not come to its end, and was ended.
    #[error(
        "`{command}` did not end within {seconds} seconds and was stopped; the agent tries again: \
         if it goes on, run it by hand and see what holds it up"
    )]
    Hung {
        /// Its name and its first arguments: no secrets.
        command: String,
        /// What it had.
        seconds: u64,
    },
    /// Front doors are to speak what nobody described.
    #[error(
        "no transport of kind `{kind}` is known: write /etc/damm/transports/{kind}/transport.json, \
         or use one of {known}"
    )]
    UnknownKind {
        /// The kind.
        kind: String,
        /// The kinds that are known, with commas.
        known: String,
    },
    /// Two kinds would listen on one port.
    #[error("the transports `{one}` and `{other}` would both listen on port {port}: rename one")]
    SamePort {
        /// A kind.
        one: String,
        /// Another.
        other: String,
        /// The port.
        port: u16,
    },
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl ServiceError {
    /// Wraps an error of a file.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// What is wrong with a field of a file.
    pub(crate) fn field(path: &Path, field: impl Into<String>, why: impl ToString) -> Self {
        Self::Field { path: path.to_owned(), field: field.into(), why: why.to_string() }
    }
}
