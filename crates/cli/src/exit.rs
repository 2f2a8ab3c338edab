//! Exit codes, and errors that say what to do.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

/// How a command ended. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; for `plan`: nothing to change.
    Done = 0,
    /// Error: the message says what to do.
    Error = 1,
    /// For `plan`: there are changes.
    Changes = 2,
    /// Refused by a rule or guard; nothing was changed.
    Refused = 3,
    /// The target has moved since the plan was made.
    Stale = 4,
    /// Partly applied: run the same command again.
    Partial = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command's result.
pub type Result<T = Exit> = std::result::Result<T, Failure>;

/// Why a command failed, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One sentence, in small letters and without a full stop; what follows may take more lines.
    pub message: String,
    /// Lines that come first: a file's diagnostics.
    pub preface: Option<Box<str>>,
    /// What to do.
    pub help: Option<Box<str>>,
    /// The rule that refused, where one did.
    pub rule: Option<Box<str>>,
    /// Particulars for `--json`: a file's diagnostics.
    pub details: Option<Box<serde_json::Value>>,
}

impl Failure {
    /// A failure with an exit code.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        let message = message.to_string();
        Self { exit, message, preface: None, help: None, rule: None, details: None }
    }

    /// A plain error.
    pub fn error(message: impl Display) -> Self {
        Self::new(Exit::Error, message)
    }

    /// A failed call about a file or directory.
    pub fn io(what: &str, path: &Path, error: &std::io::Error) -> Self {
        let failure = Self::error(format!("cannot {what} {}: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::NotFound => failure.help("check the path"),
            std::io::ErrorKind::PermissionDenied => failure.help("check who owns it and its mode"),
            std::io::ErrorKind::StorageFull => failure.help("free some space and run it again"),
            std::io::ErrorKind::ReadOnlyFilesystem => {
                failure.help("choose a directory that can be written to")
            }
            _ => failure,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Display) -> Self {
        self.help = Some(help.to_string().into());
        self
    }

    /// With lines that come first.
    #[must_use]
    pub fn preface(mut self, text: impl Into<Box<str>>) -> Self {
        self.preface = Some(text.into());
        self
    }

    /// With the rule that refused.
    #[must_use]
    pub fn rule(mut self, rule: impl Display) -> Self {
        self.rule = Some(rule.to_string().into());
        self
    }

    /// With particulars for `--json`.
    #[must_use]
    pub fn details(mut self, details: impl Serialize) -> Self {
        self.details = serde_json::to_value(details).ok().map(Box::new);
        self
    }
}
