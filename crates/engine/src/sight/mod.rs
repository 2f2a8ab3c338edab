//! What listings and agents' reports say about rows. Pure: the engine fetches, this judges.
//!
//! # Guarantees
//!
//! - A thing that may have been made is believed absent only after two listings, both asked for
//!   later than its creation call's timeout and the provider's listing lag.
//! - A thing that is working is believed lost only after two listings, and not while its agent is
//!   heard of: an observer that shows nothing may be what broke.
//! - Two things with one row's tag make the row ambiguous; nothing is destroyed over it. Where
//!   addresses carry no tags, two that one creation may have made do so.

mod claims;

use std::collections::{BTreeMap, BTreeSet};

use damm_clouds::{ListedAddress, ListedMachine, MachineState, NodeReport, Tag};
use damm_fleet::resource::{Failure, IllegalPhase, Observed};
use damm_fleet::{FailureClass, NodeId, Phase, ProviderName, Resource, Span, Subject, Timestamp};

use self::claims::{Claim, Claims, Is, Item};
use crate::due::Rows;
use crate::patience::{CALL_TIMEOUT, LISTING_GAP};

pub use claims::is_open;

/// What an account showed. A listing that failed is `None`: nothing is concluded from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The account.
    pub provider: ProviderName,
    /// When it was asked; what was made later may be missing.
    pub asked_at: Timestamp,
    /// Its machines.
    pub machines: Option<Vec<ListedMachine>>,
    /// Its addresses.
    pub addresses: Option<Vec<ListedAddress>>,
}

/// Something with our tag, or without any where there can be none, that no living row holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Stray {
    /// The account that shows it.
    pub provider: ProviderName,
    /// The provider's name for it.
    pub provider_ref: String,
    /// Whether it is a machine; else an address.
    pub machine: bool,
    /// Whether it is attached to a machine.
    pub attached: bool,
    /// The tag that it carries, or would, where addresses carry none and it is known whose it was;
    /// none where that is not known.
    pub tag: Option<Tag>,
    /// When the provider says that it was made.
    pub created_at: Timestamp,
}

/// What the last listings showed beside the rows. It lives in memory: the next look shows it again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Machines that their provider says will not come up.
    pub failed: BTreeSet<NodeId>,
    /// Addresses that are attached to something else than their node's machine.
    pub elsewhere: BTreeSet<Subject>,
    /// Things that no living row holds.
    pub strays: Vec<StrayKnown>,
    /// Addresses without a tag that no row held, of each account whose addresses carry none and
    /// that was listed.
    pub unheld: BTreeMap<ProviderName, BTreeSet<String>>,
}

/// A stray, with what is known of it from earlier looks.
#[derive(Debug, Clone, PartialEq)]
pub struct StrayKnown {
    /// What was seen.
    pub stray: Stray,
    /// Whether the ledger ever knew its subject: then it is ours beyond doubt.
    pub ever_known: bool,
    /// Looks that showed it.
    pub times_seen: u32,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// What one look has changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// Rows that changed.
    pub changed: Rows,
    /// What happened to creations whose outcome was not known.
    pub answers: BTreeMap<Subject, Answer>,
    /// Machines that will not come up.
    pub failed: BTreeSet<NodeId>,
    /// Addresses that are attached elsewhere.
    pub elsewhere: BTreeSet<Subject>,
    /// Things that no living row holds.
    pub strays: Vec<Stray>,
    /// Addresses that no row held, where addresses carry no tags and were listed.
    pub unheld: Option<BTreeSet<String>>,
}

/// What was found out of a creation whose outcome was not known. The fourth answer, "not yet
/// known", is no answer: the row stays as it is and is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was made.
    Found,
    /// It was not made.
    Absent,
    /// There is more than one: the operator decides.
    Ambiguous,
}

impl Answer {
    /// The answer in one word, as the ledger holds it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Absent => "absent",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// What judging a listing rests on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// All rows, of all accounts.
    pub rows: &'a Rows,
    /// What agents last said; `None` when they could not be asked.
    pub reports: Option<&'a BTreeMap<NodeId, NodeReport>>,
    /// The fleet's name.
    pub fleet: &'a str,
    /// Whether this account's addresses carry tags.
    pub tagged: bool,
    /// The longest that a new object may be missing from this account's listings.
    pub list_lag: Span,
    /// A silence longer than this is no sign of life.
    pub dead_after: Span,
}

