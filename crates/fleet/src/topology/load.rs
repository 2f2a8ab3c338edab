//! From a file's text to a topology, or to all that is wrong with it.

use super::check::check;
use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::path::Path;
use super::schema::OWN_SCHEMA;
use super::tree::Node;
use super::walk::Walked;
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
        Some(topology) if !diagnostics.has_errors() => {
            Ok(Loaded { topology, warnings: diagnostics })
        }
        _ => Err(diagnostics),
    }
}

fn parse(file_name: &str, text: &str) -> Result<Node, Diagnostic> {
    let ending = file_name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
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
    let Walked { told, spare } = walk::walk(tree);
    if !told.is_empty() {
        let rest = spare.map_or_else(Vec::new, |spare| errors_of_the_rest(tree, &spare));
        return (None, told.into_iter().chain(rest).collect());
    }
    match topology(tree) {
        Ok(topology) => {
            let findings = check(&topology, &Offers::of(&topology));
            let list = findings.into_iter().map(|f| f.placed(tree)).collect();
            (Some(topology), list)
        }
        // The schema is as strict as the types, and tests hold it so; were it not, this tells.
        Err(error) => {
            let message = format!("the schema and the reader disagree, a bug of damm: {error}");
            (None, vec![Diagnostic::error(0..0, message)])
        }
    }
}

fn topology(tree: &Node) -> serde_json::Result<Topology> {
    let mut json = tree.to_json();
    if let Some(keys) = json.as_object_mut() {
        keys.remove(OWN_SCHEMA);
    }
    serde_json::from_value(json)
}

/// What does not fit in a file whose form is wrong in places, as far as it has nothing to do with
/// those: they are left out, and defaults stand for them.
fn errors_of_the_rest(tree: &Node, spare: &[Path]) -> Vec<Diagnostic> {
    let mut rest = tree.clone();
    for path in spare {
        rest.remove(path);
    }
    let Ok(topology) = topology(&rest) else {
        return Vec::new();
    };
    let findings = check(&topology, &Offers::of(&topology)).into_iter();
    let errors = findings.filter(|f| f.severity == Severity::Error);
    let apart = errors.filter(|f| !spare.iter().any(|path| f.touches(path)));
    apart.map(|f| f.placed(tree)).collect()
}
