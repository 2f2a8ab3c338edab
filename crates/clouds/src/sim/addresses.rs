//! A vendor's rules for addresses.

use damm_fleet::{ProviderName, Span, Timestamp};

use super::account::Refusal;
use super::dice::Throw;
use super::machines::no_address;
use super::rows::{Address, Holder, Key};
use super::state::{Account, Due, State};
use super::world::Scene;
use crate::traits::{AddressOrder, ListedAddress};

/// How long a stranger keeps an address that it took, when nobody detaches it.
const TAKEN_FOR: Span = Span::from_mins(10);

impl State {
    pub(super) fn allocate_address(
        &mut self,
        provider: &ProviderName,
        order: &AddressOrder,
        Scene { now, dice }: Scene,
    ) -> Result<ListedAddress, Refusal> {
        let config = &self.account_of(provider)?.config;
        config.check_location(&order.location)?;
        let hidden_until = config.lateness(now, dice);
        let by = config.offer.capabilities.clone();
        let drawn = self.draw_address(provider);
        let (ip, asn) = drawn.ok_or_else(no_address)?;
        let address = Address {
            reference: self.new_reference(provider, 'a'),
            tag: Some(order.tag.clone()),
            location: order.location.clone(),
            address: ip,
            asn,
            created_at: now,
            holder: Holder::Nobody,
            taken_once: false,
            hidden_until,
            gone_at: None,
        };
        let answer = address.told(&by, now);
        self.insert_address(provider, address, now);
        Ok(answer)
    }

    pub(super) fn list_addresses(
        &self,
        provider: &ProviderName,
        fleet: &str,
        now: Timestamp,
    ) -> Vec<ListedAddress> {
        let Some(account) = self.accounts.get(provider) else {
            return Vec::new();
        };
        let by = &account.config.offer.capabilities;
        let ours = |a: &&Address| a.tag.as_ref().is_some_and(|t| t.fleet == fleet);
        let shown = account
            .addresses
            .values()
            .filter(|a| a.hidden_until.is_none_or(|until| until <= now))
            .filter(|a| !by.tagged_addresses || ours(a));
        shown.map(|a| a.told(by, now)).collect()
    }

    pub(super) fn attach_address(
        &mut self,
        provider: &ProviderName,
        reference: &str,
        machine: &str,
        Scene { now, dice }: Scene,
    ) -> Result<(), Refusal> {
        let account = self.account_of(provider)?;
        let address = account.address(reference)?;
        if address.machine() == Some(machine) {
            return Ok(());
        }
        if let Some(holder) = address.attached_to(now) {
            return Err(Refusal::busy(format!("`{reference}` is attached to `{holder}`")));
        }
        account.check_attach(reference, machine, now)?;
        let taken = dice.hit(account.config.dial().attached_elsewhere, Throw::AttachedElsewhere);
        let address = account.address_mut(reference)?;
        if taken && !address.taken_once {
            address.taken_once = true;
            self.hold(provider, reference, Holder::Stranger(now + TAKEN_FOR), now);
            return Err(Refusal::busy(format!("`{reference}` was just attached elsewhere")));
        }
        self.hold(provider, reference, Holder::Machine(machine.to_owned()), now);
        Ok(())
    }

    pub(super) fn detach_address(
        &mut self,
        provider: &ProviderName,
        reference: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let account = self.account_of(provider)?;
        let address = account.address(reference)?;
        if let Some(machine) = address.machine() {
            account.check_movable(machine, now)?;
        }
        self.hold(provider, reference, Holder::Nobody, now);
        Ok(())
    }

    pub(super) fn release_address(
        &mut self,
        provider: &ProviderName,
        reference: &str,
        Scene { now, dice }: Scene,
    ) -> Result<(), Refusal> {
        let account = self.account_of(provider)?;
        let slow = account.config.slowness(dice);
        let address = account.address_mut(reference)?;
        if let Some(holder) = address.attached_to(now) {
            return Err(Refusal::busy(format!(
                "`{reference}` is attached to `{holder}` and must be detached first"
            )));
        }
        match (address.gone_at, slow) {
            (Some(_), _) => {}
            (None, None) => self.remove_address(provider, reference, now),
            (None, Some(takes)) => {
                address.gone_at = Some(now + takes);
                let due = Due::Address(provider.clone(), reference.to_owned());
                self.due.insert((now + takes, due));
                self.touch(Key::Address(provider.clone(), reference.to_owned()));
            }
        }
        Ok(())
    }
}

impl Account {
    /// An address that is there and was not given back.
    fn address(&self, reference: &str) -> Result<&Address, Refusal> {
        let address = self.addresses.get(reference).filter(|a| a.gone_at.is_none());
        address.ok_or_else(|| Refusal::gone("address", reference))
    }

    /// An address that is there, given back or not.
    fn address_mut(&mut self, reference: &str) -> Result<&mut Address, Refusal> {
        let address = self.addresses.get_mut(reference);
        address.ok_or_else(|| Refusal::gone("address", reference))
    }

    fn check_attach(&self, reference: &str, machine: &str, now: Timestamp) -> Result<(), Refusal> {
        let there = self.machines.get(machine).filter(|m| m.gone_at.is_none());
        let there = there.ok_or_else(|| Refusal::gone("machine", machine))?;
        if there.location != self.address(reference)?.location {
            return Err(Refusal::rejected(format!(
                "`{reference}` and `{machine}` are not at the same location"
            )));
        }
        self.check_movable(machine, now)?;
        let limit = self.config.offer.capabilities.max_addresses as usize;
        match self.held.get(machine).is_some_and(|h| h.len() >= limit) {
            true => Err(Refusal::rejected(format!(
                "`{machine}` has {limit} addresses and can't hold more"
            ))),
            false => Ok(()),
        }
    }

    /// Where addresses can't be moved, a running machine keeps those that it has.
    fn check_movable(&self, machine: &str, now: Timestamp) -> Result<(), Refusal> {
        let fixed = !self.config.offer.capabilities.movable_addresses;
        let running = |m: &super::rows::Machine| m.gone_at.is_none() && m.runs(now);
        match fixed && self.machines.get(machine).is_some_and(running) {
            true => Err(Refusal::rejected(format!(
                "`{machine}` is running; here addresses are attached before a machine runs, \
                 and leave with it"
            ))),
            false => Ok(()),
        }
    }
}
