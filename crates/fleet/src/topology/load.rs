//! From a file's text to a topology, or to all that is wrong with it.

use super::check::check;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::schema::OWN_SCHEMA;
use super::tree::Node;
use super::{Topology, json, toml, walk};
use crate::offer::Offers;

/// A topology, and what its writer should have a look at.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The topology.
    pub topology: Topology,
    /// Warnings only, none perhaps.
    pub warnings: Diagnostics,
}

/// Reads a topology: TOML when the file's name ends in `.toml`, JSON with comments and trailing
/// commas when it ends in `.json` or `.jsonc`.
///
/// # Errors
///
/// All that is wrong with the file, each with its place. Warnings alone do not refuse a file; they
/// are told by [`load_with_warnings`].
pub fn load(file_name: &str, text: &str) -> Result<Topology, Diagnostics> {
    load_with_warnings(file_name, text).map(|loaded| loaded.topology)
}

/// As [`load`], with the warnings of a file that is taken.
///
/// # Errors
///
/// As [`load`].
pub fn load_with_warnings(file_name: &str, text: &str) -> Result<Loaded, Diagnostics> {
    // Some editors begin a file with a byte order mark; it means nothing in UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let told = |list| Diagnostics::new(file_name, text, list);
    let tree = parse(file_name, text).map_err(|refusal| told(vec![refusal]))?;
    let (topology, list) = read(&tree);
    let diagnostics = told(list);
    match topology {
        Some(topology) if !diagnostics.has_errors() => Ok(Loaded {
            topology,
            warnings: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

fn parse(file_name: &str, text: &str) -> Result<Node, Diagnostic> {
    let ending = file_name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("toml") => toml::parse(text),
        Some("json" | "jsonc") => json::parse(text),
        _ => Err(Diagnostic::error(
            0..0,
            "the file's name does not tell whether it is JSON or TOML".to_owned(),
        )
        .help("let it end in `.json`, `.jsonc` or `.toml`")),
    }
}

fn read(tree: &Node) -> (Option<Topology>, Vec<Diagnostic>) {
    let mut list = walk::walk(tree);
    if !list.is_empty() {
        return (None, list);
    }
    let mut json = tree.to_json();
    if let Some(keys) = json.as_object_mut() {
        keys.remove(OWN_SCHEMA);
    }
    match serde_json::from_value::<Topology>(json) {
        Ok(topology) => {
            let findings = check(&topology, &Offers::of(&topology));
            list.extend(findings.into_iter().map(|f| f.placed(tree)));
            (Some(topology), list)
        }
        // The schema is as strict as the types, and tests hold it so; were it not, this tells.
        Err(error) => {
            let message = format!("the schema and the reader disagree, a bug of damm: {error}");
            (None, vec![Diagnostic::error(0..0, message)])
        }
    }
}
