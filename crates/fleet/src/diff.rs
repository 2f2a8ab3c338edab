//! The difference between a blueprint and its parent: what is stored, and what a plan lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::blueprint::{Blueprint, Catalog, RecordKey, RecordSet, Target, TargetKey};
use crate::id::NodeId;
use crate::name::RegionName;
use crate::node::{Node, Role};
use crate::nodes;
use crate::stage::Stage;

/// One entry of a blueprint that differs from its parent's. `to: None` means that it is not there
/// any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Change {
    /// A node, with its front doors and egress addresses.
    Node {
        /// Which.
        key: NodeId,
        /// What it becomes.
        to: Option<Box<Node>>,
    },
    /// A DNS record set.
    Record {
        /// Which.
        key: RecordKey,
        /// What it becomes.
        to: Option<RecordSet>,
    },
    /// A load-balancer target.
    Target {
        /// Which.
        key: TargetKey,
        /// What it becomes.
        to: Option<Target>,
    },
    /// A region's catalogs.
    Catalog {
        /// Which.
        key: RegionName,
        /// What they become.
        to: Option<Catalog>,
    },
}

/// All entries of a blueprint that differ from its parent's, in order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Diff(pub Vec<Change>);

/// The keys of either map whose values differ, with the newer value: first those that are gone.
///
/// Walks both at once: looking each key up in the other map would cost a large fleet's plan dear.
fn changed<K: Ord + Clone, V: Clone>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
    same: impl Fn(&V, &V) -> bool,
) -> impl Iterator<Item = (K, Option<V>)> {
    let (mut gone, mut put) = (Vec::new(), Vec::new());
    let mut old = old.iter().peekable();
    for (key, value) in new {
        while let Some((key, _)) = old.next_if(|(was, _)| *was < key) {
            gone.push((key.clone(), None));
        }
        let was = old.next_if(|(was, _)| *was == key);
        if was.is_none_or(|(_, was)| !same(was, value)) {
            put.push((key.clone(), Some(value.clone())));
        }
    }
    gone.extend(old.map(|(key, _)| (key.clone(), None)));
    gone.into_iter().chain(put)
}

fn apply<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, to: Option<V>) {
    match to {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

impl Diff {
    /// What changes from `old` to `new`.
    pub fn between(old: &Blueprint, new: &Blueprint) -> Self {
        let nodes = changed(old.nodes.shared(), new.nodes.shared(), nodes::same);
        let nodes =
            nodes.map(|(key, to)| Change::Node { key, to: to.map(|n| Box::new((*n).clone())) });
        let records = changed(&old.records, &new.records, PartialEq::eq)
            .map(|(key, to)| Change::Record { key, to });
        let targets = changed(&old.targets, &new.targets, PartialEq::eq)
            .map(|(key, to)| Change::Target { key, to });
        let catalogs = changed(&old.catalogs, &new.catalogs, PartialEq::eq)
            .map(|(key, to)| Change::Catalog { key, to });
        Self(nodes.chain(records).chain(targets).chain(catalogs).collect())
    }

    /// Whether nothing changes.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes these changes to a blueprint's entries; its header stays.
    pub fn apply(self, blueprint: &mut Blueprint) {
        for change in self.0 {
            match change {
                Change::Node { key, to: Some(node) } => drop(blueprint.nodes.insert(key, node)),
                Change::Node { key, to: None } => drop(blueprint.nodes.remove(&key)),
                Change::Record { key, to } => apply(&mut blueprint.records, key, to),
                Change::Target { key, to } => apply(&mut blueprint.targets, key, to),
                Change::Catalog { key, to } => apply(&mut blueprint.catalogs, key, to),
            }
        }
    }

    /// The contract's verbs that lead from `old` to these changes, in order of their nodes.
    ///
    /// DNS records, balancer targets and removals of what is gone are no verbs of their own:
    /// they are steps inside one.
    pub fn actions(&self, old: &Blueprint) -> Vec<Action> {
        let mut actions = Vec::new();
        for change in &self.0 {
            match change {
                Change::Node { key, to: Some(new) } => match old.nodes.get(key) {
                    None => actions.push(create(new)),
                    Some(node) => edit(node, new, &mut actions),
                },
                Change::Catalog { key, to: Some(c) } => {
                    let (region, serial) = (key.clone(), c.serial);
                    actions.push(Action::PublishEndpointCatalog { region, serial });
                }
                _ => {}
            }
        }
        actions
    }
}

fn create(node: &Node) -> Action {
    let (id, region) = (node.id, node.region.clone());
    let (provider, profile) = (node.provider.clone(), node.profile.clone());
    match node.role {
        Role::Ingress => Action::CreateIngress {
            node: id,
            region,
            provider,
            profile,
            duty: node.duty,
            frontdoors: node.frontdoors.keys().copied().collect(),
        },
        Role::Egress => Action::CreateEgress {
            node: id,
            region,
            provider,
            profile,
            egress_ips: node.egress_ips.keys().copied().collect(),
        },
    }
}

/// The stage that something has come into, if it is another one than before.
fn entered<'a>(old: Option<&Stage>, new: &'a Stage) -> Option<&'a Stage> {
    let same = old.is_some_and(|old| old.name() == new.name());
    (!same).then_some(new)
}

fn edit(old: &Node, new: &Node, actions: &mut Vec<Action>) {
    let (node, region) = (new.id, new.region.clone());
    match entered(Some(&old.stage), &new.stage) {
        Some(Stage::Draining { .. }) => {
            return actions.push(Action::DrainNode { node, region });
        }
        Some(Stage::Leaving { .. }) => {
            return actions.push(Action::RetireNode { node, region });
        }
        _ => {}
    }
    edit_doors(old, new, actions);
    edit_ips(old, new, actions);
}

fn edit_doors(old: &Node, new: &Node, actions: &mut Vec<Action>) {
    let (node, region) = (new.id, &new.region);
    let made = new.frontdoors.keys().filter(|id| !old.frontdoors.contains_key(id));
    let frontdoors: Vec<_> = made.copied().collect();
    if !frontdoors.is_empty() {
        let region = region.clone();
        actions.push(Action::AllocateIngressFrontdoors { node, region, frontdoors });
    }
    for door in new.frontdoors.values() {
        let (frontdoor, region) = (door.id, region.clone());
        match entered(old.frontdoors.get(&door.id).map(|d| &d.stage), &door.stage) {
            Some(Stage::Draining { .. }) => {
                actions.push(Action::DrainFrontdoor { frontdoor, node, region });
            }
            Some(Stage::Leaving { .. }) => {
                actions.push(Action::ReleaseFrontdoor { frontdoor, node, region });
            }
            _ => {}
        }
    }
}

fn edit_ips(old: &Node, new: &Node, actions: &mut Vec<Action>) {
    let (node, region) = (new.id, &new.region);
    let made = new.egress_ips.keys().filter(|id| !old.egress_ips.contains_key(id));
    let egress_ips: Vec<_> = made.copied().collect();
    if !egress_ips.is_empty() {
        let region = region.clone();
        actions.push(Action::AllocateEgressIps { node, region, egress_ips });
    }
    for ip in new.egress_ips.values() {
        let (egress_ip, region) = (ip.id, region.clone());
        match entered(old.egress_ips.get(&ip.id).map(|e| &e.stage), &ip.stage) {
            Some(Stage::Draining { .. }) => {
                actions.push(Action::DrainEgressIp { egress_ip, node, region });
            }
            Some(Stage::Leaving { .. }) => {
                actions.push(Action::ReleaseEgressIp { egress_ip, node, region });
            }
            _ => {}
        }
    }
}