/// Judges one account's listing.
///
/// # Errors
///
/// [`IllegalPhase`] when a row is observed as something that it can't be: a programming error.
pub fn look(listing: &Listing, evidence: &Evidence<'_>) -> Result<Look, IllegalPhase> {
    let mut look = Look::default();
    if let Some(machines) = &listing.machines {
        let items = machines.iter().map(Item::machine);
        half(items, true, listing, evidence, &mut look)?;
    }
    if let Some(addresses) = &listing.addresses {
        let items = addresses.iter().map(Item::address);
        half(items, false, listing, evidence, &mut look)?;
    }
    Ok(look)
}

fn half<'a>(
    items: impl Iterator<Item = Item<'a>>,
    machines: bool,
    listing: &Listing,
    evidence: &Evidence<'_>,
    look: &mut Look,
) -> Result<(), IllegalPhase> {
    let ours = |r: &&Resource| {
        r.provider == listing.provider && matches!(r.subject, Subject::Node(_)) == machines
    };
    let rows: Vec<_> = evidence.rows.values().filter(ours).collect();
    let mut claims = match machines || evidence.tagged {
        true => Claims::by_tag(items, &rows),
        false => Claims::by_name(items, &rows),
    };
    for row in rows {
        let claim = claims.of(row.subject);
        let mut eye = Eye { row: row.clone(), at: listing.asked_at, evidence, look };
        eye.judge(&claim)?;
        let now = eye.row;
        if now != *row {
            look.changed.insert(row.subject, now);
        }
    }
    for (item, subject) in claims.rest {
        look.strays.push(stray(&item, &listing.provider, subject, evidence));
    }
    look.unheld = look.unheld.take().or(claims.unheld);
    Ok(())
}

fn stray(
    item: &Item<'_>,
    provider: &ProviderName,
    subject: Option<Subject>,
    evidence: &Evidence<'_>,
) -> Stray {
    let known = subject.map(|subject| Tag { fleet: evidence.fleet.to_owned(), subject });
    Stray {
        provider: provider.clone(),
        provider_ref: item.provider_ref.to_owned(),
        machine: matches!(item.is, Is::Machine(_)),
        attached: matches!(item.is, Is::Address(Some(_))),
        tag: item.tag.cloned().or(known),
        created_at: item.created_at,
    }
}

/// One row under judgement.
struct Eye<'a, 'b> {
    row: Resource,
    at: Timestamp,
    evidence: &'a Evidence<'b>,
    look: &'a mut Look,
}

impl Eye<'_, '_> {
    fn judge(&mut self, claim: &Claim<'_>) -> Result<(), IllegalPhase> {
        let Claim::These(items) = claim else {
            return self.unclear();
        };
        match (self.row.phase, items.as_slice()) {
            // A row that was closed is never opened again: what shows up late is taken down.
            (Phase::Gone, items) => {
                for item in items {
                    let stray = stray(item, &self.row.provider, None, self.evidence);
                    self.look.strays.push(stray);
                }
                Ok(())
            }
            (_, []) => self.missing(),
            (Phase::Deleting, items) => self.leaving(items),
            (_, [item]) => self.found(item),
            (_, _) => self.observe(Observed::Two),
        }
    }

    fn observe(&mut self, observed: Observed) -> Result<(), IllegalPhase> {
        let before = self.row.phase;
        self.row.observe(observed, self.at)?;
        let open = matches!(before, Phase::Creating | Phase::Unknown | Phase::Ambiguous);
        let answer = match observed {
            Observed::Found => Some(Answer::Found),
            Observed::Absent => Some(Answer::Absent),
            Observed::Two => Some(Answer::Ambiguous),
            _ => None,
        };
        if let Some(answer) = answer.filter(|_| open) {
            self.look.answers.insert(self.row.subject, answer);
        }
        Ok(())
    }

    /// Something is there that may be it. What else it may be shows later, or is the operator's to
    /// say.
    fn unclear(&mut self) -> Result<(), IllegalPhase> {
        self.row.missing_since = None;
        match self.at < self.row.since + self.grace() {
            true => Ok(()),
            false => self.observe(Observed::Two),
        }
    }

    /// The longest that the row may be missing from listings without that meaning anything.
    fn grace(&self) -> Span {
        let lag = self.evidence.list_lag.as_millis();
        let call = match self.row.phase {
            Phase::Creating | Phase::Unknown | Phase::Ambiguous => CALL_TIMEOUT.as_millis(),
            _ => 0,
        };
        Span::from_millis(lag.saturating_add(call))
    }

    fn missing(&mut self) -> Result<(), IllegalPhase> {
        let nothing_to_miss = matches!(self.row.phase, Phase::Wanted | Phase::Refused);
        if nothing_to_miss || self.at < self.row.since + self.grace() {
            return Ok(());
        }
        match self.row.missing_since {
            None => self.row.missing_since = Some(self.at),
            Some(first) if self.at < first + LISTING_GAP || self.alive_since(first) => {}
            Some(_) => self.absent()?,
        }
        Ok(())
    }

