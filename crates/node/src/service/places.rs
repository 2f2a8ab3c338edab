//! Where things are on a server.

use std::path::{Path, PathBuf};

/// The user that transports run as: the packet filter tells their packets by it. It needs no entry
/// in `/etc/passwd`; Debian and systemd give numbers from 60706 to 61183 to nobody.
pub const PROXY_UID: u32 = 60_710;

/// The user that an egress node's resolver runs as.
pub const RESOLVER_UID: u32 = 60_711;

/// The user that an ingress node's witness runs as. It may answer, and begin nothing.
pub const WITNESS_UID: u32 = 60_712;

/// Where things are on a server.
#[derive(Debug, Clone)]
pub struct Places {
    /// What the agent keeps: `/var/lib/damm`.
    pub state: PathBuf,
    /// What the operator and bootstrap write: `/etc/damm`.
    pub etc: PathBuf,
    /// What need not outlive a reboot: `/run/damm`.
    pub run: PathBuf,
    /// This program, for services that it is itself.
    pub program: PathBuf,
}

impl Places {
    /// The usual places, with the agent's state where it was asked for.
    ///
    /// # Errors
    ///
    /// When the system does not say which program this is.
    pub fn usual(state: &Path) -> std::io::Result<Self> {
        Ok(Self {
            state: state.to_owned(),
            etc: "/etc/damm".into(),
            run: "/run/damm".into(),
            program: this_program()?,
        })
    }
}

/// This program's path; after an upgrade, that of the program that took its place.
fn this_program() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let replaced = path.to_str().and_then(|p| p.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(replaced.unwrap_or(path))
}
