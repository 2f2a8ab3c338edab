//! The lab's directory: what stands where, and writing it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{LabError, Result};

/// A machine's directory and what stands in it.
#[derive(Debug, Clone)]
pub struct MachineFiles(PathBuf);

impl MachineFiles {
    /// The files of a machine that stand in a directory.
    pub const fn at(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// The user data, until the machine has booted: it holds a one-time secret.
    pub fn user_data(&self) -> PathBuf {
        self.0.join("user-data")
    }

    /// What is told to the first process: see [`Facts`](crate::machine::Facts).
    pub fn facts(&self) -> PathBuf {
        self.0.join("facts.json")
    }

    /// Locked for as long as the machine runs.
    pub fn alive(&self) -> PathBuf {
        self.0.join("alive")
    }

    /// What the machine's processes print.
    pub fn console(&self) -> PathBuf {
        self.0.join("console.log")
    }

    /// What the machine has for itself of one of this machine's directories.
    pub fn layer(&self, path: &str) -> PathBuf {
        self.0.join("disk").join(flat(path))
    }

    /// Where the kernel prepares changes of it.
    pub fn work(&self, path: &str) -> PathBuf {
        self.0.join("work").join(flat(path))
    }
}

/// A path as one file name.
fn flat(path: &str) -> String {
    path.trim_start_matches('/').replace('/', "-")
}

/// Makes a directory that only root can read, with those above it.
pub fn directory(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(LabError::file("made", path))
}

/// Writes a file that only root can read, whole or not at all, durable once this returns.
pub fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    let write = || {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    write().map_err(LabError::file("written", path))
}

/// Reads a file; none when there is none.
pub fn get(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(LabError::file("read", path)(e)),
    }
}

/// Removes a file or a directory with all that is in it.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(LabError::file("removed", path)(e))
        }
        _ => Ok(()),
    }
}

/// Opens a file to be locked.
pub fn lock_file(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map_err(LabError::file("opened", path))
}

/// Gives a file a second name, or copies it where that is not possible.
pub fn link(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).map(drop).map_err(LabError::file("written", to))
}
