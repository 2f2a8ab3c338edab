//! How clients read channels. What they are given is to be opened and verified before anything of
//! it is believed: whoever stands on the way may have made it.

mod names;
mod web;

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use names::Names;
pub use web::{Web, client as web_client};

/// The longest file that is taken, in bytes: a catalog has at most 64 KiB, and is filled up.
pub const LONGEST: usize = 256 * 1024;

/// Why nothing could be read. None of it names the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No answer came, or none that is whole.
    #[error("{place} gives no answer: {why}; try another channel")]
    Silent {
        /// Where.
        place: String,
        /// What happened.
        why: String,
    },
    /// An answer came that is none.
    #[error("{place} gives an answer that is none of ours: {why}; try another channel")]
    Odd {
        /// Where.
        place: String,
        /// What it is.
        why: String,
    },
    /// The channel can't be asked at all.
    #[error("`{place}` is no channel: {why}")]
    NoChannel {
        /// What was given.
        place: String,
        /// What it should be.
        why: String,
    },
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing.
    Nothing,
    /// What the mark was given for.
    Unchanged,
    /// A file, and the mark to ask by whether it is another: it says nothing of what is in it.
    File {
        /// The bytes.
        bytes: Vec<u8>,
        /// The channel's mark for them; none where it gives none.
        mark: Option<String>,
    },
}

/// A channel as a client reads it.
pub enum Reader {
    /// A directory, for what is brought on a disk.
    Directory(PathBuf),
    /// Files below an address: a store's, or any web server's.
    Web(Web),
    /// TXT records.
    Names(Names),
}

impl Reader {
    /// Files below an address, as in `https://s3.example.org/bucket/c/`.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoChannel`] when it is no address.
    pub fn web(base: &str) -> Result<Self, ReadError> {
        Web::new(base).map(Self::Web)
    }

    /// TXT records of a zone, asked of a resolver.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoChannel`] when it is no zone.
    pub fn names(zone: &str, resolver: SocketAddr) -> Result<Self, ReadError> {
        Names::new(zone, resolver).map(Self::Names)
    }

    /// Fetches what stands under a name, unless it is what this mark was given for.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the channel does not answer. Another may.
    pub async fn fetch(&self, name: &str, mark: Option<&str>) -> Result<Fetched, ReadError> {
        match self {
            Self::Directory(dir) => read(&dir.join(name)),
            Self::Web(web) => web.fetch(name, mark).await,
            Self::Names(names) => names.fetch(name, mark).await,
        }
    }
}

fn read(path: &std::path::Path) -> Result<Fetched, ReadError> {
    match fs::read(path) {
        Ok(bytes) if bytes.len() <= LONGEST => Ok(Fetched::File { bytes, mark: None }),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Fetched::Nothing),
        Ok(_) => Err(odd("the directory", "it is too long")),
        Err(e) => Err(silent("the directory", &e.to_string())),
    }
}

fn odd(place: &str, why: &str) -> ReadError {
    ReadError::Odd { place: place.to_owned(), why: why.to_owned() }
}

fn silent(place: &str, why: &str) -> ReadError {
    ReadError::Silent { place: place.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_directory_is_read_and_what_is_too_long_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let reader = Reader::Directory(dir.path().to_owned());
        assert_eq!(reader.fetch("a", None).await, Ok(Fetched::Nothing));
        fs::write(dir.path().join("a"), "x").unwrap();
        let file = Fetched::File { bytes: b"x".to_vec(), mark: None };
        assert_eq!(reader.fetch("a", None).await, Ok(file));
        fs::write(dir.path().join("a"), vec![0; LONGEST + 1]).unwrap();
        assert!(matches!(reader.fetch("a", None).await, Err(ReadError::Odd { .. })));
    }

    #[test]
    fn what_is_no_channel_is_said() {
        for wrong in ["", "example.org", "ftp://example.org", "https://"] {
            assert!(matches!(Reader::web(wrong), Err(ReadError::NoChannel { .. })), "{wrong}");
        }
        assert!(Reader::web("https://example.org/c").is_ok());
    }
}
