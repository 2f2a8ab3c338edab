//! Things that no ledger knows of, for tests of how orphans are found.

use damm_fleet::{ProviderName, Span, Timestamp};

use super::rows::{Address, Holder, Key, Machine};
use super::state::State;
use super::storage::StorageError;
use super::world::SimWorld;
use crate::traits::Tag;

impl SimWorld {
    /// Makes a machine that no ledger knows of, with this tag; returns the provider's name for it.
    /// None when the account has no address left.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn add_stray_machine(
        &self,
        provider: &ProviderName,
        tag: &Tag,
    ) -> Result<Option<String>, StorageError> {
        let change = |state: &mut State, now| state.stray_machine(provider, tag, now);
        self.reach_in(change).await
    }

    /// Makes an address that no ledger knows of, with this tag; returns the provider's name for
    /// it. None when the account has no address left.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn add_stray_address(
        &self,
        provider: &ProviderName,
        tag: &Tag,
    ) -> Result<Option<String>, StorageError> {
        let change = |state: &mut State, now| state.stray_address(provider, tag, now);
        self.reach_in(change).await
    }

    /// Makes a machine or an address look older than it is.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn backdate(
        &self,
        provider: &ProviderName,
        provider_ref: &str,
        by: Span,
    ) -> Result<(), StorageError> {
        let change = |state: &mut State, _| {
            let Some(account) = state.accounts.get_mut(provider) else {
                return;
            };
            let r = provider_ref.to_owned();
            if let Some(m) = account.machines.get_mut(&r) {
                m.created_at = m.created_at - by;
                state.touch(Key::Machine(provider.clone(), r));
            } else if let Some(a) = account.addresses.get_mut(&r) {
                a.created_at = a.created_at - by;
                state.touch(Key::Address(provider.clone(), r));
            }
        };
        self.reach_in(change).await
    }
}

impl State {
    fn stray_machine(&mut self, p: &ProviderName, tag: &Tag, now: Timestamp) -> Option<String> {
        let (address, asn) = self.draw_address(p)?;
        let reference = self.new_reference(p, 'm');
        let machine = Machine {
            reference: reference.clone(),
            tag: Some(tag.clone()),
            size: String::new(),
            location: String::new(),
            address,
            asn,
            created_at: now,
            runs_at: Some(now),
            joins_at: None,
            hidden_until: None,
            gone_at: None,
            failed: false,
        };
        self.insert_machine(p, machine, now);
        Some(reference)
    }

    fn stray_address(&mut self, p: &ProviderName, tag: &Tag, now: Timestamp) -> Option<String> {
        let (ip, asn) = self.draw_address(p)?;
        let reference = self.new_reference(p, 'a');
        let address = Address {
            reference: reference.clone(),
            tag: Some(tag.clone()),
            location: String::new(),
            address: ip,
            asn,
            created_at: now,
            holder: Holder::Nobody,
            taken_once: false,
            hidden_until: None,
            gone_at: None,
        };
        self.insert_address(p, address, now);
        Some(reference)
    }
}
