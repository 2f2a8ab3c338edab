//! Places where catalogs are published, and what lies there.
//!
//! # Guarantees
//!
//! - A reader sees the old catalog or the new one, never a part of one.
//! - What is written is read back before it is said to stand there.
//! - Nobody's change is written over unseen: each write holds only while what stands there is what
//!   was seen.
//! - What lies in a public channel is sealed for its bucket, filled up to one of a few lengths, and
//!   named so that nobody can guess it.
//!
//! # Assumptions
//!
//! A bucket's listing is not public, and neither is a zone's transfer: who can list a channel
//! learns how many catalogs there are, and no more. Where a zone is signed, NSEC records list it
//! to everybody: use NSEC3, whose hashes of random names nobody can turn back, or leave it
//! unsigned.

mod directory;
#[cfg(feature = "remote")]
mod dns;
#[cfg(any(feature = "read", feature = "remote"))]
mod head;
#[cfg(feature = "read")]
pub mod read;
#[cfg(feature = "remote")]
mod remote;
#[cfg(feature = "remote")]
mod s3;
pub mod sealed;

use std::path::Path;
use std::sync::Arc;

use damm_clouds::Providers;
use damm_fleet::Topology;
use damm_fleet::topology::Channel as Described;

pub use directory::Directory;
#[cfg(feature = "remote")]
pub use dns::Zone;
#[cfg(any(feature = "read", feature = "remote"))]
pub use head::{Edition, Head, NoHead};
#[cfg(feature = "remote")]
pub use remote::connect;
#[cfg(feature = "remote")]
pub use s3::{Bucket, Store};

/// Adds the channels of a topology that lie on this machine, and that nobody added yet, to what the
/// engine calls. Paths are found from `base`.
pub fn local(providers: &mut Providers, topology: &Topology, base: &Path) {
    for channel in &topology.catalog.channels {
        if let Described::Directory { path, .. } = channel {
            let directory = || Arc::new(Directory::new(base.join(path))) as _;
            providers.channels.entry(channel.name()).or_insert_with(directory);
        }
    }
}
