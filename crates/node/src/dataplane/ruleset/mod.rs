//! The one nftables table that a node has: from a config to text. Pure.
//!
//! # Guarantees
//!
//! - A change is one transaction: every packet sees the rules before it or those after it.
//! - A change of a table that is not as it was thought to be fails, and nothing is changed by it.
//! - What the kernel has learned (which session goes where) and counted is kept.
//! - No other table is touched.

#[cfg(test)]
mod edits;
mod egress;
mod guard;
mod ingress;
mod part;
mod script;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

pub use egress::{EgressFacts, egress};
pub use ingress::{IngressFacts, ingress};

use crate::dataplane::ruleset::part::Part;
use crate::dataplane::ruleset::statement::Statement;
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
    parts: Vec<Part>,
}

impl Ruleset {
    /// The transaction that makes the kernel's table this one, given the digests of what stands
    /// there: the parts that are others, each whole. It changes nothing, and fails, when anything
    /// else stands there.
    pub fn change(&self, standing: &BTreeSet<Ipv6Addr>) -> String {
        // Objects come first: what stands of them is no worse for being declared again.
        let changed = self.parts.iter().filter(|part| !standing.contains(&part.digest()));
        let parts: String = changed.map(Part::text).collect();
        format!("{}{parts}{}", opening(), closing(standing, &self.standing()))
    }

    /// The same in as few words as can be, for one who knows the ruleset that stands there.
    pub fn edit(&self, standing: &Self) -> String {
        let there: BTreeMap<_, _> = standing.statements().map(|s| (s.subject(), s)).collect();
        let edit = |statement: &Statement| match there.get(&statement.subject()) {
            Some(from) => statement.edit(from),
            None => statement.text(),
        };
        let edits: String = self.statements().map(edit).collect();
        edits + &closing(&standing.standing(), &self.standing())
    }

    /// All of it, whatever stands there; what the kernel learned and counted stays.
    pub fn whole(&self) -> String {
        self.change(&BTreeSet::new())
    }

    /// The same for a table whose parts can't be changed into these, as another version of damm
    /// may leave it: it begins anew, in one transaction all the same.
    pub fn anew(&self) -> String {
        nothing() + &self.whole()
    }

    /// The digests that tell that this one stands.
    pub fn standing(&self) -> BTreeSet<Ipv6Addr> {
        self.parts.iter().map(Part::digest).collect()
    }

    fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.parts.iter().flat_map(Part::statements)
    }
}

fn opening() -> String {
    format!("add table {TABLE}\nadd set {TABLE} {APPLIED} {{ type ipv6_addr; }}\n")
}

/// From the digests of what stood to those of what stands now. To delete what is not there fails,
/// and with it the transaction: so none is made of a table that is not as it was seen.
fn closing(stood: &BTreeSet<Ipv6Addr>, wanted: &BTreeSet<Ipv6Addr>) -> String {
    let list = |digests: &BTreeSet<Ipv6Addr>| {
        digests.iter().map(Ipv6Addr::to_string).collect::<Vec<_>>().join(", ")
    };
    let clear = match stood.is_empty() {
        true => format!("flush set {TABLE} {APPLIED}"),
        false => format!("delete element {TABLE} {APPLIED} {{ {} }}", list(stood)),
    };
    format!("{clear}\nadd element {TABLE} {APPLIED} {{ {} }}\n", list(wanted))
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
