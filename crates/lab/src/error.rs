//! What can go wrong with a lab.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Why a lab can't do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Namespaces can't be made without root.
    #[error("the lab makes network namespaces, which needs root: run this as root")]
    NotRoot,
    /// A program is missing.
    #[error("the lab needs the program `{name}`: install the package {package}")]
    Missing {
        /// The program.
        name: &'static str,
        /// What brings it, on Debian.
        package: &'static str,
    },
    /// Nothing was made in this directory.
    #[error("there is no lab in {dir}: start one with `damm lab up TOPOLOGY`")]
    NotUp {
        /// The lab's directory.
        dir: PathBuf,
    },
    /// A program failed.
    #[error("`{command}` failed: {message}")]
    Tool {
        /// The command, without what it was given on its standard input.
        command: String,
        /// Its last words.
        message: String,
    },
    /// A file can't be read or written.
    #[error("{path} can't be {action}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's words.
        source: std::io::Error,
    },
    /// The lab's own file can't be understood.
    #[error("{path} is damaged: {message}; run `damm lab down` and start anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A name leads to nothing in the lab.
    #[error("the lab has no {what} `{name}`: it has {known}")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// By which name.
        name: String,
        /// What there is.
        known: String,
    },
    /// There is no more room for clients' networks.
    #[error("the lab has room for {room} client networks, and the populations name {wanted}")]
    TooManyNetworks {
        /// How many fit.
        room: usize,
        /// How many are asked for.
        wanted: usize,
    },
    /// A machine that is off can't be entered.
    #[error("the machine that is `{name}` does not run")]
    Off {
        /// The machine.
        name: String,
    },
    /// The internet's server can't serve.
    #[error("the server can't listen on {address}: {source}")]
    Listen {
        /// Where.
        address: IpAddr,
        /// The system's words.
        source: std::io::Error,
    },
}

impl LabError {
    /// A failure to do something with a file.
    pub(crate) fn file(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, action, source }
    }
}

/// The result of what is done with a lab.
pub type Result<T> = std::result::Result<T, LabError>;
