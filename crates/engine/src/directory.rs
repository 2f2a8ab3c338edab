//! A channel of files in a directory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use damm_catalog::ObjectName;

/// Why a directory could not be written.
#[derive(Debug, thiserror::Error)]
#[error("catalogs can't be written to {path}: {source}; make room or give damm the right to")]
pub struct DirectoryError {
    /// The file or directory.
    pub path: PathBuf,
    /// The system's words.
    #[source]
    pub source: std::io::Error,
}

/// What is to be changed in a directory.
#[derive(Debug, Default)]
pub struct Files {
    /// Files to be there, by name.
    pub put: Vec<(String, Vec<u8>)>,
    /// Files to be gone.
    pub remove: Vec<String>,
}

/// The name of a catalog's file.
pub fn file_name(object: &ObjectName) -> String {
    format!("{object}.json")
}

/// The names of all files in a directory; none when it is not there yet.
///
/// # Errors
///
/// [`DirectoryError`] when it can't be read.
pub async fn names(dir: PathBuf) -> Result<BTreeSet<String>, DirectoryError> {
    let path = dir.clone();
    let listed = tokio::task::spawn_blocking(move || names_now(&dir)).await;
    let listed = listed.unwrap_or_else(|e| Err(std::io::Error::other(e)));
    listed.map_err(|source| DirectoryError { path, source })
}

fn names_now(dir: &Path) -> std::io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let name = |e: std::io::Result<fs::DirEntry>| Ok(e?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect()
}

/// Writes and removes files, each whole or not at all, durable once this returns.
///
/// # Errors
///
/// [`DirectoryError`]; files that were written before it stay.
pub async fn write(dir: PathBuf, files: Files) -> Result<(), DirectoryError> {
    let path = dir.clone();
    let written = tokio::task::spawn_blocking(move || write_now(&dir, &files)).await;
    written.unwrap_or_else(|e| {
        let source = std::io::Error::other(e);
        Err(DirectoryError { path, source })
    })
}

fn write_now(dir: &Path, files: &Files) -> Result<(), DirectoryError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| DirectoryError { path, source }
    };
    fs::create_dir_all(dir).map_err(at(dir))?;
    for (name, bytes) in &files.put {
        let path = dir.join(name);
        put(dir, name, bytes).map_err(at(&path))?;
    }
    for name in &files.remove {
        let path = dir.join(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(at(&path)(e)),
            _ => {}
        }
    }
    // The names are durable once the directory is.
    let synced = File::open(dir).and_then(|d| d.sync_all());
    synced.map_err(at(dir))
}

/// A reader sees the old file or the new one: a rename replaces at once (POSIX, rename).
fn put(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    // One process writes here at a time, so one name for the unfinished file is enough. It starts
    // with a dot, which web servers and file listings leave out.
    let unfinished = dir.join(format!(".{name}.new"));
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, dir.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_put_and_removed_and_nothing_unfinished_stays() {
        let dir = tempfile::tempdir().unwrap();
        let files = |put: &[&str], remove: &[&str]| Files {
            put: put.iter().map(|n| ((*n).to_owned(), n.as_bytes().to_vec())).collect(),
            remove: remove.iter().map(|n| (*n).to_owned()).collect(),
        };
        let made = dir.path().join("made");
        write(made.clone(), files(&["a", "b"], &[])).await.unwrap();
        write(made.clone(), files(&["c"], &["a", "never"])).await.unwrap();
        let mut names: Vec<String> = fs::read_dir(&made)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["b", "c"]);
        assert_eq!(fs::read(made.join("c")).unwrap(), b"c");
    }

    #[tokio::test]
    async fn a_directory_that_can_not_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = write(file.join("sub"), Files::default()).await.unwrap_err();
        assert!(refused.to_string().contains("file"), "{refused}");
    }
}
