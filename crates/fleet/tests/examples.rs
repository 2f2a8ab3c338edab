//! The shipped topologies and the shipped schema are what the reader says they are.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use damm_fleet::topology::{Loaded, load_with_warnings, schema};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn example(name: &str) -> Loaded {
    let text = std::fs::read_to_string(root().join("examples").join(name)).unwrap();
    load_with_warnings(name, &text).unwrap_or_else(|all| panic!("{all}"))
}

#[test]
fn the_examples_are_taken_without_a_warning() {
    for name in ["topology.json", "minimal.toml", "lab.json"] {
        assert_eq!(example(name).warnings.to_string(), "");
    }
}

#[test]
fn the_reference_example_shows_what_it_promises() {
    let topology = example("topology.json").topology;
    let asns: std::collections::BTreeSet<_> =
        topology.providers.values().flat_map(|p| &p.asns).collect();
    let ingress: std::collections::BTreeSet<_> =
        topology.regions.values().map(|r| &r.ingress.profile).collect();
    assert_eq!((topology.regions.len(), topology.populations.len()), (2, 3));
    assert_eq!((topology.providers.len(), asns.len(), ingress.len()), (4, 4, 2));
}

/// Regenerate with `UPDATE_GOLDEN=1 cargo test -p damm-fleet --test examples`.
#[test]
fn the_shipped_schema_is_the_one_that_is_enforced() {
    let path = root().join("schema/topology.schema.json");
    let current = serde_json::to_string_pretty(schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let shipped = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(shipped == current, "{} is out of date: set UPDATE_GOLDEN=1", path.display());
}

#[test]
fn the_readmes_topology_is_taken_without_a_warning() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let (_, rest) = readme.split_once("```jsonc\n").expect("a topology");
    let (text, _) = rest.split_once("```").expect("its end");
    let loaded = load_with_warnings("README.jsonc", text).unwrap_or_else(|e| panic!("{e}"));
    assert!(loaded.warnings.iter().next().is_none(), "{}", loaded.warnings);
}
