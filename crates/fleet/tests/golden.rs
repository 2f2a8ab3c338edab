//! What bad topologies are told: each file under `bad/` has its message beside it.
//!
//! Regenerate with `UPDATE_GOLDEN=1 cargo test -p damm-fleet --test golden`, and read what changed.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use damm_fleet::topology::load_with_warnings;

fn bad_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let entries = std::fs::read_dir(directory).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let mut bad: Vec<_> = files.filter(|f| f.extension().unwrap() != "stderr").collect();
    bad.sort();
    bad
}

fn told(file: &Path) -> String {
    let name = file.file_name().unwrap().to_str().unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    match load_with_warnings(name, &text) {
        Ok(loaded) => loaded.warnings.to_string(),
        Err(errors) => errors.to_string(),
    }
}

/// Lines that only one of two texts has, in their order.
fn difference(wanted: &str, told: &str) -> String {
    let only = |sign: &str, one: &str, other: &str| {
        let lines = one.lines().filter(|l| !other.lines().any(|o| o == *l));
        lines.map(|l| format!("{sign} {l}\n")).collect::<String>()
    };
    only("-", wanted, told) + &only("+", told, wanted)
}

#[test]
fn every_bad_file_is_told_what_stands_beside_it() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = String::new();
    for file in bad_files() {
        let golden = PathBuf::from(format!("{}.stderr", file.display()));
        let told = told(&file);
        assert!(!told.is_empty(), "{} is taken without a word", file.display());
        if update {
            std::fs::write(&golden, &told).unwrap();
        }
        let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
        if wanted != told {
            let name = file.file_name().unwrap().display();
            wrong.push_str(&format!("{name}\n{}", difference(&wanted, &told)));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn there_are_enough_bad_files_and_no_message_without_one() {
    let bad = bad_files();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let all = std::fs::read_dir(directory).unwrap().count();
    assert!(bad.len() >= 55, "{} bad files", bad.len());
    assert_eq!(all, 2 * bad.len());
}
