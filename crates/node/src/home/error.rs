//! Why the agent's state can't be used.

use std::path::{Path, PathBuf};

use damm_fleet::NodeId;

/// Why the agent's state can't be used. No message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The system refuses.
    #[error("{path} can't be {verb}: check the disk, and who owns the directory")]
    Io {
        /// `read`, `written`, `made` or `removed`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// A value has no JSON.
    #[error("{name} can't be written down")]
    Unwritable {
        /// What it is.
        name: String,
        /// Why.
        #[source]
        why: serde_json::Error,
    },
    /// Another agent works here.
    #[error("{path} is in use: another agent runs with this state directory; stop it first")]
    InUse {
        /// The state directory.
        path: PathBuf,
    },
    /// The directory was another server's: a copied disk.
    #[error(
        "{path} belongs to {owner}, and this server is {node}: a server that was copied from \
         another has to begin without its keys; move the directory away"
    )]
    AnothersHome {
        /// The state directory.
        path: PathBuf,
        /// Whose keys are in it.
        owner: NodeId,
        /// Who this server is.
        node: NodeId,
    },
    /// A server that has joined has lost its keys.
    #[error(
        "{path} is damaged, and this server can't prove itself without it: what runs goes on, but \
         the server has to be replaced; put the file back if there is a copy"
    )]
    KeysLost {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no randomness.
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(String),
    /// The seat can't be read.
    #[error("{path} does not say who this server is ({why}): bootstrap has to write it anew")]
    NoSeat {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl HomeError {
    pub(crate) fn io(verb: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { verb, path: path.to_owned(), source }
    }
}
