//! An account's rules: what it gives, what it refuses.

use std::net::IpAddr;

use damm_clouds::{AddressOrder, ListedAddress, ListedMachine, MachineOrder, MachineState};
use damm_fleet::topology::{LabSettings, Provider};
use damm_fleet::{Asn, FailureClass, Offer, ProviderName, Timestamp};
use ipnet::IpNet;

use crate::error::LabError;
use crate::state::{Address, Held, Machine, State};

/// A call that was not carried out.
#[derive(Debug)]
pub struct Refusal {
    pub class: FailureClass,
    pub message: String,
}

impl Refusal {
    fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    pub fn gone(what: &str, name: &str) -> Self {
        Self::new(FailureClass::Gone, format!("there is no {what} `{name}`"))
    }
}

impl From<LabError> for Refusal {
    /// What the system failed at may have been done in part: the lab's next caller sees it through.
    fn from(error: LabError) -> Self {
        let class = match error {
            LabError::NotRoot | LabError::NotUp { .. } | LabError::Missing { .. } => {
                FailureClass::Rejected
            }
            _ => FailureClass::Unknown,
        };
        Self::new(class, error.to_string())
    }
}

/// An account, as the topology has it.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: ProviderName,
    settings: LabSettings,
    offer: Offer,
    asns: Vec<Asn>,
    locations: Vec<String>,
}

impl Account {
    /// None when the provider has no settings of the lab.
    pub fn of(name: &ProviderName, provider: &Provider) -> Option<Self> {
        Some(Self {
            name: name.clone(),
            settings: provider.lab.clone()?,
            offer: Offer::built_in(provider),
            asns: provider.asns.clone(),
            locations: provider.locations.values().cloned().collect(),
        })
    }

    /// A machine for an order, and whether it is new.
    pub fn make_machine(
        &self,
        state: &mut State,
        order: &MachineOrder,
        now: Timestamp,
    ) -> Result<(String, bool), Refusal> {
        self.check_order(order)?;
        let same = |h: &Held| h.tag == order.tag && h.key == order.idempotency_key;
        let mut ours = state.machines.iter().filter(|(_, m)| self.holds(&m.held));
        if let Some((name, _)) = ours.find(|(_, m)| same(&m.held)) {
            return Ok((name.clone(), false));
        }
        let held = state.machines.values().filter(|m| self.holds(&m.held)).count();
        if self.settings.quota.is_some_and(|quota| held >= quota as usize) {
            let message = format!("the account holds {held} machines and may hold no more");
            return Err(Refusal::new(FailureClass::Exhausted, message));
        }
        let (v4, asn) = self.draw(state, false)?;
        let v6 = self.draw(state, true).ok().map(|(address, _)| address);
        let machine = Machine {
            held: self.held(&order.tag, &order.idempotency_key, &order.location, now),
            v4: v4_of(v4)?,
            v6: v6.and_then(|a| match a {
                IpAddr::V6(a) => Some(a),
                IpAddr::V4(_) => None,
            }),
            asn,
            runs_at: now + self.settings.boot_time,
            booted: false,
        };
        let name = state.next_name('m');
        state.machines.insert(name.clone(), machine);
        Ok((name, true))
    }

    /// How long a machine takes to its first process.
    pub const fn boot_ms(&self) -> u64 {
        self.settings.boot_time.as_millis()
    }

    pub fn make_address(
        &self,
        state: &mut State,
        order: &AddressOrder,
        now: Timestamp,
    ) -> Result<ListedAddress, Refusal> {
        self.check_location(&order.location)?;
        let same = |h: &Held| h.tag == order.tag && h.key == order.idempotency_key;
        let mut ours = state.addresses.iter().filter(|(_, a)| self.holds(&a.held));
        if let Some((name, address)) = ours.find(|(_, a)| same(&a.held)) {
            return Ok(told_address(name, address));
        }
        let preferred = self.draw(state, order.prefer_v6);
        let (address, asn) = preferred.or_else(|_| self.draw(state, !order.prefer_v6))?;
        let address = Address {
            held: self.held(&order.tag, &order.idempotency_key, &order.location, now),
            address,
            asn,
            machine: None,
        };
        let name = state.next_name('a');
        let told = told_address(&name, &address);
        state.addresses.insert(name, address);
        Ok(told)
    }

