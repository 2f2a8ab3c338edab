//! A vendor's own description of its API (OpenAPI 3), to which requests and answers are held.
//!
//! Descriptions are the vendors' files and no part of this project. Where [`FOLDER`] names a
//! folder that has them, a [`Front`](crate::Front) before a double is a validating proxy: each
//! request that reaches the double, and each answer that it gives, is checked, and the front
//! fails its test when it is dropped and anything was wrong. Without the folder nothing is
//! checked, and it is said.

mod operations;
mod schemas;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::Value;

use crate::answer::Answer;
use crate::asked::Asked;
use operations::{Operation, find};
use schemas::{Schemas, resolved};

/// The variable that names the folder with the vendors' descriptions.
pub const FOLDER: &str = "DAMM_API_DESCRIPTIONS";

/// Where a vendor's description is, and where it is known to be wrong.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// The file's name in the folder.
    pub file: &'static str,
    /// What the double's paths begin with, as in `/v1`, in place of what the description's do.
    pub base: &'static str,
    /// What the description's paths begin with; mostly nothing.
    pub prefix: &'static str,
    /// What the description says that the vendor doesn't hold to.
    pub faults: &'static [KnownFault],
}

/// A known fault of a description.
#[derive(Debug, Clone, Copy)]
pub struct KnownFault {
    /// A part of the method and the description's path, as in `GET /servers`, or of the path of a
    /// request that none is of; `*` is every one.
    pub operation: &'static str,
    /// A part of the complaint's text.
    pub complaint: &'static str,
    /// How the vendor really is, and where that is known from.
    pub why: &'static str,
}

/// A description that was read.
pub struct Description {
    described: Described,
    document: Arc<Value>,
    schemas: Schemas,
}

/// Descriptions by their files' names; none where one can't be had.
type Library = BTreeMap<&'static str, Option<Arc<Description>>>;

/// What was read so far in this process.
static READ: LazyLock<Mutex<Library>> = LazyLock::new(Mutex::default);

impl Description {
    /// A vendor's description; none, which is said once, where the folder does not have it.
    ///
    /// # Panics
    ///
    /// When the file is there and can't be read.
    pub fn of(described: &Described) -> Option<Arc<Self>> {
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        read.entry(described.file).or_insert_with(|| Self::read(*described)).clone()
    }

    /// Whether a request is of what it describes.
    pub fn is_of(&self, asked: &Asked) -> bool {
        asked.path.starts_with(self.described.base)
    }

    fn read(described: Described) -> Option<Arc<Self>> {
        let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
            let file = described.file;
            damm_needs::skipped(&format!("nothing is held to {file}: {FOLDER} names no folder"));
            return None;
        };
        let path = folder.join(described.file);
        let text = std::fs::read_to_string(&path);
        let text = text.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let read: Result<Value, String> = match described.file.ends_with(".json") {
            true => serde_json::from_str(&text).map_err(|e| e.to_string()),
            false => serde_yaml_ng::from_str(&held(&text)).map_err(|e| e.to_string()),
        };
        let mut document = read.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        schemas::plain(&mut document);
        let document = Arc::new(document);
        let schemas = Schemas::of(document.clone());
        Some(Arc::new(Self { described, document, schemas }))
    }

    /// What is wrong with a request and its answer: a sentence each.
    pub fn complaints(&self, asked: &Asked, answer: &Answer) -> Vec<String> {
        let Described { base, prefix, .. } = self.described;
        let path = format!("{prefix}{}", asked.path.strip_prefix(base).unwrap_or(&asked.path));
        let Some(operation) = find(&self.document, &asked.method, &path) else {
            let unknown = "there is no such operation";
            // What the vendor does not know it answers so.
            let fine = answer.status == 404 || self.is_known(&path, unknown);
            let told = || format!("{} {path}: {unknown}", asked.method);
            return if fine { Vec::new() } else { vec![told()] };
        };
        let mut all = Vec::new();
        // A request that is refused as bad may be bad; else it is held to the description.
        if !matches!(answer.status, 400 | 404 | 422) {
            all.extend(self.of_request(&operation, asked));
        }
        all.extend(self.of_answer(&operation, answer));
        let name = operation.name();
        all.retain(|complaint| !self.is_known(&name, complaint));
        all.into_iter().map(|complaint| format!("{name}: {complaint}")).collect()
    }

    fn is_known(&self, name: &str, complaint: &str) -> bool {
        let of = |fault: &&KnownFault| fault.operation == "*" || name.contains(fault.operation);
        self.described.faults.iter().filter(of).any(|f| complaint.contains(f.complaint))
    }

    fn of_request(&self, operation: &Operation<'_>, asked: &Asked) -> Vec<String> {
        let mut all = operation.parameters(&self.document, &self.schemas, asked);
        let place = format!("{}/requestBody", operation.pointer);
        let Some((body, place)) = resolved(&self.document, &place) else {
            if !asked.body.is_empty() {
                all.push("a body is sent where none is described".to_owned());
            }
            return all;
        };
        if asked.body.is_empty() {
            if body["required"] == true {
                all.push("the body is missing".to_owned());
            }
            return all;
        }
        let place = format!("{place}/content/application~1json/schema");
        let what = self.schemas.complaints(&place, &asked.json());
        all.extend(what.into_iter().map(|w| format!("the request's body: {w}")));
        all
    }

    fn of_answer(&self, operation: &Operation<'_>, answer: &Answer) -> Vec<String> {
        let Some(place) = operation.response(&self.document, answer.status) else {
            return vec![format!("an answer {} is not described", answer.status)];
        };
        let Some((response, place)) = resolved(&self.document, &place) else {
            return vec![format!("the description of an answer {} dangles", answer.status)];
        };
        if response["content"]["application/json"]["schema"].is_null() {
            return Vec::new();
        }
        let place = format!("{place}/content/application~1json/schema");
        let what = self.schemas.complaints(&place, &answer.value());
        what.into_iter().map(|w| format!("an answer {}: {w}", answer.status)).collect()
    }
}

/// The text with bounds of 20 digits and more as the greatest number that JSON values here hold.
fn held(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once(": ") {
        Some((key, digits)) if digits.len() >= 20 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{key}: {}\n", u64::MAX)
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests;
