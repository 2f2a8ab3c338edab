//! Plan files: one plan, whole, with a digest that tells when a byte of it was changed.

use std::path::Path;

use damm_fleet::{BlueprintId, Timestamp};
use damm_planner::{Forecast, Plan};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::exit::{Failure, Result};

/// What a plan file starts with.
pub const KIND: &str = "damm-plan";
/// Raised when older damms could misread a newer file.
pub const VERSION: u32 = 1;

/// A plan on its way from `damm plan --out` to `damm apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Always [`KIND`].
    pub kind: String,
    /// The file's format.
    pub version: u32,
    /// The fleet's name.
    pub fleet: String,
    /// The target that it was made from; when that has moved, the plan is stale.
    pub parent: BlueprintId,
    /// When it was made.
    pub planned_at: Timestamp,
    /// The topology file, as it was named.
    pub topology_path: String,
    /// The topology file's text.
    pub topology: String,
    /// The plan.
    pub plan: Plan,
    /// What would follow.
    pub forecast: Forecast,
    /// SHA-256 over the canonical bytes (RFC 8785) of all other fields, in hex.
    pub digest: String,
}

impl PlanFile {
    /// The file's bytes, with the digest set.
    ///
    /// # Errors
    ///
    /// When the plan has no JSON form, which would be a fault of damm's own.
    pub fn seal(mut self) -> Result<Vec<u8>> {
        self.digest = String::new();
        let value = serde_json::to_value(&self).map_err(unwritable)?;
        self.digest = digest(value)?;
        let mut bytes = serde_json::to_vec_pretty(&self).map_err(unwritable)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Whether a file's text looks like a plan rather than a topology.
    pub fn is_one(text: &str) -> bool {
        let start: String = text.chars().take(200).filter(|c| !c.is_whitespace()).collect();
        start.starts_with(&format!("{{\"kind\":\"{KIND}\""))
    }

    /// The plan of a file's text, after its format and digest were checked.
    ///
    /// # Errors
    ///
    /// When the file is cut short, of a newer format, or was changed since it was written.
    pub fn open(path: &Path, text: &str) -> Result<Self> {
        let name = path.display();
        let again = "make it again: damm plan TOPOLOGY --out FILE";
        let value: Value = serde_json::from_str(text).map_err(|e| {
            let at = format!("{name}:{}:{}", e.line(), e.column());
            Failure::error(format!("{at}: the plan file is damaged: {e}")).help(again)
        })?;
        match value.get("version").and_then(Value::as_u64) {
            Some(v) if v == u64::from(VERSION) => {}
            v => {
                let v = v.map_or_else(|| "no version".to_owned(), |v| format!("version {v}"));
                let message = format!("{name} has {v}, and this damm reads version {VERSION}");
                return Err(Failure::error(message).help(again));
            }
        }
        let said = value.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned();
        if digest(value.clone())? != said {
            return Err(Failure::error(format!("{name} was changed since damm wrote it")).help(
                "a plan is carried out as it was reviewed or not at all; \
                     change the topology and plan again",
            ));
        }
        serde_json::from_value(value).map_err(|e| {
            Failure::error(format!("{name}: the plan file is damaged: {e}")).help(again)
        })
    }
}

fn unwritable(error: impl std::fmt::Display) -> Failure {
    Failure::error(format!("the plan can't be written down: {error}"))
}

/// The digest of a file's fields but the digest's own.
fn digest(mut value: Value) -> Result<String> {
    if let Value::Object(fields) = &mut value {
        fields.remove("digest");
    }
    let bytes = serde_json_canonicalizer::to_vec(&value).map_err(unwritable)?;
    Ok(Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect())
}
