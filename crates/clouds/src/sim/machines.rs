//! A vendor's rules for machines.

use damm_fleet::{ProviderName, Span, Timestamp};

use super::account::{Config, Refusal};
use super::audit::Happening;
use super::dice::{Dice, Throw};
use super::rows::{Key, Machine};
use super::state::{Account, Due, State};
use super::world::Scene;
use crate::traits::{ListedMachine, MachineOrder};

/// A machine runs after this part of the time that its agent takes to join.
const RUNS_AFTER: f64 = 0.5;
/// How slow a slow delete is.
const SLOW: (Span, Span) = (Span::from_mins(10), Span::from_mins(20));
/// What part of the listing lag a late object is late: never so late that a client that waits for
/// the whole lag, from when its call began to when it looks, would miss it.
const LATE: (f64, f64) = (0.25, 0.8);

impl State {
    pub(super) fn create_machine(
        &mut self,
        provider: &ProviderName,
        order: &MachineOrder,
        Scene { now, dice }: Scene,
    ) -> Result<ListedMachine, Refusal> {
        let account = self.account_of(provider)?;
        account.config.check_order(order)?;
        account.check_stock(dice)?;
        let config = &account.config;
        let stuck = dice.hit(config.dial().stuck_create, Throw::StuckCreate);
        let boot = config.settings.boot_time;
        let hidden_until = config.lateness(now, dice);
        let drawn = self.draw_address(provider);
        let (address, asn) = drawn.ok_or_else(no_address)?;
        let machine = Machine {
            reference: self.new_reference(provider, 'm'),
            tag: Some(order.tag.clone()),
            size: order.machine.clone(),
            location: order.location.clone(),
            address,
            asn,
            created_at: now,
            runs_at: (!stuck).then(|| now + boot.scale(RUNS_AFTER)),
            joins_at: (!stuck).then(|| now + boot),
            hidden_until,
            gone_at: None,
            failed: false,
        };
        // The answer is a promise, whatever the boot time: it shows neither state nor address.
        let answer = ListedMachine {
            state: crate::traits::MachineState::Starting,
            address: None,
            asn: None,
            ..machine.listed(now)
        };
        self.insert_machine(provider, machine, now);
        Ok(answer)
    }

    pub(super) fn list_machines(
        &self,
        provider: &ProviderName,
        fleet: &str,
        now: Timestamp,
    ) -> Vec<ListedMachine> {
        let account = self.accounts.get(provider);
        let machines = account.into_iter().flat_map(|a| a.machines.values());
        machines
            .filter(|m| m.hidden_until.is_none_or(|until| until <= now))
            .filter(|m| m.tag.as_ref().is_some_and(|t| t.fleet == fleet))
            .map(|m| m.listed(now))
            .collect()
    }

    pub(super) fn delete_machine(
        &mut self,
        provider: &ProviderName,
        reference: &str,
        Scene { now, dice }: Scene,
    ) -> Result<(), Refusal> {
        let account = self.account_of(provider)?;
        let takes = account.config.delete_time(dice);
        let machine = account.machines.get_mut(reference);
        let machine = machine.ok_or_else(|| Refusal::gone("machine", reference))?;
        if machine.gone_at.is_some() {
            return Ok(());
        }
        machine.gone_at = Some(now + takes);
        let tag = machine.tag.clone();
        let due = Due::Machine(provider.clone(), reference.to_owned());
        self.due.insert((now + takes, due));
        self.log(now, provider, reference, tag.as_ref(), Happening::DeleteAccepted);
        self.touch(Key::Machine(provider.clone(), reference.to_owned()));
        Ok(())
    }

    pub(super) fn account_of(&mut self, provider: &ProviderName) -> Result<&mut Account, Refusal> {
        let account = self.accounts.get_mut(provider);
        account.ok_or_else(|| Refusal::rejected("there is no such account"))
    }
}

impl Account {
    fn check_stock(&self, dice: Dice) -> Result<(), Refusal> {
        let has = self.machines.len();
        let full = |limit: Option<u32>| limit.is_some_and(|l| has >= l as usize);
        if full(self.config.settings.quota) {
            return Err(Refusal::exhausted(format!("the quota of {has} machines is used up")));
        }
        let unlucky = dice.hit(self.config.dial().out_of_stock, Throw::OutOfStock);
        if unlucky || full(self.config.settings.stock) {
            return Err(Refusal::exhausted("machines of this size are out of stock"));
        }
        Ok(())
    }
}

impl Config {
    fn check_order(&self, order: &MachineOrder) -> Result<(), Refusal> {
        let limit = self.offer.capabilities.user_data_limit;
        if !self.offer.machines.contains_key(&order.machine) {
            let sizes: Vec<_> = self.offer.machines.keys().map(String::as_str).collect();
            let (bad, good) = (&order.machine, sizes.join(", "));
            return Err(Refusal::rejected(format!("no machine size `{bad}`; there are {good}")));
        }
        self.check_location(&order.location)?;
        match order.user_data.len() {
            0 => Err(Refusal::rejected("the user data is empty; no agent would ever join")),
            n if n > limit => {
                Err(Refusal::rejected(format!("the user data has {n} bytes; the limit is {limit}")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_location(&self, location: &str) -> Result<(), Refusal> {
        match self.locations.contains(location) {
            true => Ok(()),
            false => Err(Refusal::rejected(format!("there is no location `{location}`"))),
        }
    }

    /// Until when listings leave a new object out.
    pub(super) fn lateness(&self, now: Timestamp, dice: Dice) -> Option<Timestamp> {
        let lag = self.offer.capabilities.list_lag;
        let late = dice.between(lag.scale(LATE.0), lag.scale(LATE.1), Throw::Lateness);
        let hit = dice.hit(self.dial().late_listing, Throw::LateListing);
        hit.then(|| now + late)
    }

    /// How long an accepted delete takes, when the dial makes it slow.
    pub(super) fn slowness(&self, dice: Dice) -> Option<Span> {
        let slow = dice.hit(self.dial().slow_delete, Throw::SlowDelete);
        slow.then(|| dice.between(SLOW.0, SLOW.1, Throw::Slowness))
    }

    fn delete_time(&self, dice: Dice) -> Span {
        self.slowness(dice).unwrap_or(self.settings.delete_time)
    }
}

pub(super) fn no_address() -> Refusal {
    Refusal::exhausted("there is no free address left")
}
