//! Files that are whole or recognised as not.
//!
//! # Guarantees
//!
//! - A file is replaced in one step (rename), after its content is on the disk: whatever dies when,
//!   what is read is what was there before or what was put.
//! - A file that is damaged all the same (a bad disk, a careless hand) is recognised by its
//!   checksum, and what it held before is read instead.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{HomeError, Tripwire};

/// How a file begins; the number is the format's.
const LABEL: &str = "damm-node-1";

/// A directory of files that hold one value each. Only their owner can read them.
#[derive(Debug, Clone)]
pub struct Shelf {
    dir: PathBuf,
    tripwire: Tripwire,
}

/// What was found under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing was put there yet.
    Nothing,
    /// What was put last.
    Whole(T),
    /// What was put before: the last is damaged.
    Previous(T),
    /// Something was put, and nothing of it can be read.
    Lost,
}

impl<T> Found<T> {
    /// The value, whichever it is.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Whole(value) | Self::Previous(value) => Some(value),
            Self::Nothing | Self::Lost => None,
        }
    }

    /// Whether something that was put can't be read.
    pub const fn is_damaged(&self) -> bool {
        matches!(self, Self::Previous(_) | Self::Lost)
    }
}

impl Shelf {
    /// The shelf in a directory, which is made when it is missing.
    ///
    /// # Errors
    ///
    /// [`HomeError::Io`] when it can't be made.
    pub fn open(dir: &Path, tripwire: Tripwire) -> Result<Self, HomeError> {
        // Transports pass through it to their own keys, as other users; all else in it is root's.
        let made = DirBuilder::new().recursive(true).mode(0o711).create(dir);
        made.map_err(|e| HomeError::io("made", dir, e))?;
        Ok(Self { dir: dir.to_owned(), tripwire })
    }

    /// Where a file stands.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Puts a value under a name, on the disk before it returns.
    ///
    /// # Errors
    ///
    /// [`HomeError`] when it can't be written; what was there before stays.
    pub fn put<T: Serialize>(&self, name: &str, value: &T) -> Result<(), HomeError> {
        let (path, new) = (self.path(name), self.path(&format!("{name}.new")));
        let text = seal(name, value)?;
        self.tripwire.pass(name, "not written");
        self.write(name, &new, text.as_bytes()).map_err(|e| HomeError::io("written", &new, e))?;
        self.tripwire.pass(name, "written");
        self.retire(name)?;
        self.tripwire.pass(name, "linked");
        fs::rename(&new, &path).map_err(|e| HomeError::io("written", &path, e))?;
        self.tripwire.pass(name, "renamed");
        self.sync()?;
        self.tripwire.pass(name, "kept");
        Ok(())
    }

    /// What is under a name.
    ///
    /// # Errors
    ///
    /// [`HomeError::Io`] when it is there and can't be read at all.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Found<T>, HomeError> {
        let last = self.read(name, &self.path(name))?;
        if let Found::Whole(value) = last {
            return Ok(Found::Whole(value));
        }
        let old = self.read(name, &self.path(&format!("{name}.old")))?;
        Ok(match (last, old) {
            (_, Found::Whole(value)) => Found::Previous(value),
            (Found::Nothing, Found::Nothing) => Found::Nothing,
            _ => Found::Lost,
        })
    }

    /// Takes away what is under a name.
    ///
    /// # Errors
    ///
    /// [`HomeError::Io`].
    pub fn remove(&self, name: &str) -> Result<(), HomeError> {
        for path in [self.path(&format!("{name}.old")), self.path(name)] {
            absent(fs::remove_file(&path)).map_err(|e| HomeError::io("removed", &path, e))?;
        }
        self.sync()
    }

    fn write(&self, name: &str, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let options = OpenOptions::new().write(true).create(true).truncate(true).to_owned();
        let mut file: File = options.clone().mode(0o600).open(path)?;
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        self.tripwire.pass(name, "half written");
        file.write_all(rest)?;
        file.sync_all()
    }

    /// Keeps what is there beside what comes, unless it is damaged: then the one before is better.
    fn retire(&self, name: &str) -> Result<(), HomeError> {
        let (path, old) = (self.path(name), self.path(&format!("{name}.old")));
        let whole = matches!(self.read::<serde::de::IgnoredAny>(name, &path)?, Found::Whole(_));
        if !whole {
            return Ok(());
        }
        let linked = absent(fs::remove_file(&old)).and_then(|()| fs::hard_link(&path, &old));
        linked.map_err(|e| HomeError::io("written", &old, e))
    }

    fn read<T: DeserializeOwned>(&self, name: &str, path: &Path) -> Result<Found<T>, HomeError> {
        let text = match fs::read(path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(e) => return Err(HomeError::io("read", path, e)),
        };
        Ok(unseal(name, &text).map_or(Found::Lost, Found::Whole))
    }

    fn sync(&self) -> Result<(), HomeError> {
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|e| HomeError::io("written", &self.dir, e))
    }
}

fn absent(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// `LABEL name checksum`, a line break, and the value in JSON.
fn seal<T: Serialize>(name: &str, value: &T) -> Result<Zeroizing<String>, HomeError> {
    let body = serde_json::to_string(value).map(Zeroizing::new);
    let body = body.map_err(|e| HomeError::Unwritable { name: name.to_owned(), why: e })?;
    Ok(Zeroizing::new(format!("{}\n{}", heading(name, body.as_bytes()), *body)))
}

fn unseal<T: DeserializeOwned>(name: &str, text: &[u8]) -> Option<T> {
    let end = text.iter().position(|b| *b == b'\n')?;
    let (head, body) = (&text[..end], &text[end + 1..]);
    let whole = head == heading(name, body).as_bytes();
    whole.then(|| serde_json::from_slice(body).ok()).flatten()
}

/// The name is in it, so that no file passes for another.
fn heading(name: &str, body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let digits: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("{LABEL} {name} {digits}")
}
