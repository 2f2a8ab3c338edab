//! How the agent is, for people.

use std::path::Path;

use damm_fleet::{NodeId, Role, Span, Timestamp};
use damm_protocol::Report;
use serde::{Deserialize, Serialize};

use super::HomeError;

const NAME: &str = "status";

/// How the agent is: what `damm node status` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The fleet's name.
    pub fleet: String,
    /// Who this server is.
    pub node: NodeId,
    /// What it is for.
    pub role: Role,
    /// When this was written.
    pub at: Timestamp,
    /// Whether the controller knows this server.
    pub joined: bool,
    /// Since when the controller has not answered as it should; none when it has.
    pub alone_for: Option<Span>,
    /// The generation of the config that is held.
    pub held: u64,
    /// What the controller is told.
    pub report: Report,
}

impl Status {
    /// What the agent of a state directory wrote last; none before it has.
    ///
    /// # Errors
    ///
    /// [`HomeError::Io`].
    pub fn read(dir: &Path) -> Result<Option<Self>, HomeError> {
        let path = dir.join(NAME);
        match std::fs::read(&path) {
            // It is replaced in one step; what can't be read is of another version.
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(HomeError::io("read", &path, e)),
        }
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), HomeError> {
        let (path, new) = (dir.join(NAME), dir.join("status.new"));
        let name = || NAME.to_owned();
        let text = serde_json::to_vec_pretty(self);
        let text = text.map_err(|why| HomeError::Unwritable { name: name(), why })?;
        let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path));
        written.map_err(|e| HomeError::io("written", &path, e))
    }
}