    /// A machine of this account.
    pub fn machine<'a>(&self, state: &'a State, name: &str) -> Result<&'a Machine, Refusal> {
        let found = state.machines.get(name).filter(|m| self.holds(&m.held));
        found.ok_or_else(|| Refusal::gone("machine", name))
    }

    /// An address of this account.
    pub fn address<'a>(
        &self,
        state: &'a mut State,
        name: &str,
    ) -> Result<&'a mut Address, Refusal> {
        let found = state.addresses.get_mut(name).filter(|a| a.held.provider == self.name);
        found.ok_or_else(|| Refusal::gone("address", name))
    }

    /// Whether an address may be attached to a machine: `Ok(false)` when it is there already.
    pub fn may_attach(&self, state: &mut State, name: &str, to: &str) -> Result<bool, Refusal> {
        let place = self.address(state, name)?.held.location.clone();
        let machine = self.machine(state, to)?;
        let here = machine.held.location == place;
        if let Some(holder) = &self.address(state, name)?.machine {
            return match holder == to {
                true => Ok(false),
                false => {
                    let message = format!("`{name}` is attached to `{holder}`");
                    Err(Refusal::new(FailureClass::Busy, message))
                }
            };
        }
        if !here {
            let message = format!("`{name}` and `{to}` are not at the same location");
            return Err(Refusal::new(FailureClass::Rejected, message));
        }
        let limit = self.settings.max_addresses as usize;
        if state.attached(to).count() >= limit {
            let message = format!("`{to}` has {limit} addresses and can't hold more");
            return Err(Refusal::new(FailureClass::Rejected, message));
        }
        Ok(true)
    }

    /// Takes an address out of the account.
    pub fn release(&self, state: &mut State, name: &str) -> Result<(), Refusal> {
        if let Some(holder) = &self.address(state, name)?.machine {
            let message = format!("`{name}` is attached to `{holder}` and must be detached first");
            return Err(Refusal::new(FailureClass::Busy, message));
        }
        state.addresses.remove(name);
        Ok(())
    }

    /// The account's machines of a fleet, by name.
    pub fn machines<'a>(
        &'a self,
        state: &'a State,
        fleet: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Machine)> {
        let ours = move |h: &Held| self.holds(h) && h.tag.fleet == fleet;
        state.machines.iter().filter(move |(_, m)| ours(&m.held))
    }

    /// The account's addresses of a fleet.
    pub fn addresses(&self, state: &State, fleet: &str) -> Vec<ListedAddress> {
        let ours = |h: &Held| self.holds(h) && h.tag.fleet == fleet;
        let listed = state.addresses.iter().filter(|(_, a)| ours(&a.held));
        listed.map(|(name, address)| told_address(name, address)).collect()
    }

    fn holds(&self, held: &Held) -> bool {
        held.provider == self.name
    }

    fn held(&self, tag: &damm_clouds::Tag, key: &str, location: &str, now: Timestamp) -> Held {
        Held {
            provider: self.name.clone(),
            tag: tag.clone(),
            key: key.to_owned(),
            location: location.to_owned(),
            created_at: now,
        }
    }

    fn check_order(&self, order: &MachineOrder) -> Result<(), Refusal> {
        let rejected = |message: String| Err(Refusal::new(FailureClass::Rejected, message));
        self.check_location(&order.location)?;
        if !self.offer.machines.contains_key(&order.machine) {
            return rejected(format!("there is no machine size `{}`", order.machine));
        }
        let (size, limit) = (order.user_data.len(), self.offer.capabilities.user_data_limit);
        match size {
            0 => rejected("there is no user data".to_owned()),
            _ if size > limit => rejected(format!("{size} bytes of user data, {limit} are taken")),
            _ => Ok(()),
        }
    }

    fn check_location(&self, location: &str) -> Result<(), Refusal> {
        let message = || format!("there is no location `{location}`");
        match self.locations.iter().any(|l| l == location) {
            true => Ok(()),
            false => Err(Refusal::new(FailureClass::Rejected, message())),
        }
    }

    /// The next free address of a family. Prefixes take turns, and within each what was given back
    /// comes round again as late as can be.
    fn draw(&self, state: &mut State, v6: bool) -> Result<(IpAddr, Asn), Refusal> {
        let mut prefixes = self.settings.dealt(&self.asns, v6);
        prefixes.sort_by_key(|(prefix, _)| state.drawn.get(prefix).copied().unwrap_or(0));
        for (prefix, asn) in prefixes {
            let drawn = state.drawn.get(&prefix).copied().unwrap_or(0);
            let size = size(&prefix);
            let free = (0..size).map(|step| (step, nth(&prefix, (drawn + step) % size)));
            if let Some((step, address)) = free.into_iter().find(|(_, a)| state.is_free(*a)) {
                state.drawn.insert(prefix, drawn + step + 1);
                return Ok((address, asn));
            }
        }
        Err(Refusal::new(FailureClass::Exhausted, "there is no free address left"))
    }
}

fn v4_of(address: IpAddr) -> Result<std::net::Ipv4Addr, Refusal> {
    match address {
        IpAddr::V4(v4) => Ok(v4),
        IpAddr::V6(_) => Err(Refusal::new(FailureClass::Exhausted, "there is no IPv4 address")),
    }
}

/// Addresses that a prefix gives: all but the network's own and IPv4's broadcast.
fn size(prefix: &IpNet) -> u64 {
    let bits = u32::from(prefix.max_prefix_len() - prefix.prefix_len());
    match bits {
        0 | 1 => 1 << bits,
        // More than anybody draws.
        2..=32 => (1 << bits) - 2,
        _ => 1 << 32,
    }
}

fn nth(prefix: &IpNet, n: u64) -> IpAddr {
    let skip = u64::from(prefix.max_prefix_len() - prefix.prefix_len() > 1);
    match prefix {
        // `n` is below the prefix's size, so the sum stays within the family's bits.
        IpNet::V4(net) => std::net::Ipv4Addr::from_bits(
            net.network().to_bits() + u32::try_from(skip + n).unwrap_or(0),
        )
        .into(),
        IpNet::V6(net) => {
            std::net::Ipv6Addr::from_bits(net.network().to_bits() + u128::from(skip + n)).into()
        }
    }
}

/// A machine as a listing shows it.
pub fn told_machine(name: &str, machine: &Machine, runs: bool, now: Timestamp) -> ListedMachine {
    let starting = now < machine.runs_at || !machine.booted;
    let state = match (starting, runs) {
        (true, _) => MachineState::Starting,
        (false, true) => MachineState::Running,
        (false, false) => MachineState::Failed,
    };
    ListedMachine {
        provider_ref: name.to_owned(),
        tag: Some(machine.held.tag.clone()),
        state,
        address: (!starting).then_some(machine.v4.into()),
        asn: (!starting).then_some(machine.asn),
        created_at: machine.held.created_at,
    }
}

fn told_address(name: &str, address: &Address) -> ListedAddress {
    ListedAddress {
        provider_ref: name.to_owned(),
        tag: Some(address.held.tag.clone()),
        address: address.address,
        asn: address.asn,
        attached_to: address.machine.clone(),
        inner: None,
        created_at: address.held.created_at,
    }
}