    /// Whether what the provider no longer shows was heard of all the same.
    fn alive_since(&self, moment: Timestamp) -> bool {
        let working = matches!(self.row.phase, Phase::Present | Phase::Ready);
        let report = self.evidence.reports.and_then(|r| r.get(&self.row.node));
        let on_it = |r: &NodeReport| match self.row.subject {
            Subject::Node(_) => true,
            address => r.verified.contains(&address),
        };
        working && report.is_some_and(|r| r.heard_at > moment && on_it(r))
    }

    fn absent(&mut self) -> Result<(), IllegalPhase> {
        self.observe(Observed::Absent)?;
        self.row.missing_since = None;
        self.row.attached = false;
        self.row.inner = None;
        if self.row.phase == Phase::Wanted {
            self.row.provider_ref = None;
            self.row.address = None;
            self.row.asn = None;
        }
        Ok(())
    }

    /// Being taken down: only the thing that the delete was about counts.
    fn leaving(&mut self, items: &[Item<'_>]) -> Result<(), IllegalPhase> {
        let same = |i: &&Item<'_>| self.row.provider_ref.as_deref() == Some(i.provider_ref);
        match items.iter().find(same) {
            None => self.missing(),
            Some(item) => {
                self.row.missing_since = None;
                self.place(item);
                self.observe(Observed::Found)
            }
        }
    }

    fn found(&mut self, item: &Item<'_>) -> Result<(), IllegalPhase> {
        let other = self.row.provider_ref.as_deref().is_some_and(|r| r != item.provider_ref);
        if other && self.at < self.row.since + self.grace() {
            // The one that was made last may only be late; if it turns up there are two.
            return Ok(());
        }
        if matches!(self.row.phase, Phase::Wanted | Phase::Refused) {
            // A call of before the last look took effect after all. It is adopted as if a call
            // were under way, so that none is made.
            self.row.observe(Observed::Begin, self.at)?;
        }
        self.observe(Observed::Found)?;
        self.row.missing_since = None;
        self.row.provider_ref = Some(item.provider_ref.to_owned());
        self.row.address = item.address.or(self.row.address);
        self.row.asn = item.asn.or(self.row.asn);
        match item.is {
            Is::Machine(state) => self.machine(state),
            Is::Address(_) => self.address(item),
        }
    }

    fn machine(&mut self, state: MachineState) -> Result<(), IllegalPhase> {
        if state == MachineState::Failed {
            self.look.failed.insert(self.row.node);
            self.row.failure.get_or_insert_with(|| Failure {
                class: FailureClass::Rejected,
                message: "the provider says that the machine will not come up".to_owned(),
                count: 1,
            });
        }
        let Some(reports) = self.evidence.reports else {
            return Ok(());
        };
        let heard = |r: &NodeReport| self.at.since(r.heard_at) <= self.evidence.dead_after;
        let report = reports.get(&self.row.node);
        let well = report.is_some_and(|r| r.healthy && heard(r));
        self.verify(well && state == MachineState::Running)
    }

    fn attached(&self, item: &Item<'_>) -> bool {
        let Is::Address(Some(to)) = item.is else {
            return false;
        };
        // The machine may have been found by this very look.
        let subject = Subject::Node(self.row.node);
        let changed = self.look.changed.get(&subject);
        let machine = changed.or_else(|| self.evidence.rows.get(&subject));
        machine.and_then(|m| m.provider_ref.as_deref()) == Some(to)
    }

    /// Where an address is, and what stands for it there. What stood for it last is kept while it
    /// is elsewhere: taken from its agent's orders, its sessions would be cut off.
    fn place(&mut self, item: &Item<'_>) {
        self.row.attached = self.attached(item);
        if self.row.attached {
            self.row.inner = item.inner.or(self.row.inner);
        }
    }

    fn address(&mut self, item: &Item<'_>) -> Result<(), IllegalPhase> {
        self.place(item);
        if matches!(item.is, Is::Address(Some(_))) && !self.row.attached {
            self.look.elsewhere.insert(self.row.subject);
        }
        let report = match self.evidence.reports {
            None if self.row.attached => return Ok(()),
            reports => reports.and_then(|r| r.get(&self.row.node)),
        };
        let probed = report.is_some_and(|r| r.verified.contains(&self.row.subject));
        self.verify(probed && self.row.attached)
    }

    fn verify(&mut self, well: bool) -> Result<(), IllegalPhase> {
        match (well, self.row.phase) {
            (true, Phase::Present) => {
                self.row.failure = None;
                self.observe(Observed::Verified)
            }
            (false, Phase::Ready) => self.observe(Observed::Unverified),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
