//! The life of a fleet at a vendor, which outlives the processes that work on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use damm_engine::{Ended, Engine, Settled};
use damm_fleet::{Blueprint, RegionName, Role, Span, Subject, Topology};
use damm_planner::Edit;
use serde_json::json;

use super::FLEET;
use super::accounts::CLOUDFLARE;
use super::crew::Crew;
use super::far::{ACCOUNTS, Far, Vendor, account};
use super::support::crash::{Draw, Fuse};
use super::support::tap::{Tap, tapped};
use super::support::{Stage, assert_at_rest, by_hand, long, topology};
use super::trials::{Crashes, Faults, Trial, tripwire};

/// What happens in a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A fleet is built.
    Build,
    /// An egress address is drained.
    DrainAddress,
    /// A front door is blocked.
    Block,
    /// A node is drained.
    DrainNode,
}

impl Part {
    pub const ALL: [Self; 4] = [Self::Build, Self::DrainAddress, Self::Block, Self::DrainNode];
}

/// A life's parts, each with its crashes.
pub type Course = Vec<(Part, Crashes)>;

/// Longer than any listing lags.
const A_WHILE: Span = Span::from_mins(2);

/// A fleet at a vendor, with its agents.
pub struct Life {
    vendor: &'static Vendor,
    stage: Stage,
    far: Arc<Far>,
    crew: Arc<Crew>,
}

/// Two accounts at a vendor, with names to follow the doors. One of them holds two ingress nodes,
/// so it can do without one of them. A second region stands in one account alone: its balancer can
/// only be told of machines that are there.
fn fleet(vendor: &Vendor) -> Topology {
    topology(|t| {
        // Where it is found matters to adapters alone.
        let at = |vendor, asn| account(vendor, asn, "http://127.0.0.1:1");
        for (name, asn, ..) in ACCOUNTS {
            t["providers"][name] = at(vendor, asn);
        }
        let (holder, zone) = vendor.names();
        if vendor.zone.is_none() {
            t["providers"][holder] = at(&CLOUDFLARE, 64_502);
        }
        for (profile, key) in [("edge", "frontdoors"), ("nat", "egress_ips")] {
            t["profiles"][profile]["machine"] = json!({ vendor.kind: vendor.size });
            t["profiles"][profile][key] = vendor.addresses.into();
        }
        t["regions"]["north"]["ingress"]["live"] = 3.into();
        t["dns"][0]["provider"] = holder.into();
        t["dns"][0]["zone"] = zone.into();
        t["balancers"] = json!([]);
        if let Some(name) = vendor.balancer {
            t["regions"]["south"] = json!({
                "ingress": { "profile": "edge", "live": 1, "providers": ["left"] },
                "egress": { "profile": "nat", "nodes": 1, "providers": ["left"] },
            });
            t["balancers"] =
                json!([{ "name": name, "provider": "left", "region": "south", "port": 443 }]);
        }
    })
}

impl Life {
    pub async fn new(vendor: &'static Vendor, seed: u64) -> Self {
        let stage = Stage::new(fleet(vendor), 1_000 + seed).await;
        let far = Arc::new(Far::new(vendor, &stage.clock));
        let clouds = far.seen().into_values().filter_map(|parts| parts.cloud).collect();
        let crew = Arc::new(Crew::new(clouds, stage.clock.clone()));
        Self { vendor, stage, far, crew }
    }

    /// A whole life; how many points the longest process of each part has passed.
    pub async fn live(&self, course: &Course, faults: Faults, seed: u64) -> Vec<u64> {
        let mut draw = Draw(seed);
        let mut points = Vec::new();
        for (part, crashes) in course {
            self.begin(*part).await;
            faults.turn(&self.far);
            let mut most = 0;
            for (at, hot) in crashes.drawn(&mut draw) {
                let fuse = Fuse::at(at, hot);
                self.run(&fuse, faults).await;
                most = most.max(fuse.passed());
                if !fuse.is_dead() {
                    break;
                }
            }
            points.push(most);
            Faults::None.turn(&self.far);
            self.finish().await;
        }
        points
    }

    /// The last process of a part, to which nothing happens.
    async fn finish(&self) {
        let fuse = Fuse::at(0, true);
        let settled = self.run(&fuse, Faults::None).await;
        let done = settled.as_ref().is_some_and(|s| s.ended == Ended::Done);
        assert!(done, "it was not finished: {settled:#?}");
        self.assert_exact().await;
    }

    async fn engine(&self, fuse: &Arc<Fuse>, faults: Faults) -> Engine {
        let store = self.stage.store().await.with_tripwire(tripwire(fuse.clone()));
        let mut providers = self.stage.providers();
        self.far.connect(&mut providers);
        providers.agents = self.crew.clone();
        let tap: Arc<dyn Tap> = Arc::new(Trial::new(fuse.clone(), self.far.clone(), faults));
        self.stage.engine_over(store, tapped(providers, &tap))
    }

