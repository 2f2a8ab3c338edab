//! What every package says of itself.

use toml_edit::DocumentMut;

use crate::Complaints;
use crate::workspace::File;

/// What each package takes over from the workspace, so that it is said once.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// What a package's manifest lacks.
pub fn lacking(manifest: &File) -> Complaints {
    let path = &manifest.path;
    let document: DocumentMut = match manifest.text.parse() {
        Ok(document) => document,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let inherits = |table: &str, key: &str| {
        let item = document.get(table).and_then(|t| t.get(key));
        item.and_then(|i| i.get("workspace")).and_then(|w| w.as_bool()) == Some(true)
    };
    let mut complaints: Complaints = INHERITED
        .iter()
        .filter(|key| !inherits("package", key))
        .map(|key| format!("{path}: write `{key}.workspace = true` under [package]"))
        .collect();
    let lints = document.get("lints").and_then(|l| l.get("workspace"));
    if lints.and_then(|w| w.as_bool()) != Some(true) {
        complaints.push(format!("{path}: write `workspace = true` under [lints]"));
    }
    let described = document.get("package").and_then(|p| p.get("description"));
    if described.is_none() {
        complaints.push(format!("{path}: write a `description` under [package]"));
    }
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    for (table, (name, _)) in tables.iter().flat_map(|table| {
        let entries = document.get(table).and_then(|t| t.as_table_like());
        entries.into_iter().flat_map(|t| t.iter()).map(move |entry| (*table, entry))
    }) {
        if !inherits(table, name) {
            complaints.push(format!(
                "{path}: give `{name}` its version in the workspace's manifest, and write \
                 `{name}.workspace = true` here"
            ));
        }
    }
    complaints
}

/// Whether a package's first file begins with what the package is.
pub fn undescribed(file: &File) -> Complaints {
    match file.text.starts_with("//!") {
        true => Vec::new(),
        false => vec![format!("{}: begin it with `//!` and what the package is", file.path)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"x\"\ndescription = \"y\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n[lints]\nworkspace = true\n[dependencies]\n\
        serde.workspace = true\n";

    fn complaints(text: &str) -> usize {
        lacking(&File { path: "Cargo.toml".to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn each_missing_line_is_found() {
        assert_eq!(complaints(GOOD), 0);
        for (number, line) in GOOD.lines().enumerate() {
            if line.starts_with('[') || line.starts_with("name") || line.starts_with("serde") {
                continue;
            }
            let without: Vec<_> = GOOD.lines().filter(|l| *l != line).collect();
            assert_eq!(complaints(&without.join("\n")), 1, "line {number}: {line}");
        }
    }

    #[test]
    fn a_version_outside_the_workspaces_manifest_is_found() {
        let own = GOOD.replace("serde.workspace = true", "serde = \"1\"");
        assert_eq!(complaints(&own), 1);
        let own = format!("{GOOD}\n[dev-dependencies]\ninsta = {{ version = \"1\" }}\n");
        assert_eq!(complaints(&own), 1);
    }

    #[test]
    fn a_package_without_a_word_about_itself_is_found() {
        let file = |text: &str| File { path: "lib.rs".to_owned(), text: text.to_owned() };
        assert_eq!(undescribed(&file("pub mod x;\n")).len(), 1);
        assert_eq!(undescribed(&file("//! What it is.\n")), Complaints::new());
    }
}
