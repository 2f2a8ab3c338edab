//! What the agent tells the witness.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use damm_fleet::FrontdoorId;
use damm_protocol::evidence::WitnessKey;
use serde::{Deserialize, Serialize};

use crate::service::ServiceError;

/// What the agent tells the witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where it listens. The addresses need not be there yet.
    pub at: Vec<SocketAddr>,
    /// What it signs with.
    pub key: WitnessKey,
    /// The doors that it signs for.
    pub doors: BTreeSet<FrontdoorId>,
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it can't be read; the message names the line and shows none of it.
    pub fn read(path: &Path) -> Result<Self, ServiceError> {
        let text = std::fs::read(path).map_err(ServiceError::file(path))?;
        serde_json::from_slice(&text).map_err(|e| {
            let field = format!("line {}", e.line());
            ServiceError::field(path, field, "not what this version of the agent writes")
        })
    }
}
