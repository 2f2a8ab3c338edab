//! The workspace on disk, and cargo's view of it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the workspace's root, with `/` between its parts.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The workspace's root directory.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every text file of the workspace, in order of path: no build output, no history, nothing that
/// is not UTF-8.
///
/// # Errors
///
/// When a directory or file can't be read.
pub fn files() -> io::Result<Vec<File>> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(root: &Path, dir: &Path, found: &mut Vec<File>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let (path, kind) = entry.and_then(|e| Ok((e.path(), e.file_type()?)))?;
        let skipped = [".git", "target", "node_modules"].map(OsStr::new);
        if kind.is_dir() && !path.file_name().is_some_and(|n| skipped.contains(&n)) {
            walk(root, &path, found)?;
        } else if kind.is_file() {
            found.extend(read(root, &path)?);
        }
    }
    Ok(())
}

fn read(root: &Path, path: &Path) -> io::Result<Option<File>> {
    let Ok(text) = String::from_utf8(std::fs::read(path)?) else {
        return Ok(None);
    };
    let relative = path.strip_prefix(root).unwrap_or(path);
    let path = relative.to_string_lossy().replace('\\', "/");
    Ok(Some(File { path, text }))
}

/// Asks cargo about the workspace, without the network, and returns what it prints.
///
/// # Errors
///
/// When cargo can't be run or fails: its own words are the message.
pub fn cargo(arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// `cargo metadata` for the machine that the tests run on: all packages and how they were resolved.
///
/// # Errors
///
/// When cargo fails or prints something else than JSON.
pub fn metadata() -> io::Result<serde_json::Value> {
    let platform = format!("--filter-platform={}", host()?);
    let text = cargo(&["metadata", "--format-version=1", &platform])?;
    serde_json::from_str(&text).map_err(io::Error::other)
}

fn host() -> io::Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|l| l.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| io::Error::other("`rustc -vV` names no host"))
}
