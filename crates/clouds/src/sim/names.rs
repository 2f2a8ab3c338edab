//! A vendor's rules for DNS records and balancer targets.

use std::collections::BTreeMap;

use damm_fleet::blueprint::RecordSet;
use damm_fleet::{BalancerName, NodeId, ProviderName};

use super::account::Refusal;
use super::rows::{Key, Record};
use super::state::{Account, State};
use crate::traits::BalancerTarget;

impl State {
    pub(super) fn put_records(
        &mut self,
        provider: &ProviderName,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<(), Refusal> {
        let account = self.account_of(provider)?;
        account.check_name(zone, name)?;
        let at = (zone.to_owned(), name.to_owned());
        let there = account.records.get(&at);
        if there.is_some_and(|r| r.fleet.as_deref() != Some(fleet)) {
            return Err(Refusal::rejected(format!(
                "records stand at `{name}` that the fleet `{fleet}` does not own"
            )));
        }
        if there.map(|r| &r.set) == Some(set) {
            return Ok(());
        }
        let record = Record { fleet: Some(fleet.to_owned()), set: set.clone() };
        match set.addresses.is_empty() {
            true => account.records.remove(&at),
            false => account.records.insert(at, record),
        };
        self.touch(Key::Record(provider.clone(), zone.to_owned(), name.to_owned()));
        Ok(())
    }

    pub(super) fn list_records(
        &mut self,
        provider: &ProviderName,
        fleet: &str,
        zone: &str,
    ) -> Result<BTreeMap<String, RecordSet>, Refusal> {
        let account = self.account_of(provider)?;
        account.check_zone(zone)?;
        let from = (zone.to_owned(), String::new());
        let records = account.records.range(from..);
        let records = records.take_while(|((z, _), _)| z == zone);
        let ours = records.filter(|(_, r)| r.fleet.as_deref() == Some(fleet));
        Ok(ours.map(|((_, n), r)| (n.clone(), r.set.clone())).collect())
    }

    /// Makes a balancer's target so, or takes it out.
    pub(super) fn put_target(
        &mut self,
        provider: &ProviderName,
        balancer: &BalancerName,
        node: NodeId,
        target: Option<&BalancerTarget>,
    ) -> Result<(), Refusal> {
        let account = self.account_of(provider)?;
        account.check_balancer(balancer)?;
        let at = (balancer.clone(), node);
        if account.targets.get(&at) == target {
            return Ok(());
        }
        match target {
            Some(t) => account.targets.insert(at, t.clone()),
            None => account.targets.remove(&at),
        };
        self.touch(Key::Target(provider.clone(), balancer.clone(), node));
        Ok(())
    }

    pub(super) fn list_targets(
        &mut self,
        provider: &ProviderName,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>, Refusal> {
        let account = self.account_of(provider)?;
        account.check_balancer(balancer)?;
        let targets = account.targets.iter();
        let mine = targets.filter(|((b, _), _)| b == balancer);
        Ok(mine.map(|((_, n), t)| (*n, t.clone())).collect())
    }
}

impl Account {
    fn check_zone(&self, zone: &str) -> Result<(), Refusal> {
        match self.config.zones.contains(zone) {
            true => Ok(()),
            false => Err(Refusal::rejected(format!("there is no zone `{zone}`"))),
        }
    }

    fn check_name(&self, zone: &str, name: &str) -> Result<(), Refusal> {
        self.check_zone(zone)?;
        let label = name.strip_suffix(zone);
        match label.is_some_and(|l| l.is_empty() || l.ends_with('.')) {
            true => Ok(()),
            false => Err(Refusal::rejected(format!("`{name}` is not in the zone `{zone}`"))),
        }
    }

    fn check_balancer(&self, balancer: &BalancerName) -> Result<(), Refusal> {
        match self.config.balancers.contains(balancer) {
            true => Ok(()),
            false => Err(Refusal::rejected(format!("there is no balancer `{balancer}`"))),
        }
    }
}
