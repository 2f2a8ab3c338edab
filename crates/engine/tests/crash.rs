//! The process dies at any point of a build, a rotation, a drain and a retirement, with any fault
//! of the dial turned up, and is started again. Whatever happens: nothing is left behind, nothing
//! is made twice, nothing is given up that clients still know, and the job gets done.
//!
//! One seed alone: `DAMM_CRASH_SEED=17 cargo test -p damm-engine --test crash rotation`

#![allow(clippy::unwrap_used)] // A test that can not go on fails.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use damm_catalog::{Catalog, Envelope};
use damm_clouds::sim::Happening;
use damm_engine::{Budget, Engine, Event, Listener};
use damm_fleet::topology::Dial;
use damm_fleet::{FrontdoorId, Node, Role, Span, Subject, Timestamp, Topology};
use damm_planner::Edit;
use support::crash::{Blame, Draw, Fuse};
use support::tap::{Tap, tapped};
use support::{
    Stage, assert_at_rest, assert_nothing_more, by_hand, done, long, nameless, short, topology,
};

/// Cases of each of the four lives: 1,000 together.
const CASES: u64 = 250;
/// Cases of each life where addresses carry no tags.
const NAMELESS: u64 = 150;

/// What an outside observer has seen: who was named by catalogs, and until when.
#[derive(Default)]
struct Witness {
    named: Mutex<BTreeMap<FrontdoorId, Timestamp>>,
    shown: Mutex<BTreeSet<IpAddr>>,
    egress: Mutex<BTreeSet<IpAddr>>,
    breaches: Mutex<Vec<String>>,
}

impl Witness {
    fn read(&self, stage: &Stage) {
        for bytes in stage.files().values() {
            // What a crash cut off in the middle has another name, and nobody reads it.
            let Ok(envelope) = Envelope::from_bytes(bytes) else {
                continue;
            };
            let catalog = Catalog::from_bytes(&envelope.payload).unwrap();
            for front in &catalog.fronts {
                let mut named = self.named.lock().unwrap();
                let until = named.entry(front.id).or_insert(catalog.expires);
                *until = (*until).max(catalog.expires);
                self.shown.lock().unwrap().insert(front.address);
            }
        }
    }

    async fn note_egress(&self, engine: &Engine) {
        let rows = engine.store().resources().await.unwrap();
        let egress = rows.iter().filter(|r| matches!(r.subject, Subject::EgressIp(_)));
        self.egress.lock().unwrap().extend(egress.filter_map(|r| r.address));
    }

    /// Rule 5, from the vendor's own log.
    fn check(&self, stage: &Stage) {
        let named = self.named.lock().unwrap();
        for event in stage.world.events() {
            let Some(Subject::Frontdoor(door)) = event.tag.as_ref().map(|t| t.subject) else {
                continue;
            };
            if event.what == Happening::AddressReleased {
                let until = named.get(&door).copied().unwrap_or_default();
                assert!(
                    event.at >= until,
                    "{door} was given up at {}, named until {until}",
                    event.at
                );
            }
        }
        let shown = self.shown.lock().unwrap();
        let told: Vec<_> = shown.intersection(&self.egress.lock().unwrap()).copied().collect();
        assert_eq!(told, Vec::<IpAddr>::new(), "clients were told egress addresses");
        assert_eq!(*self.breaches.lock().unwrap(), Vec::<String>::new());
    }
}

/// Each fault of the dial in turn, by the case's number; every twelfth case has none.
fn dial(seed: u64) -> Dial {
    let mut dial = Dial { seed, ..Dial::default() };
    let odds = 0.25;
    // Whatever else fails: what is not shown yet is what gets made twice.
    if seed.is_multiple_of(3) {
        dial.late_listing = odds;
    }
    match seed % 12 {
        0 => dial.throttled = odds,
        1 => dial.throttled_silent = odds,
        2 => dial.error_before = odds,
        3 => dial.error_after = odds,
        4 => dial.lost_response = odds,
        // What is both made without an answer and shown late is what duplicates come from.
        5 => (dial.late_listing, dial.lost_response) = (2.0 * odds, odds),
        6 => dial.stuck_create = odds,
        7 => dial.out_of_stock = odds,
        8 => dial.attached_elsewhere = odds,
        9 => dial.slow_delete = odds,
        10 => dial.busy = odds,
        _ => {}
    }
    dial
}

