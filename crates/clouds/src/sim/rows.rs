//! The embedded cloud's objects as they are stored.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use damm_fleet::blueprint::RecordSet;
use damm_fleet::{Asn, BalancerName, Capabilities, NodeId, ProviderName, Timestamp};
use serde::{Deserialize, Serialize};

use super::dice::hash;
use super::limiter::Bucket;
use super::pool::Pool;
use crate::traits::{ListedAddress, ListedMachine, MachineState, Tag};

/// The key of one stored object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    World,
    Account(ProviderName),
    Machine(ProviderName, String),
    Address(ProviderName, String),
    Record(ProviderName, String, String),
    Target(ProviderName, BalancerName, NodeId),
    Agent(NodeId),
    Quarantine(IpAddr),
}

impl fmt::Display for Key {
    /// The object's kind first: it is what tells how to read it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World => write!(f, "world"),
            Self::Account(p) => write!(f, "account/{p}"),
            Self::Machine(p, r) => write!(f, "machine/{p}/{r}"),
            Self::Address(p, r) => write!(f, "address/{p}/{r}"),
            Self::Record(p, zone, name) => write!(f, "record/{p}/{zone}/{name}"),
            Self::Target(p, balancer, node) => write!(f, "target/{p}/{balancer}/{node}"),
            Self::Agent(node) => write!(f, "agent/{node}"),
            Self::Quarantine(ip) => write!(f, "quarantine/{ip}"),
        }
    }
}

/// What an account has done so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct AccountRow {
    /// Calls so far: the position of the fault dial's dice.
    pub(super) calls: u64,
    /// Calls that were refused for their rate, and not because of the dial.
    pub(super) over_limit: u64,
    /// Machines and addresses made so far.
    pub(super) made: u64,
    /// The pool that the next address is drawn from.
    pub(super) turn: usize,
    /// Whether `pools` were made up.
    pub(super) made_up: bool,
    pub(super) pools: Vec<Pool>,
    pub(super) bucket: Bucket,
}

/// A machine of the embedded cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) reference: String,
    pub(super) tag: Option<Tag>,
    pub(super) size: String,
    pub(super) location: String,
    pub(super) address: IpAddr,
    pub(super) asn: Asn,
    pub(super) created_at: Timestamp,
    /// When it runs, and when its agent joins; never, when it is stuck.
    pub(super) runs_at: Option<Timestamp>,
    pub(super) joins_at: Option<Timestamp>,
    /// Listings leave it out before this moment.
    pub(super) hidden_until: Option<Timestamp>,
    /// Its deletion was accepted, and takes effect then.
    pub(super) gone_at: Option<Timestamp>,
    /// It will not come up, and its provider knows.
    #[serde(default)]
    pub(super) failed: bool,
}

impl Machine {
    pub(super) fn state(&self, now: Timestamp) -> MachineState {
        match (self.gone_at, self.failed) {
            (Some(_), _) => MachineState::Stopping,
            (None, true) => MachineState::Failed,
            (None, false) if self.runs(now) => MachineState::Running,
            (None, false) => MachineState::Starting,
        }
    }

    pub(super) fn runs(&self, now: Timestamp) -> bool {
        !self.failed && self.runs_at.is_some_and(|at| at <= now)
    }

    pub(super) fn listed(&self, now: Timestamp) -> ListedMachine {
        let shown = self.runs(now);
        ListedMachine {
            provider_ref: self.reference.clone(),
            tag: self.tag.clone(),
            state: self.state(now),
            address: shown.then_some(self.address),
            asn: shown.then_some(self.asn),
            created_at: self.created_at,
        }
    }
}

/// Who an address is attached to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Holder {
    #[default]
    Nobody,
    /// A machine of the account.
    Machine(String),
    /// A machine that is not ours, until it is detached or that moment has come.
    Stranger(Timestamp),
}

/// An address of the embedded cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) reference: String,
    pub(super) tag: Option<Tag>,
    pub(super) location: String,
    pub(super) address: IpAddr,
    pub(super) asn: Asn,
    pub(super) created_at: Timestamp,
    pub(super) holder: Holder,
    /// A stranger has had it; it happens once to each address.
    pub(super) taken_once: bool,
    pub(super) hidden_until: Option<Timestamp>,
    pub(super) gone_at: Option<Timestamp>,
}

impl Address {
    /// The machine of ours that it is attached to.
    pub(super) fn machine(&self) -> Option<&str> {
        match &self.holder {
            Holder::Machine(reference) => Some(reference),
            _ => None,
        }
    }

    /// What it is attached to, as a listing names it.
    pub(super) fn attached_to(&self, now: Timestamp) -> Option<String> {
        match &self.holder {
            Holder::Nobody => None,
            Holder::Machine(reference) => Some(reference.clone()),
            Holder::Stranger(until) => (now < *until).then(|| format!("{}-taker", self.reference)),
        }
    }

    /// What stands for it on its machine behind a translation: another at each machine.
    pub(super) fn inner(&self, machine: &str) -> Option<IpAddr> {
        let low = hash(&format!("{} {machine}", self.reference)) as u32 & 0x000f_ffff;
        let inner = Ipv4Addr::from_bits(0xac10_0000 | low);
        self.address.is_ipv4().then_some(inner.into())
    }

    /// How the vendor shows it; without its tag, where addresses carry none.
    pub(super) fn told(&self, by: &Capabilities, now: Timestamp) -> ListedAddress {
        let inner = self.machine().filter(|_| by.translated_addresses);
        ListedAddress {
            inner: inner.and_then(|machine| self.inner(machine)),
            provider_ref: self.reference.clone(),
            tag: self.tag.clone().filter(|_| by.tagged_addresses),
            address: self.address,
            asn: self.asn,
            attached_to: self.attached_to(now),
            created_at: self.created_at,
        }
    }
}

/// A DNS record set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The fleet that owns it; none: it stood there before us.
    pub(super) fleet: Option<String>,
    pub(super) set: RecordSet,
}
