//! An account of the lab, as the engine calls it.

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, Clock, Cloud, Error, ListedAddress, ListedMachine, MachineOrder};
use damm_fleet::topology::Provider;
use damm_fleet::{ProviderName, Timestamp};

use crate::account::{Account, Refusal, told_machine};
use crate::lab::{Alive, Lab};
use crate::machine::{self, Facts};
use crate::state::State;
use crate::wires;
use crate::{boot, files};

/// Machines and addresses of one account of the lab.
#[derive(Clone)]
pub struct LabCloud {
    lab: Lab,
    account: Account,
    clock: Arc<dyn Clock>,
}

type Done<T> = std::result::Result<T, Refusal>;

impl LabCloud {
    /// An account of the kind `lab`; none when it has no settings of the lab. The lab has to be
    /// [up](Lab::up) when it is called.
    pub fn new(
        lab: Lab,
        name: &ProviderName,
        provider: &Provider,
        clock: Arc<dyn Clock>,
    ) -> Option<Self> {
        Some(Self { lab, account: Account::of(name, provider)?, clock })
    }

    /// Does what may block where it holds nobody up.
    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Self) -> Done<T> + Send + 'static,
    ) -> Result<T> {
        let me = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&me)).await;
        let done = done.unwrap_or_else(|e| {
            let class = damm_fleet::FailureClass::Unknown;
            Err(Refusal { class, message: format!("the call broke off: {e}") })
        });
        done.map_err(|refusal| Error {
            class: refusal.class,
            provider: self.account.name.to_string(),
            operation,
            message: refusal.message,
            retry_after: None,
        })
    }

    fn create(&self, order: &MachineOrder, now: Timestamp) -> Done<ListedMachine> {
        self.lab.change(|state| {
            let (name, new) = self.account.make_machine(state, order, now)?;
            if new {
                self.prepare(&name, &order.user_data)?;
                self.lab.intend(state)?;
                machine::start(&self.lab, state, &name)?;
                state.machines.entry(name.clone()).and_modify(|m| m.booted = true);
            }
            let machine = self.account.machine(state, &name)?;
            let runs = self.lab.alive(&name, machine.booted) == Alive::Running;
            let mut told = told_machine(&name, machine, runs, now);
            if new {
                // A promise, whatever the time that it takes.
                told.state = damm_clouds::MachineState::Starting;
                (told.address, told.asn) = (None, None);
            }
            Ok(told)
        })
    }

    /// The machine's directory, with what it boots from.
    fn prepare(&self, name: &str, user_data: &str) -> Done<()> {
        let files = self.lab.machine_files(name);
        files::directory(files.dir())?;
        let programs = files.layer(boot::PROGRAMS);
        files::directory(&programs)?;
        files::link(&self.lab.program(), &programs.join("damm"))?;
        let facts = Facts { name: name.to_owned(), boot_ms: self.account.boot_ms() };
        files::put(&files.facts(), &serde_json::to_vec(&facts).unwrap_or_default())?;
        Ok(files::put(&files.user_data(), user_data.as_bytes())?)
    }

    fn machines(&self, fleet: &str, now: Timestamp) -> Done<Vec<ListedMachine>> {
        let state = self.lab.state()?;
        let told = self.account.machines(&state, fleet).map(|(name, machine)| {
            let runs = self.lab.alive(name, machine.booted) == Alive::Running;
            told_machine(name, machine, runs, now)
        });
        Ok(told.collect())
    }

    fn delete(&self, name: &str) -> Done<()> {
        self.lab.change(|state| {
            self.account.machine(state, name)?;
            state.machines.remove(name);
            for address in state.addresses.values_mut() {
                address.machine.take_if(|holder| holder == name);
            }
            self.lab.intend(state)?;
            wires::disconnect(&core(state), name, &state.namespace(name))?;
            Ok(files::remove(self.lab.machine_files(name).dir())?)
        })
    }

    fn attach(&self, address: &str, name: &str) -> Done<()> {
        self.lab.change(|state| {
            if !self.account.may_attach(state, address, name)? {
                return Ok(());
            }
            let row = self.account.address(state, address)?;
            row.machine = Some(name.to_owned());
            let address = row.address;
            let own = self.account.machine(state, name)?.v4;
            self.lab.intend(state)?;
            Ok(wires::route(&core(state), address, name, own)?)
        })
    }

    fn detach(&self, name: &str) -> Done<()> {
        self.lab.change(|state| {
            let row = self.account.address(state, name)?;
            let address = row.address;
            if row.machine.take().is_some() {
                self.lab.intend(state)?;
                wires::unroute(&core(state), address)?;
            }
            Ok(())
        })
    }

    fn addresses(&self, fleet: &str) -> Done<Vec<ListedAddress>> {
        Ok(self.account.addresses(&self.lab.state()?, fleet))
    }
}

fn core(state: &State) -> String {
    state.namespace("core")
}

#[async_trait]
impl Cloud for LabCloud {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        let (order, now) = (order.clone(), self.clock.now());
        self.call("create a machine", move |me| me.create(&order, now)).await
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let (fleet, now) = (fleet.to_owned(), self.clock.now());
        self.call("list machines", move |me| me.machines(&fleet, now)).await
    }

    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        let name = provider_ref.to_owned();
        self.call("delete a machine", move |me| me.delete(&name)).await
    }

    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        let (order, now) = (order.clone(), self.clock.now());
        let work =
            move |me: &Self| me.lab.change(|state| me.account.make_address(state, &order, now));
        self.call("allocate an address", work).await
    }

    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        let fleet = fleet.to_owned();
        self.call("list addresses", move |me| me.addresses(&fleet)).await
    }

    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        let (address, machine) = (address_ref.to_owned(), machine_ref.to_owned());
        self.call("attach an address", move |me| me.attach(&address, &machine)).await
    }

    async fn detach_address(&self, address_ref: &str) -> Result<()> {
        let address = address_ref.to_owned();
        self.call("detach an address", move |me| me.detach(&address)).await
    }

    async fn release_address(&self, address_ref: &str) -> Result<()> {
        let name = address_ref.to_owned();
        let work = move |me: &Self| me.lab.change(|state| me.account.release(state, &name));
        self.call("release an address", work).await
    }
}
