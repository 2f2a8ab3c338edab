//! The scores in a file, for a restart.
//!
//! It is a file of its own and no part of the state: it holds numbers of reporters, which are of
//! use for a day at most, and a state is backed up and kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use damm_fleet::{Span, Timestamp};
use damm_reach::{Reach, Settings};

/// Scores that are older than this say nothing of today.
const OLDEST: Span = Span::from_days(1);

/// The scores that a file holds, or none.
pub(super) fn restore(file: &Path, now: Timestamp) -> Reach {
    let fresh = || Reach::new(Settings::default());
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return fresh(),
        Err(e) => {
            tracing::warn!("{} can't be read: {e}; reachability is learned anew", file.display());
            return fresh();
        }
    };
    let Some((kept_at, snapshot)) = split(&bytes) else { return fresh() };
    if now.since(kept_at) > OLDEST {
        return fresh();
    }
    Reach::restore(Settings::default(), snapshot).unwrap_or_else(|e| {
        tracing::warn!("{}: {e}; reachability is learned anew", file.display());
        fresh()
    })
}

/// The moment, and what was kept then.
fn split(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (at, snapshot) = bytes.split_first_chunk::<8>()?;
    Some((Timestamp::from_millis(i64::from_le_bytes(*at)), snapshot))
}

/// Keeps the scores. That it can't be done is told and not more: judging goes on in memory.
pub(super) async fn keep(file: &Path, now: Timestamp, snapshot: Vec<u8>) {
    let path = file.to_owned();
    let bytes = [&now.as_millis().to_le_bytes()[..], &snapshot].concat();
    let written = tokio::task::spawn_blocking(move || write(&path, &bytes)).await;
    let written = written.unwrap_or_else(|e| Err(io::Error::other(e)));
    if let Err(e) = written {
        tracing::warn!("what is known of reachability can't be kept in {}: {e}", file.display());
    }
}

/// Writes a file whole or not at all, for its owner's eyes.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside: PathBuf = file.with_extension("reach.new");
    let mut options = OpenOptions::new();
    let mut new: File =
        options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&beside, file)
}