    /// One process: it takes up what was left behind, and goes on until it ends or dies.
    async fn run(&self, fuse: &Arc<Fuse>, faults: Faults) -> Option<Settled> {
        let engine = self.engine(fuse, faults).await;
        let life = async {
            engine.recover().await?;
            engine.settle(long(), "test").await
        };
        let ended = tokio::select! {
            biased;
            ended = life => Some(ended),
            () = fuse.died() => None,
        };
        let settled = match ended {
            Some(Ok(settled)) if !fuse.is_dead() => Some(settled),
            Some(Err(e)) if !fuse.is_dead() => panic!("{e}"),
            _ => None,
        };
        if settled.as_ref().is_some_and(|s| s.ended == Ended::Done) {
            assert_at_rest(&engine).await;
            assert_eq!(engine.store().open_intents().await.unwrap(), []);
        }
        close(engine).await;
        self.far.idle().await;
        settled
    }

    /// What exists is what the target wants, once each.
    async fn assert_exact(&self) {
        // What was made and is not listed yet would be seen by nobody.
        self.stage.clock.advance(A_WHILE);
        let store = self.stage.store().await;
        let (blueprint, rows) = (store.target().await.unwrap(), store.resources().await.unwrap());
        store.close().await.unwrap();
        let known = |subject| rows.iter().find(|r| r.subject == subject).and_then(|r| r.address);
        let (machines, addresses): (Vec<_>, Vec<_>) = self.crew.there().await.into_iter().unzip();
        let (machines, addresses) = (machines.concat(), addresses.concat());
        let mut there: Vec<_> = machines.iter().map(|m| m.tag.as_ref().unwrap().subject).collect();
        there.sort();
        let nodes: Vec<_> = blueprint.nodes.keys().map(|id| Subject::Node(*id)).collect();
        assert_eq!(there, nodes, "machines");
        let doors = blueprint.nodes.values().flat_map(|n| {
            let eips = n.egress_ips.keys().map(|e| Subject::EgressIp(*e));
            n.frontdoors.keys().map(|d| Subject::Frontdoor(*d)).chain(eips)
        });
        // By address: not every vendor's addresses carry tags.
        let wanted: BTreeMap<_, _> = doors.map(|s| (known(s).unwrap(), s)).collect();
        let there: Vec<_> = addresses.iter().map(|a| a.address).collect();
        assert_eq!(there.len(), wanted.len(), "addresses: {there:?} for {wanted:?}");
        assert_eq!(BTreeSet::from_iter(there), wanted.into_keys().collect(), "addresses");
        assert_eq!(self.crew.twice(), BTreeSet::new(), "made twice");
        self.assert_outside(&blueprint).await;
    }

    /// Records and targets are those that the target wants, and no others.
    async fn assert_outside(&self, blueprint: &Blueprint) {
        let (mut seen, (holder, zone)) = (self.far.seen(), self.vendor.names());
        let names = seen.remove(holder).unwrap();
        let records = names.dns.unwrap().list_records(FLEET, zone).await.unwrap();
        let wanted = &blueprint.records;
        assert!(!wanted.is_empty(), "no name is asked for");
        assert_eq!(records.len(), wanted.len(), "names: {records:?} for {wanted:?}");
        for (key, set) in wanted {
            let (there, name) = (&records[&key.name], &key.name);
            assert_eq!(there.addresses, set.addresses, "records of {name}");
        }
        let Some(balancer) = self.vendor.balancer else { return };
        let left = self.far.seen().remove("left").unwrap().balancer.unwrap();
        let targets = left.list_targets(&balancer.parse().unwrap()).await.unwrap();
        let targets: BTreeSet<_> = targets.into_keys().collect();
        let wanted: BTreeSet<_> = blueprint.targets.keys().map(|key| key.node).collect();
        assert!(!wanted.is_empty(), "no target is asked for");
        assert_eq!(targets, wanted, "targets");
    }

    /// A life's next part: it is due from now on.
    async fn begin(&self, part: Part) {
        // Nobody is called.
        let engine = self.stage.engine().await;
        let blueprint = engine.blueprint();
        let north: RegionName = "north".parse().unwrap();
        let nodes = blueprint.nodes.values().filter(|n| n.region == north);
        let of = |role| nodes.clone().filter(move |n| n.role == role);
        let edit = match part {
            Part::DrainAddress => {
                let egress_ips = of(Role::Egress).flat_map(|n| n.egress_ips.keys());
                Some(Edit::DrainEgressIp { egress_ip: *egress_ips.min().unwrap() })
            }
            Part::Block => {
                let doors = of(Role::Ingress).flat_map(|n| n.frontdoors.keys());
                let verdicts = self.stage.blocked(*doors.min().unwrap());
                engine.store().put_verdicts(&verdicts).await.unwrap();
                None
            }
            Part::DrainNode => {
                let twice = |provider| of(Role::Ingress).filter(|n| n.provider == provider).count();
                let node = of(Role::Ingress).find(|n| twice(n.provider.clone()) >= 2).unwrap();
                Some(Edit::DrainNode { node: node.id })
            }
            Part::Build => None,
        };
        if let Some(edit) = edit {
            by_hand(&self.stage, &engine, &edit).await;
        }
        close(engine).await;
    }
}

async fn close(engine: Engine) {
    let store = engine.store().clone();
    drop(engine);
    store.close().await.unwrap();
}