fn turn(stage: &Stage, dial: &Dial) {
    for provider in stage.topology.providers.keys() {
        stage.world.set_dial(provider, dial);
    }
}

/// A life: the world at its beginning, and how many points a clean run of it passes, with and
/// without those of looking alone.
struct Life {
    begin: Stage,
    points: [u64; 2],
}

impl Life {
    async fn new(begin: Stage) -> Self {
        let mut points = [0; 2];
        for (i, hot) in [false, true].into_iter().enumerate() {
            let stage = begin.copy(7 + i as u64).await;
            let fuse = Fuse::at(0, hot);
            let witness = Arc::new(Witness::default());
            let done = run(&stage, &fuse, &witness, long()).await;
            assert!(done, "a clean run does not end");
            points[i] = fuse.passed();
        }
        eprintln!("points of a clean run, all and hot: {points:?}");
        Self { begin, points }
    }

    async fn case(&self, seed: u64) {
        // Ids are never used twice: a case draws others than its beginning did.
        let stage = self.begin.copy(1_000 + seed).await;
        let witness = Arc::new(Witness::default());
        witness.read(&stage);
        let mut draw = Draw(seed);
        turn(&stage, &dial(seed));
        // Up to three crashes in a row, each anywhere in what a whole life takes; a restart begins
        // anew, so later crashes come sooner.
        let mut share = 1;
        for _ in 0..=draw.below(3) {
            let hot = draw.below(4) > 0;
            let within = (self.points[usize::from(hot)] / share).max(10);
            let fuse = Fuse::at(1 + draw.below(within), hot);
            run(&stage, &fuse, &witness, long()).await;
            share *= 2;
        }
        turn(&stage, &Dial::default());
        let fuse = Fuse::at(0, false);
        assert!(run(&stage, &fuse, &witness, long()).await, "it was not finished");
        witness.check(&stage);
    }
}

/// One process: it takes up what was left behind, and goes on until it is done or dies. Tells
/// whether it got done.
async fn run(stage: &Stage, fuse: &Arc<Fuse>, witness: &Arc<Witness>, budget: Budget) -> bool {
    let store = stage.store().await;
    let engine = engine(stage, store.clone().with_tripwire(fuse.tripwire()), fuse, witness);
    let life = async {
        engine.recover().await?;
        engine.settle(budget, "test").await
    };
    let ended = tokio::select! {
        biased;
        ended = life => Some(ended),
        () = fuse.died() => None,
    };
    witness.read(stage);
    let done = match ended {
        Some(Ok(settled)) if !fuse.is_dead() => {
            let done = settled.ended == damm_engine::Ended::Done;
            if done {
                witness.note_egress(&engine).await;
                assert_nothing_more(stage, &engine);
                assert_at_rest(&engine).await;
                let cut = stage.world.events();
                let cut = cut.iter().filter(|e| matches!(e.what, Happening::SessionsCut { .. }));
                assert_eq!(cut.collect::<Vec<_>>(), Vec::<&damm_clouds::sim::Event>::new());
                assert_eq!(store.open_intents().await.unwrap(), []);
            } else if fuse_is_off(fuse) {
                panic!("{settled:#?}");
            }
            done
        }
        Some(Err(e)) if !fuse.is_dead() => panic!("{e}"),
        _ => false,
    };
    witness.note_egress(&engine).await;
    drop(engine);
    store.close().await.unwrap();
    done
}

fn fuse_is_off(fuse: &Fuse) -> bool {
    !fuse.is_dead() && fuse.is_never()
}

