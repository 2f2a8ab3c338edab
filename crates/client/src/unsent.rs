//! Reports that could not be sent yet: a small file beside the client's own.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use damm_fleet::Timestamp;
use damm_protocol::evidence::{Epoch, Report, ReporterKey, coarse};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::file;
use crate::profile::Profile;

/// No more are kept, the newest ones: each is heard for ten minutes, one in each half hour.
const MOST: usize = 4;

/// No file of so few reports is longer.
const LONGEST: u64 = 256 * 1024;

/// Reports that wait to be sent, the oldest first. They say what the client saw, so the file is as
/// secret as the profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unsent(Vec<Kept>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    epoch: Epoch,
    /// When it was made.
    at: Timestamp,
    report: Report,
}

impl Unsent {
    /// Where they are kept, beside a profile.
    pub fn beside(profile: &Path) -> PathBuf {
        let mut name = profile.as_os_str().to_owned();
        name.push(".unsent");
        PathBuf::from(name)
    }

    /// Reads what is kept. A file that can't be read holds nothing that is worth an error: in ten
    /// minutes nobody would hear it.
    pub fn load(path: &Path) -> Self {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|f| f.take(LONGEST).read_to_end(&mut text));
        let read = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
        read.unwrap_or_default()
    }

    /// Writes what is kept; where nothing is, there is no file.
    ///
    /// # Errors
    ///
    /// [`Error::Profile`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let bad = |why: String| Error::Profile { path: path.to_owned(), what: "written", why };
        if self.0.is_empty() {
            return file::remove(path).map_err(|e| bad(e.to_string()));
        }
        let text = serde_json::to_vec(self).map_err(|e| bad(e.to_string()))?;
        file::write(path, &text).map_err(|e| bad(e.to_string()))
    }

    /// Keeps a report of a half hour, in the place of one that was kept of the same.
    pub fn keep(&mut self, epoch: Epoch, report: Report, at: Timestamp) {
        self.sent(epoch);
        self.0.push(Kept { epoch, at, report });
        self.0.sort_by_key(|kept| kept.epoch);
        self.0.drain(..self.0.len().saturating_sub(MOST));
    }

    /// Drops what nobody would hear any more.
    ///
    /// # Errors
    ///
    /// [`Error::NotEnrolled`].
    pub fn drop_late(&mut self, profile: &Profile, now: Timestamp) -> Result<(), Error> {
        let key = ReporterKey::new(*profile.assignment()?.reporter.as_bytes());
        self.0.retain(|kept| Epoch::is_heard(key.due(kept.epoch), now));
        Ok(())
    }

    /// Whether a report of a half hour is kept.
    pub fn holds(&self, epoch: Epoch) -> bool {
        self.0.iter().any(|kept| kept.epoch == epoch)
    }

    /// The next to be sent, as it is now: what it tells of is longer ago than when it was made.
    pub fn next(&self, now: Timestamp) -> Option<(Epoch, Report)> {
        let Kept { epoch, at, report } = self.0.first()?;
        let waited = now.since(*at).as_millis() / 1_000;
        let mut report = report.clone();
        for entry in &mut report.entries {
            let age = coarse(u64::from(entry.age).saturating_add(waited));
            entry.age = u32::try_from(age).unwrap_or(u32::MAX);
        }
        Some((*epoch, report))
    }

    /// Notes that a report was sent: it is kept no more.
    pub fn sent(&mut self, epoch: Epoch) {
        self.0.retain(|kept| kept.epoch != epoch);
    }
}
