//! All bytes that were ever kept, in every test run.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use damm_fuzz::TARGETS;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

#[test]
fn whatever_the_fuzzer_kept_breaks_no_promise() {
    for target in TARGETS {
        let files = fs::read_dir(folder(target.name)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = files.collect();
        files.sort();
        assert!(files.len() >= 2, "the corpus of {} is missing", target.name);
        for file in files {
            // Shown when the test fails.
            println!("{}", file.display());
            (target.run)(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn the_corpus_begins_with_the_seeds() {
    for target in TARGETS {
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            let file = folder(target.name).join(format!("seed-{number:02}"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::create_dir_all(folder(target.name)).unwrap();
                fs::write(&file, &seed).unwrap();
            }
            let kept = fs::read(&file).unwrap();
            assert!(kept == seed, "{}: UPDATE_GOLDEN=1 writes it anew", file.display());
        }
    }
}

#[test]
fn every_folder_of_the_corpus_has_a_target() {
    let folders = fs::read_dir(folder("")).unwrap();
    for folder in folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(TARGETS.iter().any(|target| target.name == folder), "{folder}");
    }
}