fn engine(
    stage: &Stage,
    store: damm_store::Store,
    fuse: &Arc<Fuse>,
    witness: &Arc<Witness>,
) -> Engine {
    let witness = witness.clone();
    let tap: Arc<dyn Tap> = fuse.clone();
    let mut parts = stage.parts(store, tapped(stage.providers(), &tap));
    parts.listener = Listener::new(move |event| {
        if let Event::Breach { what } = event {
            witness.breaches.lock().unwrap().push(what.clone());
        }
    });
    Engine::new(parts)
}

async fn sweep(life: Life, name: &str) {
    sweep_of(CASES, life, name).await;
}

async fn sweep_of(cases: u64, life: Life, name: &str) {
    let seeds = match std::env::var("DAMM_CRASH_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..cases).collect(),
    };
    for seed in seeds {
        let guard = Blame { seed, test: "crash", name };
        life.case(seed).await;
        std::mem::forget(guard);
    }
}

async fn built(seed: u64) -> Stage {
    built_as(seed, topology(|_| {})).await
}

async fn built_as(seed: u64, topology: Topology) -> Stage {
    let stage = Stage::new(topology, seed).await;
    let engine = stage.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    engine.store().clone().close().await.unwrap();
    stage
}

#[tokio::test]
async fn a_crash_anywhere_in_a_build_leaves_nothing_behind() {
    let life = Life::new(Stage::new(topology(|_| {}), 1).await).await;
    sweep(life, "build").await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_nameless_build_leaves_nothing_behind() {
    let life = Life::new(Stage::new(topology(nameless), 11).await).await;
    sweep_of(NAMELESS, life, "nameless_build").await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_nameless_rotation_leaves_nothing_behind() {
    let stage = built_as(12, topology(nameless)).await;
    block_a_door(&stage).await;
    sweep_of(NAMELESS, Life::new(stage).await, "nameless_rotation").await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_rotation_leaves_nothing_behind() {
    let stage = built(2).await;
    block_a_door(&stage).await;
    sweep(Life::new(stage).await, "rotation").await;
}

async fn block_a_door(stage: &Stage) {
    let engine = stage.engine().await;
    let nodes = engine.inventory().await.unwrap();
    let door = *nodes.frontdoors.keys().next().unwrap();
    engine.store().put_verdicts(&stage.blocked(door)).await.unwrap();
    engine.store().clone().close().await.unwrap();
}

#[tokio::test]
async fn a_crash_anywhere_in_a_drain_leaves_nothing_behind() {
    let stage = built(3).await;
    let engine = stage.engine().await;
    engine.inventory().await.unwrap();
    let blueprint = engine.blueprint();
    let egress = blueprint.nodes.values().find(|n| n.role == Role::Egress).unwrap();
    let ip = *egress.egress_ips.keys().next().unwrap();
    by_hand(&stage, &engine, &Edit::DrainEgressIp { egress_ip: ip }).await;
    engine.store().clone().close().await.unwrap();
    sweep(Life::new(stage).await, "drain").await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_retirement_leaves_nothing_behind() {
    let stage =
        built_as(4, topology(|t| t["regions"]["north"]["ingress"]["live"] = 3.into())).await;
    let engine = stage.engine().await;
    engine.inventory().await.unwrap();
    let blueprint = engine.blueprint();
    // The account with two nodes can do without one.
    let ingress = || blueprint.nodes.values().filter(|n| n.role == Role::Ingress);
    let beside = |n: &&Node| ingress().filter(|o| o.provider == n.provider).count() == 2;
    let node = ingress().find(beside).unwrap();
    by_hand(&stage, &engine, &Edit::DrainNode { node: node.id }).await;
    // The drain itself is not what is looked at here: begin when its end is near.
    engine.settle(short(), "test").await.unwrap();
    stage.clock.advance(Span::from_mins(50));
    engine.store().clone().close().await.unwrap();
    sweep(Life::new(stage).await, "retirement").await;
}
