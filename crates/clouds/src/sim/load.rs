//! From stored objects and a topology to a state.

use damm_fleet::topology::{Limits, ProviderKind, SimSettings};
use damm_fleet::{Capabilities, Offer, ProviderName, Span, Timestamp, Topology, Usd};
use ipnet::IpNet;
use serde::de::DeserializeOwned;

use super::account::Config;
use super::rows::{AccountRow, Key};
use super::state::{Account, Due, State};
use super::world::OpenError;

impl State {
    /// A fresh state with the topology's accounts.
    pub(super) fn configured(topology: &Topology, now: Timestamp) -> Self {
        let mut state = Self::default();
        for (name, config) in configs(topology) {
            let row = AccountRow::new(&config, now);
            state.accounts.insert(name, Account::new(config, row));
        }
        state
    }

    /// Takes over a topology. Accounts that it no longer names keep what they hold.
    pub(super) fn adopt(&mut self, topology: &Topology, now: Timestamp) {
        for (name, config) in configs(topology) {
            let taken = self.prefixes_of_others(&name);
            let account = self.accounts.entry(name.clone());
            let account = account.or_insert_with(|| {
                let row = AccountRow::new(&config, now);
                Account::new(config.clone(), row)
            });
            account.row.adopt_pools(&name, &config, &taken);
            account.config = config;
            self.count(&name);
        }
    }

    /// Notes that an account has counted on.
    pub(super) fn count(&mut self, provider: &ProviderName) {
        self.touch(Key::Account(provider.clone()));
    }

    fn prefixes_of_others(&self, name: &ProviderName) -> Vec<IpNet> {
        let others = self.accounts.iter().filter(|(n, _)| *n != name);
        let pools = others.flat_map(|(_, a)| &a.row.pools);
        pools.map(|p| p.prefix).collect()
    }

    /// Reads stored objects back.
    pub(super) fn load(&mut self, objects: Vec<(String, String)>) -> Result<(), OpenError> {
        for (key, json) in objects {
            self.load_one(&key, &json)?;
        }
        self.index();
        Ok(())
    }

    fn load_one(&mut self, key: &str, json: &str) -> Result<(), OpenError> {
        let unknown = || OpenError::UnknownKind(key.to_owned());
        let parts: Vec<&str> = key.split('/').collect();
        match *parts.as_slice() {
            ["world"] => self.world = read(key, json)?,
            ["account", p] => self.account(p).ok_or_else(unknown)?.row = read(key, json)?,
            ["machine", p, r] => {
                let account = self.account(p).ok_or_else(unknown)?;
                account.machines.insert(r.to_owned(), read(key, json)?);
            }
            ["address", p, r] => {
                let account = self.account(p).ok_or_else(unknown)?;
                account.addresses.insert(r.to_owned(), read(key, json)?);
            }
            ["record", p, zone, name] => {
                let account = self.account(p).ok_or_else(unknown)?;
                let at = (zone.to_owned(), name.to_owned());
                account.records.insert(at, read(key, json)?);
            }
            ["target", p, balancer, node] => {
                let at = (balancer.parse().ok(), node.parse().ok());
                let (Some(balancer), Some(node)) = at else {
                    return Err(unknown());
                };
                let account = self.account(p).ok_or_else(unknown)?;
                account.targets.insert((balancer, node), read(key, json)?);
            }
            ["agent", node] => {
                let node = node.parse().map_err(|_| unknown())?;
                self.agents.insert(node, read(key, json)?);
            }
            ["quarantine", ip] => {
                let ip = ip.parse().map_err(|_| unknown())?;
                self.quarantine.insert(ip, read(key, json)?);
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    /// An account by its stored name; one that the topology no longer names comes up closed.
    fn account(&mut self, name: &str) -> Option<&mut Account> {
        let name: ProviderName = name.parse().ok()?;
        let closed = || {
            let config = Config::closed();
            let row = AccountRow::new(&config, Timestamp::EPOCH);
            Account::new(config, row)
        };
        Some(self.accounts.entry(name).or_insert_with(closed))
    }

    /// Builds the indexes from what was read.
    fn index(&mut self) {
        let accounts = std::mem::take(&mut self.accounts);
        for (name, account) in accounts {
            let (machines, addresses) = (account.machines.clone(), account.addresses.clone());
            self.accounts.insert(name.clone(), account);
            for machine in machines.values() {
                self.index_machine(&name, machine);
            }
            for address in addresses.values() {
                self.index_address(&name, address);
            }
        }
        let homeless = self.agents.values().filter(|a| a.machine.is_none());
        let due = homeless.map(|a| (a.forgotten_at(), Due::Agent(a.node)));
        self.due.extend(due);
        let resting = self.quarantine.iter();
        let due = resting.map(|(ip, until)| (*until, Due::Rested(*ip)));
        self.due.extend(due);
    }
}

fn configs(topology: &Topology) -> impl Iterator<Item = (ProviderName, Config)> {
    let sims = topology.providers.iter();
    sims.filter(|(_, p)| p.kind == ProviderKind::Sim)
        .map(move |(name, p)| (name.clone(), Config::of(name, p, topology)))
}

fn read<T: DeserializeOwned>(key: &str, json: &str) -> Result<T, OpenError> {
    serde_json::from_str(json).map_err(|source| OpenError::Damaged { key: key.to_owned(), source })
}

impl Config {
    /// An account that is no longer in the topology: it gives nothing new.
    fn closed() -> Self {
        Self {
            settings: SimSettings::default(),
            offer: Offer {
                capabilities: Capabilities {
                    movable_addresses: true,
                    max_addresses: 0,
                    user_data_limit: 0,
                    list_lag: Span::ZERO,
                    tagged_addresses: true,
                    translated_addresses: false,
                    idempotent_create: false,
                },
                machines: std::collections::BTreeMap::new(),
                fewer: std::collections::BTreeMap::new(),
                address: Usd::ZERO,
            },
            limits: Limits::default(),
            asns: Vec::new(),
            locations: std::collections::BTreeSet::new(),
            zones: std::collections::BTreeSet::new(),
            balancers: std::collections::BTreeSet::new(),
        }
    }
}
