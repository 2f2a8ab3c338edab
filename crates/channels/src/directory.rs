//! A channel of files in a directory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use damm_clouds::Error;
use damm_clouds::traits::{Channel, Result};
use damm_fleet::FailureClass;

/// Files in a directory, each whole or not at all, and durable.
#[derive(Debug, Clone)]
pub struct Directory {
    dir: PathBuf,
}

impl Directory {
    /// A directory; it is made when something is put there.
    pub const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    async fn work<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let dir = self.dir.clone();
        let done = tokio::task::spawn_blocking(move || work(&dir)).await;
        let done = done.unwrap_or_else(|e| Err(std::io::Error::other(e)));
        done.map_err(|source| self.failed(operation, &source))
    }

    fn failed(&self, operation: &'static str, source: &std::io::Error) -> Error {
        let path = self.dir.display();
        Error {
            class: FailureClass::Busy,
            provider: format!("directory:{path}"),
            operation,
            message: format!(
                "catalogs can't be written to {path}: {source}; make room or give damm the right to"
            ),
            retry_after: None,
        }
    }
}

#[async_trait]
impl Channel for Directory {
    async fn names(&self) -> Result<BTreeSet<String>> {
        self.work("list catalogs", names).await
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (name, bytes) = (name.to_owned(), bytes.to_vec());
        self.work("put a catalog", move |dir| put(dir, &name, &bytes)).await
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.work("take a catalog away", move |dir| remove(dir, &name)).await
    }
}

fn names(dir: &Path) -> std::io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let name = |e: std::io::Result<fs::DirEntry>| Ok(e?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect()
}

/// A reader sees the old file or the new one: a rename replaces at once (POSIX, rename).
fn put(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    // One process writes here at a time, and each name once, so one name for the unfinished file
    // is enough. It starts with a dot, which web servers and file listings leave out.
    let unfinished = dir.join(format!(".{name}.new"));
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, dir.join(name))?;
    // The name is durable once the directory is.
    File::open(dir)?.sync_all()
}

fn remove(dir: &Path, name: &str) -> std::io::Result<()> {
    match fs::remove_file(dir.join(name)) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
        Ok(()) => File::open(dir)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_put_and_removed_and_nothing_unfinished_stays() {
        let dir = tempfile::tempdir().unwrap();
        let made = dir.path().join("made");
        let channel = Directory::new(made.clone());
        assert_eq!(channel.names().await.unwrap(), BTreeSet::new());
        channel.remove("never").await.unwrap();
        for name in ["a", "b", "c", "c"] {
            channel.put(name, name.as_bytes()).await.unwrap();
        }
        for name in ["a", "a"] {
            channel.remove(name).await.unwrap();
        }
        assert_eq!(channel.names().await.unwrap(), ["b", "c"].map(str::to_owned).into());
        assert_eq!(fs::read(made.join("c")).unwrap(), b"c");
    }

    #[tokio::test]
    async fn a_directory_that_can_not_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let channel = Directory::new(file.join("sub"));
        let refused = channel.put("a", b"").await.unwrap_err();
        assert!(refused.to_string().contains("file"), "{refused}");
    }
}
