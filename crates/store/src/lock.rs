//! One writing process at a time: an advisory lock of the operating system on a file beside the
//! state. It vanishes with the process that holds it, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use damm_fleet::Timestamp;

use crate::error::{Error, Place, Result};

/// How long an earlier handle of this same process may take to give its lock back: its writer
/// finishes what is queued first.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// A held lock. Dropping it gives it back; the file stays, because removing it would race.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The lock file of a state.
pub(crate) fn lock_path(state: &Path) -> PathBuf {
    beside(state, ".lock")
}

/// A file beside the state, named after it.
pub(crate) fn beside(state: &Path, suffix: &str) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Options of a file that only its owner may read and write.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Lock {
    /// Takes the lock of a state. Blocks for a moment when an earlier handle of this process is
    /// about to give it back.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] when another process holds it.
    pub fn take(state: &Path) -> Result<Self> {
        let path = lock_path(state);
        let refused = |e| Place::io(&path, "written", e);
        let mut options = private();
        let mut file = options.create(true).truncate(false).open(&path).map_err(refused)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => return Err(refused(e)),
                Err(TryLockError::WouldBlock) => {
                    let pid = holder(&mut file);
                    if pid != Some(std::process::id()) || Instant::now() > deadline {
                        let path = state.to_owned();
                        return Err(Error::InUse { path, pid });
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
        sign(&mut file).map_err(refused)?;
        Ok(Self { _file: file })
    }
}

/// Writes who holds the lock and since when, for whoever finds it held.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "pid {}\nsince {}", std::process::id(), now())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.lines().next()?.strip_prefix("pid ")?.parse().ok()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |d| d.as_millis());
    Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}
