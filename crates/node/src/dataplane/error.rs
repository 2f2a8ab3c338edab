//! What can go wrong with packets.

use std::io;

/// Why the data plane could not be made as it should be. None holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum DataplaneError {
    /// A program is missing or can't be started.
    #[error("can't run `{program}`: install it, or start the agent with a PATH that has it")]
    Start {
        /// Its name.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed: {says}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// The beginning of what it said.
        says: String,
    },
    /// A program did not come to its end, and was ended.
    #[error(
        "`{program}` did not end within {seconds} seconds and was stopped; the agent tries again: \
         if it goes on, run `{program}` by hand and see what holds it up, or restart the server"
    )]
    Hung {
        /// Its name.
        program: &'static str,
        /// What it had.
        seconds: u64,
    },
    /// A program's output can't be read.
    #[error("can't read what `{program}` printed: {why}; is it of a version that damm knows?")]
    Unreadable {
        /// Its name.
        program: &'static str,
        /// What was expected.
        why: String,
    },
    /// The kernel's connection tracking can't be read.
    #[error("can't ask the kernel for its connections: the agent needs CAP_NET_ADMIN")]
    Conntrack(#[source] io::Error),
    /// A kernel setting can't be written.
    #[error("can't set {setting}: the agent needs CAP_NET_ADMIN, and a kernel that has it")]
    Sysctl {
        /// Its path below `/proc/sys`.
        setting: String,
        /// What the system said.
        source: io::Error,
    },
    /// The state file can't be written or read.
    #[error(transparent)]
    Memory(#[from] crate::home::HomeError),
    /// A WireGuard interface could not be made or removed.
    #[error("can't make or remove the interface {name}: {why}")]
    Interface {
        /// Its name.
        name: String,
        /// What its starter said.
        why: String,
    },
    /// Every mark is in use or not long enough out of use.
    #[error("more than 65,535 addresses and peers within hours: wait before adding more")]
    Marks,
}
