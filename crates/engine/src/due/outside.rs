//! What DNS servers, load balancers and catalog channels should be told.

use std::collections::BTreeSet;

use damm_fleet::blueprint::{RecordKey, RecordSet, TargetKey};
use damm_fleet::{NodeId, ProviderName, RegionName, Verb};

use super::view::View;
use super::{Due, Held, Hold};
use crate::step::{Call, Step};

pub(super) fn records(view: &View<'_>, due: &mut Due) {
    let wanted = &view.blueprint.records;
    let told = &view.told.records;
    for (key, set) in wanted {
        if told.get(key).is_none_or(|(t, _)| t != set) {
            put(view, key, set.clone(), due);
        }
    }
    for (key, (set, _)) in told.iter().filter(|(k, _)| !wanted.contains_key(k)) {
        let addresses = BTreeSet::new();
        let ttl = set.ttl;
        put(view, key, RecordSet { addresses, ttl }, due);
    }
}

fn put(view: &View<'_>, key: &RecordKey, set: RecordSet, due: &mut Due) {
    let object = format!("{} @ {}/{}", key.name, key.provider, key.zone);
    if !view.topology.providers.contains_key(&key.provider) {
        return no_way(object, format!("provider {}", key.provider), due);
    }
    due.steps.push(Step {
        verb: Verb::PublishEndpointCatalog,
        key: format!("{object}.{}", view.blueprint.generation),
        object,
        subject: None,
        provider: Some(key.provider.clone()),
        call: Call::PutRecords { key: key.clone(), set },
    });
}

fn no_way(object: String, missing: String, due: &mut Due) {
    let hold = Hold::NoWay { missing };
    let until = None;
    due.held.push(Held { object, hold, until });
}

pub(super) fn targets(view: &View<'_>, due: &mut Due) {
    let wanted = &view.blueprint.targets;
    let told = &view.told.targets;
    for (key, target) in wanted.iter().filter(|(k, t)| told.get(k) != Some(t)) {
        let (key, target) = (key.clone(), target.clone());
        balance(view, Call::PutTarget { key, target }, due);
    }
    for key in told.keys().filter(|k| !wanted.contains_key(k)) {
        balance(view, Call::RemoveTarget { key: key.clone() }, due);
    }
}

fn balance(view: &View<'_>, call: Call, due: &mut Due) {
    let (key, verb) = match &call {
        Call::PutTarget { key, target } if target.draining => (key, Verb::DrainNode),
        Call::RemoveTarget { key } => (key, Verb::RetireNode),
        Call::PutTarget { key, .. } => (key, Verb::CreateIngress),
        _ => return,
    };
    let object = format!("{} behind {}", key.node, key.balancer);
    let Some(provider) = account(view, key) else {
        return no_way(object, format!("balancer {}", key.balancer), due);
    };
    due.steps.push(Step {
        verb,
        key: format!("{object}.{}", view.blueprint.generation),
        object,
        subject: Some(NodeId::into(key.node)),
        provider: Some(provider),
        call,
    });
}

fn account(view: &View<'_>, key: &TargetKey) -> Option<ProviderName> {
    let mut balancers = view.topology.balancers.iter();
    let balancer = balancers.find(|b| b.name == key.balancer)?;
    Some(balancer.provider.clone())
}

pub(super) fn catalogs(view: &View<'_>, due: &mut Due) {
    let wanted = &view.blueprint.catalogs;
    let told = &view.told.catalogs;
    for (region, catalog) in wanted {
        if told.get(region).is_none_or(|t| t.serial < catalog.serial) {
            let (region, serial) = (region.clone(), catalog.serial);
            publish(view, Call::Publish { region, serial }, due);
        }
    }
    for region in told.keys().filter(|r| !wanted.contains_key(*r)) {
        let region = region.clone();
        publish(view, Call::Withdraw { region }, due);
    }
}

/// Channels that lag behind, but for those that are about to be published to.
pub(super) fn channels(view: &View<'_>, due: &mut Due) {
    let described = |state: &str| view.topology.catalog.channels.iter().any(|c| c.state() == state);
    let serial = |region: &RegionName| view.told.catalogs.get(region).map(|t| t.serial);
    for (channel, region) in view.lags.keys().filter(|(channel, _)| described(channel)) {
        if view.blueprint.catalogs.get(region).map(|c| c.serial) > serial(region) {
            continue;
        }
        due.steps.push(Step {
            verb: Verb::PublishEndpointCatalog,
            object: format!("{region} to {channel}"),
            subject: None,
            provider: None,
            key: format!("{region} to {channel}.{}", view.blueprint.generation),
            call: Call::CatchUp { channel: channel.clone(), region: region.clone() },
        });
    }
}

fn publish(view: &View<'_>, call: Call, due: &mut Due) {
    let (Call::Publish { region, .. } | Call::Withdraw { region }) = &call else {
        return;
    };
    due.steps.push(Step {
        verb: Verb::PublishEndpointCatalog,
        object: region.to_string(),
        subject: None,
        provider: None,
        key: format!("{region}.{}", view.blueprint.generation),
        call,
    });
}
