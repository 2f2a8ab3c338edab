//! What the embedded cloud saw and holds, for tests and demos to check.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{ProviderName, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use super::world::SimWorld;
use crate::traits::{MachineState, Tag};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// At which account.
    pub provider: ProviderName,
    /// The provider's name for the machine or address.
    pub provider_ref: String,
    /// The tag that it carries.
    pub tag: Option<Tag>,
    /// What.
    pub what: Happening,
}

/// What can happen to a machine or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A machine was accepted.
    MachineCreated,
    /// A machine's deletion was accepted.
    DeleteAccepted,
    /// A machine is gone.
    MachineGone,
    /// An address was given.
    AddressAllocated,
    /// An address was given back.
    AddressReleased,
    /// An address was attached.
    Attached {
        /// To this machine.
        machine: String,
    },
    /// An address was detached.
    Detached,
    /// Somebody else attached an address to a machine that is not ours.
    TakenElsewhere,
    /// Sessions ended because their address or machine was taken away under them.
    SessionsCut {
        /// The front door or egress address.
        subject: Subject,
        /// How many.
        sessions: u64,
    },
}

/// Two things that carried one tag at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The tag.
    pub tag: Tag,
    /// The provider's name for what was there.
    pub first: String,
    /// The provider's name for what was made beside it.
    pub second: String,
    /// When it was made.
    pub at: Timestamp,
}

/// A machine that exists, hidden or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingMachine {
    /// The provider's name for it.
    pub provider_ref: String,
    /// Its tag.
    pub tag: Option<Tag>,
    /// How far it has come.
    pub state: MachineState,
    /// Its own address.
    pub address: IpAddr,
}

/// An address that exists, hidden or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingAddress {
    /// The provider's name for it.
    pub provider_ref: String,
    /// Its tag.
    pub tag: Option<Tag>,
    /// The address.
    pub address: IpAddr,
    /// What it is attached to.
    pub attached_to: Option<String>,
}

/// All that one account holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its machines.
    pub machines: Vec<StandingMachine>,
    /// Its addresses.
    pub addresses: Vec<StandingAddress>,
    /// Calls that it answered or lost.
    pub calls: u64,
    /// Calls that it refused because they came too fast; the fault dial's are not counted.
    pub over_limit: u64,
}

impl SimWorld {
    /// Everything that exists right now, whether listings show it or not.
    pub fn audit(&self) -> BTreeMap<ProviderName, Standing> {
        let now = self.clock().now();
        let mut state = self.lock();
        state.settle(now);
        let accounts = state.accounts.iter();
        accounts
            .map(|(name, a)| {
                let machines = a.machines.values().map(|m| StandingMachine {
                    provider_ref: m.reference.clone(),
                    tag: m.tag.clone(),
                    state: m.state(now),
                    address: m.address,
                });
                let addresses = a.addresses.values().map(|a| StandingAddress {
                    provider_ref: a.reference.clone(),
                    tag: a.tag.clone(),
                    address: a.address,
                    attached_to: a.attached_to(now),
                });
                let standing = Standing {
                    machines: machines.collect(),
                    addresses: addresses.collect(),
                    calls: a.row.calls,
                    over_limit: a.row.over_limit,
                };
                (name.clone(), standing)
            })
            .collect()
    }

    /// Every time that two things carried one tag at once, since the world began; also before a
    /// restart, and although both may be gone by now.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        self.lock().world.duplicates.clone()
    }

    /// Sessions that ended because a call of ours took their address or machine away under them,
    /// since the world began.
    pub fn sessions_cut(&self) -> u64 {
        self.lock().world.sessions_cut
    }

    /// What happened since this process opened the world; the last 100,000 events.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.iter().cloned().collect()
    }
}
