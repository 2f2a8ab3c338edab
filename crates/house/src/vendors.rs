//! A vendor is one module and one row: nothing else of the program knows which vendors there are.

use std::collections::BTreeSet;

use crate::Complaints;
use crate::workspace::File;

/// Where each vendor is named beside its module and its row: the list of kinds, the list of rows,
/// the feature, the module's declaration, and what opens an account.
pub const PLACES: [&str; 5] = [
    "crates/fleet/src/topology/provider.rs",
    "crates/fleet/src/vendor/mod.rs",
    "crates/vendors/Cargo.toml",
    "crates/vendors/src/lib.rs",
    "crates/vendors/src/registry.rs",
];

/// Packages that are no part of the program: what plays vendors, asks them, and measures.
const ASIDE: [&str; 4] = ["bench", "conformance", "doubles", "house"];

/// The vendors that have a row, by the names of the rows' files.
pub fn rows(files: &[File]) -> BTreeSet<String> {
    let name = |file: &File| {
        let name = file.path.strip_prefix("crates/fleet/src/vendor/")?.strip_suffix(".rs")?;
        file.text.contains(" SHEET: Sheet").then(|| name.to_owned())
    };
    files.iter().filter_map(name).collect()
}

/// What is wrong with where a vendor is named.
pub fn scattered(vendor: &str, files: &[File]) -> Complaints {
    let module =
        [format!("crates/vendors/src/{vendor}/"), format!("crates/vendors/src/{vendor}.rs")];
    let row = format!("crates/fleet/src/vendor/{vendor}.rs");
    let own = |file: &&File| file.path == row || module.iter().any(|m| file.path.starts_with(m));
    let mut all = Complaints::new();
    if !files.iter().any(|f| own(&f) && f.path != row) {
        all.push(format!("{row}: there is no module `{vendor}` in crates/vendors/src"));
    }
    let names: BTreeSet<&str> = files
        .iter()
        .filter(|f| is_program(&f.path) && !own(f) && is_named(vendor, &f.text))
        .map(|f| f.path.as_str())
        .collect();
    let expected: BTreeSet<&str> = PLACES.into();
    let lacks = expected.difference(&names);
    all.extend(lacks.map(|path| format!("{path}: `{vendor}` has a row and is not named here")));
    let more = names.difference(&expected);
    all.extend(more.map(|path| {
        format!("{path}: names `{vendor}`: what it needs to know belongs into the vendor's row")
    }));
    all
}

/// Whether a file is of the program, and not of its tests.
fn is_program(path: &str) -> bool {
    let mut parts = path.split('/');
    let (first, package) = (parts.next(), parts.next().unwrap_or_default());
    let rest: Vec<&str> = parts.collect();
    let test = rest.iter().any(|part| matches!(*part, "tests" | "tests.rs" | "snapshots"));
    let kind = rest.first().is_some_and(|part| matches!(*part, "src" | "Cargo.toml"));
    first == Some("crates") && kind && !test && !ASIDE.contains(&package)
}

/// Whether code names it: comments may, and what is built only for some vendors. A header field's
/// name is a word of its own.
fn is_named(vendor: &str, text: &str) -> bool {
    let aside = |line: &&str| line.starts_with("//") || line.starts_with("#[cfg(");
    let code = text.lines().map(str::trim_start).filter(|line| !aside(line));
    code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'))
        .any(|word| word.eq_ignore_ascii_case(vendor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn workspace() -> Vec<File> {
        let mut files: Vec<_> = PLACES.map(|path| file(path, "use acme::open;")).into();
        files.push(file("crates/fleet/src/vendor/acme.rs", "pub const SHEET: Sheet = 1;"));
        files.push(file("crates/vendors/src/acme/mod.rs", "struct Acme;"));
        files
    }

    #[test]
    fn a_vendor_that_is_one_module_and_one_row_passes() {
        let mut files = workspace();
        files.push(file("crates/engine/src/lib.rs", "//! Acme does it otherwise."));
        files.push(file("crates/engine/src/due/tests.rs", "let acme = 1;"));
        files.push(file("crates/doubles/src/acme/mod.rs", "struct Acme;"));
        assert_eq!(rows(&files), ["acme".to_owned()].into());
        assert_eq!(scattered("acme", &files), Complaints::new());
    }

    #[test]
    fn code_elsewhere_that_names_a_vendor_is_found() {
        let mut files = workspace();
        files.push(file("crates/engine/src/due/mod.rs", "if kind == ProviderKind::Acme {"));
        let [complaint] = scattered("acme", &files).try_into().unwrap();
        assert!(complaint.starts_with("crates/engine/src/due/mod.rs:"), "{complaint}");
    }

    #[test]
    fn a_row_without_a_module_or_a_feature_is_found() {
        let mut files = workspace();
        files.retain(|f| !f.path.ends_with("acme/mod.rs") && !f.path.ends_with("Cargo.toml"));
        assert_eq!(scattered("acme", &files).len(), 2);
    }
}
