//! The agent's state directory: what has to outlive its process and its server's reboot.
//!
//! ```text
//! keys       this server's private keys; made at the first start, they never leave it
//! joined     that the controller knows them, and what it was told of transports
//! held       the config that the controller sent last
//! applied    the config that was last applied
//! verified   the addresses that were proved
//! sequence   up to where requests' numbers may be used
//! status     for people: what `damm node status` prints
//! lock       held while an agent runs
//! ```

mod error;
mod keys;
mod sequence;
mod shelf;
mod status;
#[cfg(test)]
mod tests;
mod tripwire;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use damm_fleet::NodeId;
use damm_protocol::{NodeConfig, Problem, Seat};
use serde::{Deserialize, Serialize};

pub use error::HomeError;
pub use keys::Keys;
pub use shelf::{Found, Shelf};
pub use status::Status;
pub use tripwire::Tripwire;

use sequence::Sequence;

/// What clients need to know of transports, by kind.
pub type PublicParams = BTreeMap<String, BTreeMap<String, String>>;

/// That the controller knows this server, and what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// What clients need to know of its transports, as the controller was told.
    pub transports: PublicParams,
}

/// What an agent finds when it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// That it has joined.
    pub joined: Option<Joined>,
    /// What the controller sent last.
    pub held: Option<NodeConfig>,
    /// What was applied last.
    pub applied: Option<NodeConfig>,
    /// This server's addresses that were proved, with what the controller saw them as.
    pub verified: BTreeMap<IpAddr, IpAddr>,
    /// What was damaged.
    pub problems: Vec<Problem>,
}

/// The agent's state directory, in use by this process alone.
#[derive(Debug)]
pub struct Home {
    dir: PathBuf,
    shelf: Shelf,
    keys: Keys,
    sequence: Sequence,
    /// Let go of when the process ends, however it ends.
    _lock: File,
}

impl Home {
    /// Opens a node's state directory, and makes its keys when it has none.
    ///
    /// # Errors
    ///
    /// [`HomeError`]: another agent works here, it is another node's, the keys of a node that has
    /// joined are damaged, or the disk refuses.
    pub fn open(dir: &Path, node: NodeId, tripwire: Tripwire) -> Result<Self, HomeError> {
        let shelf = Shelf::open(dir, tripwire)?;
        let lock = lock(dir)?;
        let joined = !matches!(shelf.get::<Joined>(JOINED)?, Found::Nothing);
        let keys = Keys::open(&shelf, node, joined)?;
        let sequence = Sequence::open(&shelf)?;
        Ok(Self { dir: dir.to_owned(), shelf, keys, sequence, _lock: lock })
    }

    /// The state directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// This server's keys.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What is remembered. What is damaged is named among its problems, and the state before it
    /// taken where there is one: the controller sends again what is missing.
    ///
    /// # Errors
    ///
    /// [`HomeError::Io`] when the disk refuses.
    pub fn recall(&self) -> Result<Memory, HomeError> {
        let mut problems = Vec::new();
        let shelf = &self.shelf;
        let joined = sound(shelf.get(JOINED)?, JOINED, &mut problems);
        let held = sound(shelf.get(HELD)?, HELD, &mut problems);
        let applied: Option<NodeConfig> = sound(shelf.get(APPLIED)?, APPLIED, &mut problems);
        let verified = sound(shelf.get(VERIFIED)?, VERIFIED, &mut problems).unwrap_or_default();
        // What was applied was held before.
        let held = newer(held, applied.clone());
        Ok(Memory { joined, held, applied, verified, problems })
    }

    /// Remembers that the controller knows this server.
    ///
    /// # Errors
    ///
    /// [`HomeError`].
    pub fn keep_joined(&self, joined: &Joined) -> Result<(), HomeError> {
        self.shelf.put(JOINED, joined)
    }

    /// Remembers what the controller sent, before anything is done with it.
    ///
    /// # Errors
    ///
    /// [`HomeError`].
    pub fn keep_held(&self, config: &NodeConfig) -> Result<(), HomeError> {
        self.shelf.put(HELD, config)
    }

    /// Remembers what was applied.
    ///
    /// # Errors
    ///
    /// [`HomeError`].
    pub fn keep_applied(&self, config: &NodeConfig) -> Result<(), HomeError> {
        self.shelf.put(APPLIED, config)
    }

    /// Remembers which addresses were proved.
    ///
    /// # Errors
    ///
    /// [`HomeError`].
    pub fn keep_verified(&self, verified: &BTreeMap<IpAddr, IpAddr>) -> Result<(), HomeError> {
        self.shelf.put(VERIFIED, verified)
    }

    /// Sets numbers for requests aside, when there are none.
    ///
    /// # Errors
    ///
    /// [`HomeError`] when the disk refuses. The next number may then have been used after the next
    /// start; the controller refuses it and says which one may not.
    pub fn reserve_sequence(&mut self) -> Result<(), HomeError> {
        self.sequence.reserve(&self.shelf)
    }

    /// A number for a request: greater than all before it, over every restart, as long as
    /// [`reserve_sequence`](Self::reserve_sequence) succeeds before each.
    pub const fn next_sequence(&mut self) -> u64 {
        self.sequence.next()
    }

    /// The controller has seen greater numbers than this state remembers: goes on above them.
    pub fn rise(&mut self, above: u64) {
        self.sequence.rise(above);
    }

    /// Writes down how the agent is, for people. Not worth waiting for the disk.
    ///
    /// # Errors
    ///
    /// [`HomeError::Io`].
    pub fn tell(&self, status: &Status) -> Result<(), HomeError> {
        status.write(&self.dir)
    }
}

/// Who a server is, from what bootstrap wrote.
///
/// # Errors
///
/// [`HomeError::NoSeat`].
pub fn seat(path: &Path) -> Result<Seat, HomeError> {
    let bad = |why: String| HomeError::NoSeat { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
    // serde_json's messages name places and fields; of values they may show the role and ids.
    serde_json::from_str(&text).map_err(|e| bad(e.to_string()))
}

const JOINED: &str = "joined";
const HELD: &str = "held";
const APPLIED: &str = "applied";
const VERIFIED: &str = "verified";

fn sound<T>(found: Found<T>, name: &str, problems: &mut Vec<Problem>) -> Option<T> {
    let then = match &found {
        Found::Nothing | Found::Whole(_) => return found.value(),
        Found::Previous(_) => "what it held before was taken",
        Found::Lost => "the controller is asked again",
    };
    let message = format!("the file {name} in the state directory was damaged: {then}");
    problems.push(Problem { part: "disk".to_owned(), message });
    found.value()
}

fn newer(one: Option<NodeConfig>, other: Option<NodeConfig>) -> Option<NodeConfig> {
    one.into_iter().chain(other).reduce(|a, b| if b.generation > a.generation { b } else { a })
}

/// For half a second.
const LOCK_TRIES: u32 = 50;

fn lock(dir: &Path) -> Result<File, HomeError> {
    let path = dir.join("lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = opened.map_err(|e| HomeError::io("written", &path, e))?;
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A program that is just being started holds copies of all open files until it runs.
            Err(TryLockError::WouldBlock) if tries < LOCK_TRIES => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(HomeError::InUse { path: dir.to_owned() });
            }
            Err(TryLockError::Error(e)) => return Err(HomeError::io("written", &path, e)),
        }
    }
}
