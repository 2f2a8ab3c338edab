//! A program beside the agent, and what it may do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

/// A program to keep running beside the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Lower-case letters, digits and hyphens; unique on this server.
    pub name: String,
    /// The program's absolute path and its arguments. No secrets: every user can read them.
    pub command: Vec<String>,
    /// Whom it runs as.
    pub rights: Rights,
    /// Files that it sees at other places: there, the file.
    pub shown: BTreeMap<PathBuf, PathBuf>,
}

/// What a program may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Own a network interface and nothing else: a WireGuard process.
    Interface,
    /// Open sockets, as this user.
    Sockets(u32),
    /// The same, with ports below 1024.
    LowPorts(u32),
}

impl Rights {
    /// The user it runs as; 0 is root.
    pub const fn uid(self) -> u32 {
        match self {
            Self::Interface => 0,
            Self::Sockets(uid) | Self::LowPorts(uid) => uid,
        }
    }
}

impl Program {
    /// What makes one run of it unlike another: when this changes it has to be started anew.
    pub(super) fn digest(&self) -> String {
        let text = format!("{:?} {:?} {:?}", self.command, self.rights, self.shown);
        Sha256::digest(text).iter().take(16).map(|b| format!("{b:02x}")).collect()
    }
}
