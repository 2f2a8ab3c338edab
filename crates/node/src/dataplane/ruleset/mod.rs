//! The one nftables table that a node has: from a config to text. Pure.
//!
//! # Guarantees
//!
//! - A change is one transaction: every packet sees the rules before it or those after it.
//! - What the kernel has learned (which session goes where) and counted is kept.
//! - No other table is touched.

mod egress;
mod guard;
mod ingress;
mod script;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};

pub use egress::{EgressFacts, egress};
pub use ingress::{IngressFacts, ingress};

use crate::dataplane::slots::Slots;

/// The table, as `nft` calls it.
pub const TABLE: &str = "inet damm";

/// What stands in the kernel is told by digests, kept as addresses for want of another type of 128
/// bits that a set may hold.
pub const APPLIED: &str = "applied";

/// Who gets new sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receivers {
    /// Of IPv4.
    pub v4: Slots,
    /// Of IPv6.
    pub v6: Slots,
}

/// The server's own addresses on its uplink, whichever the kernel sends from by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Primary {
    /// In IPv4.
    pub v4: Option<Ipv4Addr>,
    /// In IPv6.
    pub v6: Option<Ipv6Addr>,
}

/// A ruleset, in parts that are loaded together but only when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    parts: Vec<String>,
}

impl Ruleset {
    /// The transaction that makes the kernel's table this one, given the digests of what stands
    /// there; nothing when it is this one.
    pub fn change(&self, standing: &BTreeSet<Ipv6Addr>) -> Option<String> {
        let wanted = self.standing();
        if wanted == *standing {
            return None;
        }
        // Objects come first: what stands of them is no worse for being declared again.
        let changed = self.parts.iter().filter(|part| !standing.contains(&digest(part)));
        let parts: String = changed.map(String::as_str).collect();
        Some(format!("{}{parts}{}", opening(), closing(&wanted)))
    }

    /// The same for a table whose parts can't be changed into these, as another version of damm
    /// may leave it: it begins anew, in one transaction all the same.
    pub fn anew(&self) -> String {
        let (nothing, parts) = (nothing(), self.parts.concat());
        format!("{nothing}{}{parts}{}", opening(), closing(&self.standing()))
    }

    /// The digests that tell that this one stands.
    pub fn standing(&self) -> BTreeSet<Ipv6Addr> {
        self.parts.iter().map(|part| digest(part)).collect()
    }
}

fn opening() -> String {
    format!("add table {TABLE}\nadd set {TABLE} {APPLIED} {{ type ipv6_addr; }}\n")
}

fn closing(wanted: &BTreeSet<Ipv6Addr>) -> String {
    let digests: Vec<_> = wanted.iter().map(Ipv6Addr::to_string).collect();
    let digests = digests.join(", ");
    format!("flush set {TABLE} {APPLIED}\nadd element {TABLE} {APPLIED} {{ {digests} }}\n")
}

fn digest(part: &str) -> Ipv6Addr {
    let digest = Sha256::digest(part.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    Ipv6Addr::from(first)
}

/// The ruleset's removal.
pub fn nothing() -> String {
    format!("add table {TABLE}\ndelete table {TABLE}\n")
}

/// Takes down the counters of marks that stand for nothing any more: it fails for none.
pub fn forget_counters(names: impl IntoIterator<Item = String>) -> String {
    let forget =
        |name: String| format!("add counter {TABLE} {name}\ndelete counter {TABLE} {name}\n");
    names.into_iter().map(forget).collect()
}

/// What a counter counts; see [`counters`].
pub const COUNTED: [&str; 3] = ["new", "up", "down"];

/// The names of a front door's or an address' counters, in the order of [`COUNTED`].
pub fn counters(kind: char, mark: u16) -> [String; 3] {
    COUNTED.map(|what| format!("{kind}{mark}.{what}"))
}
