//! Objects coming and going, with every index that follows them.

use std::net::IpAddr;

use damm_fleet::{Asn, ProviderName, Span, Subject, Timestamp};

use super::audit::{Duplicate, Happening};
use super::rows::{Address, Holder, Key, Machine};
use super::state::{Due, State};
use crate::traits::Tag;

/// Nobody is given an address that was given back, for this long.
const QUARANTINE: Span = Span::from_days(1);

impl State {
    /// Lets everything happen that was to happen by now.
    pub(super) fn settle(&mut self, now: Timestamp) {
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            match self.due.pop_first() {
                Some((at, Due::Machine(p, r))) => self.remove_machine(&p, &r, at),
                Some((at, Due::Address(p, r))) => self.remove_address(&p, &r, at),
                Some((at, Due::Agent(node))) => self.forget_agent(node, at),
                Some((_, Due::Rested(ip))) => self.rested(ip),
                None => {}
            }
        }
    }

    /// Draws an address that nobody has, from the account's prefixes in turn.
    pub(super) fn draw_address(&mut self, provider: &ProviderName) -> Option<(IpAddr, Asn)> {
        let (owners, quarantine) = (&self.owners, &self.quarantine);
        let free = |ip: IpAddr| !quarantine.contains_key(&ip) && !owners.contains_key(&ip);
        let row = &mut self.accounts.get_mut(provider)?.row;
        let pools = row.pools.len();
        let mut turns = (0..pools).map(|i| (row.turn + i) % pools);
        let drawn = turns.find_map(|i| {
            let pool = &mut row.pools[i];
            pool.draw(free).map(|ip| (i, ip, pool.asn))
        });
        let (i, ip, asn) = drawn?;
        row.turn = (i + 1) % pools;
        Some((ip, asn))
    }

    /// A name for a new object, never given before in this account.
    pub(super) fn new_reference(&mut self, provider: &ProviderName, kind: char) -> String {
        let number = self.accounts.get_mut(provider).map_or(0, |a| {
            a.row.made += 1;
            a.row.made
        });
        format!("{provider}-{kind}{number:06}")
    }

    pub(super) fn insert_machine(&mut self, provider: &ProviderName, m: Machine, now: Timestamp) {
        let (reference, tag) = (m.reference.clone(), m.tag.clone());
        let joins_at = m.joins_at;
        self.index_machine(provider, &m);
        self.note_tag(provider, &reference, tag.as_ref(), now);
        self.log(now, provider, &reference, tag.as_ref(), Happening::MachineCreated);
        self.touch(Key::Machine(provider.clone(), reference.clone()));
        if let Some(account) = self.accounts.get_mut(provider) {
            account.machines.insert(reference.clone(), m);
        }
        if let Some(Subject::Node(node)) = tag.map(|t| t.subject) {
            let place = (provider.clone(), reference);
            self.settle_in(node, place, joins_at, now);
        }
    }

    /// Puts a stored or new machine into the indexes.
    pub(super) fn index_machine(&mut self, provider: &ProviderName, m: &Machine) {
        let place = (provider.clone(), m.reference.clone());
        self.owners.insert(m.address, place.clone());
        if let Some(tag) = &m.tag {
            self.tags.entry(tag.clone()).or_default().insert(place);
        }
        if let Some(at) = m.gone_at {
            let due = Due::Machine(provider.clone(), m.reference.clone());
            self.due.insert((at, due));
        }
    }

    /// Takes a machine away at once. Its addresses are detached and kept, and cost on.
    pub(super) fn remove_machine(&mut self, provider: &ProviderName, r: &str, now: Timestamp) {
        let Some(account) = self.accounts.get_mut(provider) else {
            return;
        };
        let held = account.held.remove(r).unwrap_or_default();
        let Some(machine) = account.machines.remove(r) else {
            return;
        };
        if let Some(Subject::Node(node)) = machine.tag.as_ref().map(|t| t.subject) {
            self.evict(node, provider, r, now);
        }
        for address in held {
            self.hold(provider, &address, Holder::Nobody, now);
        }
        self.rest(machine.address, now);
        self.forget_tag(provider, r, machine.tag.as_ref());
        if let Some(tag) = &machine.tag {
            self.settle_in_twin(tag, now);
        }
        self.log(now, provider, r, machine.tag.as_ref(), Happening::MachineGone);
        self.touch(Key::Machine(provider.clone(), r.to_owned()));
    }

    pub(super) fn insert_address(&mut self, provider: &ProviderName, a: Address, now: Timestamp) {
        let (reference, tag) = (a.reference.clone(), a.tag.clone());
        self.index_address(provider, &a);
        self.note_tag(provider, &reference, tag.as_ref(), now);
        self.log(now, provider, &reference, tag.as_ref(), Happening::AddressAllocated);
        self.touch(Key::Address(provider.clone(), reference.clone()));
        if let Some(account) = self.accounts.get_mut(provider) {
            account.addresses.insert(reference, a);
        }
    }

    /// Puts a stored or new address into the indexes.
    pub(super) fn index_address(&mut self, provider: &ProviderName, a: &Address) {
        let place = (provider.clone(), a.reference.clone());
        self.owners.insert(a.address, place.clone());
        if let Some(tag) = &a.tag {
            self.tags.entry(tag.clone()).or_default().insert(place);
        }
        if let Some(at) = a.gone_at {
            let due = Due::Address(provider.clone(), a.reference.clone());
            self.due.insert((at, due));
        }
        if let (Some(machine), Some(account)) = (a.machine(), self.accounts.get_mut(provider)) {
            let held = account.held.entry(machine.to_owned()).or_default();
            held.insert(a.reference.clone());
        }
    }

    /// Takes an address away at once.
    pub(super) fn remove_address(&mut self, provider: &ProviderName, r: &str, now: Timestamp) {
        self.hold(provider, r, Holder::Nobody, now);
        let account = self.accounts.get_mut(provider);
        let Some(address) = account.and_then(|a| a.addresses.remove(r)) else {
            return;
        };
        self.rest(address.address, now);
        self.forget_tag(provider, r, address.tag.as_ref());
        self.log(now, provider, r, address.tag.as_ref(), Happening::AddressReleased);
        self.touch(Key::Address(provider.clone(), r.to_owned()));
    }

    /// Gives an address to a machine, a stranger, or nobody.
    pub(super) fn hold(&mut self, provider: &ProviderName, r: &str, to: Holder, now: Timestamp) {
        let Some(account) = self.accounts.get_mut(provider) else {
            return;
        };
        let Some(address) = account.addresses.get_mut(r) else {
            return;
        };
        if address.holder == to {
            return;
        }
        let tag = address.tag.clone();
        let after = address_machine(&to);
        let before = address_machine(&std::mem::replace(&mut address.holder, to.clone()));
        if let Some(held) = before.as_ref().and_then(|m| account.held.get_mut(m)) {
            held.remove(r);
        }
        if let Some(machine) = &after {
            let held = account.held.entry(machine.clone()).or_default();
            held.insert(r.to_owned());
        }
        let what = match to {
            Holder::Nobody => Happening::Detached,
            Holder::Machine(machine) => Happening::Attached { machine },
            Holder::Stranger(_) => Happening::TakenElsewhere,
        };
        self.log(now, provider, r, tag.as_ref(), what);
        self.touch(Key::Address(provider.clone(), r.to_owned()));
        for machine in before.into_iter().chain(after) {
            self.refit_machine(provider, &machine, now);
        }
    }

    /// Keeps an address from being given again for a while.
    fn rest(&mut self, address: IpAddr, now: Timestamp) {
        let until = now + QUARANTINE;
        self.owners.remove(&address);
        self.quarantine.insert(address, until);
        self.due.insert((until, Due::Rested(address)));
        self.touch(Key::Quarantine(address));
    }

    fn rested(&mut self, address: IpAddr) {
        self.quarantine.remove(&address);
        self.touch(Key::Quarantine(address));
    }

    /// Notes that a tag is carried, and a duplicate when it was already.
    fn note_tag(&mut self, p: &ProviderName, r: &str, tag: Option<&Tag>, now: Timestamp) {
        let Some(tag) = tag else { return };
        let place = (p.clone(), r.to_owned());
        let others = self.tags.get(tag).into_iter().flatten();
        let other = others.filter(|o| **o != place).map(|(_, r)| r.clone()).next();
        if let Some(first) = other {
            self.world.duplicates.push(Duplicate {
                tag: tag.clone(),
                first,
                second: r.to_owned(),
                at: now,
            });
            self.touch(Key::World);
        }
    }

    fn forget_tag(&mut self, p: &ProviderName, r: &str, tag: Option<&Tag>) {
        let Some(tag) = tag else { return };
        if let Some(carriers) = self.tags.get_mut(tag) {
            carriers.remove(&(p.clone(), r.to_owned()));
            if carriers.is_empty() {
                self.tags.remove(tag);
            }
        }
    }
}

fn address_machine(holder: &Holder) -> Option<String> {
    match holder {
        Holder::Machine(machine) => Some(machine.clone()),
        _ => None,
    }
}
