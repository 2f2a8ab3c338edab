//! Which row a listed thing is.
//!
//! Most things carry their row's tag. Addresses that can carry none are told by their names: those
//! that a row holds, and those that were not there when a creation began whose outcome is not
//! known. The engine begins one such creation at a time in an account, so what is new is its.
//!
//! # Guarantees
//!
//! - Nothing is guessed: what is new while more than one creation may have made it, or where
//!   nobody noted what was there before, is nobody's until the operator decides.
//! - What somebody else may have made is no row's, and no stray that may be taken down: that is
//!   all that was there before, that is older than the creation, or that is attached to something.
//!
//! # Assumptions
//!
//! The account, or the part of it that listings show, is the fleet's alone: what another makes
//! there by hand while an answer of ours is lost can't be told from ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_clouds::{ListedAddress, ListedMachine, MachineState, Tag};
use damm_fleet::{Asn, Phase, Resource, Subject, Timestamp};

use crate::patience::CLOCKS_DIFFER;

/// One listed thing, machine or address.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub(super) provider_ref: &'a str,
    pub(super) tag: Option<&'a Tag>,
    pub(super) address: Option<IpAddr>,
    pub(super) inner: Option<IpAddr>,
    pub(super) asn: Option<Asn>,
    pub(super) created_at: Timestamp,
    pub(super) is: Is<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Is<'a> {
    Machine(MachineState),
    Address(Option<&'a str>),
}

impl<'a> Item<'a> {
    pub(super) fn machine(listed: &'a ListedMachine) -> Self {
        Self {
            provider_ref: &listed.provider_ref,
            tag: listed.tag.as_ref(),
            address: listed.address,
            inner: None,
            asn: listed.asn,
            created_at: listed.created_at,
            is: Is::Machine(listed.state),
        }
    }

    pub(super) fn address(listed: &'a ListedAddress) -> Self {
        Self {
            provider_ref: &listed.provider_ref,
            tag: listed.tag.as_ref(),
            address: Some(listed.address),
            inner: listed.inner,
            asn: Some(listed.asn),
            created_at: listed.created_at,
            is: Is::Address(listed.attached_to.as_deref()),
        }
    }

    const fn is_attached(&self) -> bool {
        matches!(self.is, Is::Address(Some(_)))
    }
}

/// What a listing shows of one row.
#[derive(Debug, Clone)]
pub(super) enum Claim<'a> {
    /// These, and nothing else.
    These(Vec<Item<'a>>),
    /// Something that may be it, and may be something else.
    Unclear,
}

/// A listing's things by the rows that they are.
#[derive(Debug, Default)]
pub(super) struct Claims<'a> {
    by_subject: BTreeMap<Subject, Claim<'a>>,
    /// Things that no row holds, with what they were where that is beyond doubt.
    pub(super) rest: Vec<(Item<'a>, Option<Subject>)>,
    /// The names of things that no row held, where things carry no tags: what was there before the
    /// next creation.
    pub(super) unheld: Option<BTreeSet<String>>,
}

impl<'a> Claims<'a> {
    /// By the tags that things carry. What carries none that we can read is none of ours.
    pub(super) fn by_tag(items: impl Iterator<Item = Item<'a>>, rows: &[&Resource]) -> Self {
        let mut by_subject: BTreeMap<Subject, Vec<Item<'a>>> = BTreeMap::new();
        for (item, tag) in items.filter_map(|i| i.tag.map(|t| (i, t))) {
            by_subject.entry(tag.subject).or_default().push(item);
        }
        let held = |row: &&Resource| {
            let items = by_subject.remove(&row.subject)?;
            Some((row.subject, Claim::These(items)))
        };
        let claims = rows.iter().filter_map(held).collect();
        let rest = by_subject.into_iter();
        let rest = rest.flat_map(|(s, items)| items.into_iter().map(move |i| (i, Some(s))));
        Self { by_subject: claims, rest: rest.collect(), unheld: None }
    }

    /// By their names, where things carry no tags.
    pub(super) fn by_name(items: impl Iterator<Item = Item<'a>>, rows: &[&Resource]) -> Self {
        let mut left: BTreeMap<&str, Item<'a>> = items.map(|i| (i.provider_ref, i)).collect();
        let mut claims = Self::default();
        for row in rows.iter().filter(|r| r.phase.may_exist()) {
            let own = row.provider_ref.as_deref().and_then(|name| left.remove(name));
            claims.take(row, own);
        }
        for row in rows.iter().filter(|r| r.phase.may_exist() && r.address.is_some()) {
            // A vendor that has changed its name for it.
            let other = left.values().find(|i| i.address == row.address).map(|i| i.provider_ref);
            let missing = !claims.by_subject.contains_key(&row.subject);
            claims.take(row, other.filter(|_| missing).and_then(|name| left.remove(name)));
        }
        claims.unheld = Some(left.keys().map(|name| (*name).to_owned()).collect());
        for row in rows.iter().filter(|r| r.phase == Phase::Gone) {
            let name = row.provider_ref.as_deref();
            // Older than its own end, it is the very thing, and not another of the same name.
            let back = name.filter(|n| left.get(n).is_some_and(|i| i.created_at <= row.since));
            let back = back.and_then(|name| left.remove(name));
            claims.rest.extend(back.map(|item| (item, Some(row.subject))));
        }
        claims.open(rows, &mut left);
        claims.rest.extend(left.into_values().map(|item| (item, None)));
        claims
    }

    /// Gives what is new to the creation whose outcome is not known.
    fn open(&mut self, rows: &[&Resource], left: &mut BTreeMap<&'a str, Item<'a>>) {
        let open: Vec<_> = rows.iter().filter(|r| is_open(r)).collect();
        let new = |row: &Resource| -> Vec<&'a str> {
            left.values().filter(|i| may_be(i, row)).map(|i| i.provider_ref).collect()
        };
        let found: Vec<_> = open.iter().map(|row| (row.subject, new(row))).collect();
        let sure = open.len() == 1 && open.iter().all(|row| row.before.is_some());
        for (subject, names) in found.into_iter().filter(|(_, names)| !names.is_empty()) {
            let items: Vec<_> = names.iter().filter_map(|name| left.remove(name)).collect();
            let claim = if sure { Claim::These(items) } else { Claim::Unclear };
            self.by_subject.insert(subject, claim);
        }
    }

    fn take(&mut self, row: &Resource, item: Option<Item<'a>>) {
        if let Some(item) = item {
            self.by_subject.insert(row.subject, Claim::These(vec![item]));
        }
    }

    /// What the listing shows of a row.
    pub(super) fn of(&mut self, subject: Subject) -> Claim<'a> {
        self.by_subject.remove(&subject).unwrap_or_else(|| Claim::These(Vec::new()))
    }
}

/// Whether a row's creation has begun and its outcome is not known.
pub fn is_open(row: &Resource) -> bool {
    matches!(row.phase, Phase::Creating | Phase::Unknown | Phase::Ambiguous)
        && row.provider_ref.is_none()
}

/// Whether a row's creation may have made a thing: it is attached to nothing, and was not there
/// before.
fn may_be(item: &Item<'_>, row: &Resource) -> bool {
    let new = row.before.as_ref().is_none_or(|before| {
        !before.shown.contains(item.provider_ref) && item.created_at + CLOCKS_DIFFER >= before.at
    });
    new && !item.is_attached()
}

#[cfg(test)]
mod tests;
