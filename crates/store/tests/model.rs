//! Random histories: the state answers as a simple picture of it in memory does, at every moment
//! and after it is opened again.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{
    Blueprint, BlueprintId, Diff, Node, NodeId, Origin, Phase, Resource, Role, Seed, Subject,
    Timestamp,
};
use damm_store::{Error, Exposure, LedgerFilter, Outcome, Store};
use proptest::prelude::*;
use proptest::test_runner::Config;
use world::*;

const PHASES: [Phase; 9] = [
    Phase::Wanted,
    Phase::Creating,
    Phase::Unknown,
    Phase::Present,
    Phase::Ready,
    Phase::Deleting,
    Phase::Gone,
    Phase::Refused,
    Phase::Ambiguous,
];

/// One thing that happens to a state. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    /// A target with a new node.
    Grow { addresses: usize },
    /// A target without some node.
    Shrink { which: usize },
    /// A target with some node, record and catalog changed.
    Change { which: usize },
    /// A target from the target before the last one.
    Stale,
    /// Something is observed.
    Observe { which: usize, phase: usize },
    /// A step begins.
    Begin { which: usize, phase: usize },
    /// A step ends; it may not exist, or have ended.
    End { which: usize, phase: usize },
    /// A front door is told of.
    Expose { which: usize, until: i64 },
    /// The state is closed, or dropped, and opened again.
    Reopen { close: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let phase = 0..PHASES.len();
    prop_oneof![
        3 => (0..3usize).prop_map(|addresses| Step::Grow { addresses }),
        3 => (0..9usize).prop_map(|which| Step::Shrink { which }),
        2 => (0..9usize).prop_map(|which| Step::Change { which }),
        1 => Just(Step::Stale),
        6 => (0..30usize, phase.clone()).prop_map(|(which, phase)| Step::Observe { which, phase }),
        3 => (0..30usize, phase.clone()).prop_map(|(which, phase)| Step::Begin { which, phase }),
        3 => (0..9usize, phase).prop_map(|(which, phase)| Step::End { which, phase }),
        1 => (0..30usize, 0..50i64).prop_map(|(which, until)| Step::Expose { which, until }),
        1 => any::<bool>().prop_map(|close| Step::Reopen { close }),
    ]
}

/// What the state should hold.
struct Model {
    seed: Seed,
    history: Vec<Blueprint>,
    rows: BTreeMap<Subject, Resource>,
    known: BTreeSet<Subject>,
    /// Each step's subject, and whether it ended.
    steps: Vec<(Subject, bool)>,
    exposures: BTreeMap<Subject, Timestamp>,
    audited: u64,
}

impl Model {
    fn new() -> Self {
        Self {
            seed: Seed::from_number(1),
            history: vec![Blueprint::genesis(BlueprintId::from_raw(0), Timestamp::EPOCH)],
            rows: BTreeMap::new(),
            known: BTreeSet::new(),
            steps: Vec::new(),
            exposures: BTreeMap::new(),
            audited: 0,
        }
    }

    fn target(&self) -> &Blueprint {
        self.history.last().unwrap()
    }

    fn child(&mut self) -> Blueprint {
        let id = self.seed.blueprint();
        self.target().child(id, at(self.history.len() as i64), Origin::Planner)
    }

    fn some_node(&self, which: usize) -> Option<NodeId> {
        let nodes: Vec<_> = self.target().nodes.keys().collect();
        nodes.get(which.checked_rem(nodes.len())?).map(|id| **id)
    }

    /// A row of something that was ever known, with another phase.
    fn some_row(&self, which: usize, phase: usize) -> Option<Resource> {
        let known: Vec<_> = self.known.iter().collect();
        let subject = **known.get(which.checked_rem(known.len())?)?;
        let node = NodeId::from_raw(7);
        let mut row = Resource::wanted(subject, node, "sim-a".parse().unwrap(), at(3));
        row.phase = PHASES[phase];
        Some(row)
    }

    fn put(&mut self, row: Resource) {
        if row.phase != Phase::Gone || self.rows.contains_key(&row.subject) {
            self.rows.insert(row.subject, row);
        }
    }

    /// What setting a target should do.
    fn adopt(&mut self, next: &Blueprint) -> Result<(), &'static str> {
        let of = |b: &Blueprint| b.nodes.values().flat_map(subjects).collect::<BTreeSet<_>>();
        let (old, new) = (of(self.target()), of(next));
        let lost = |s: &&Subject| self.rows.get(*s).is_some_and(|r| r.phase.may_exist());
        if old.difference(&new).find(lost).is_some() {
            return Err("still there");
        }
        for subject in old.difference(&new) {
            self.rows.remove(subject);
            self.exposures.remove(subject);
        }
        for node in next.nodes.values() {
            for subject in subjects(node).into_iter().filter(|s| !old.contains(s)) {
                let provider = node.provider.clone();
                let row = Resource::wanted(subject, node.id, provider, next.created_at);
                self.rows.entry(subject).or_insert(row);
                self.known.insert(subject);
            }
        }
        self.history.push(next.clone());
        self.audited += 1;
        Ok(())
    }

    async fn set(&mut self, store: &Store, next: Blueprint) {
        let expected = self.adopt(&next);
        match (set(store, &next).await, expected) {
            (Ok(()), Ok(())) | (Err(Error::StillThere { .. }), Err(_)) => {}
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }

    async fn take(&mut self, step: Step, room: &Room, store: Store) -> Store {
        match step {
            Step::Grow { addresses } => {
                let node = self.node(addresses);
                let mut next = self.child();
                next.nodes.insert(node.id, node);
                self.set(&store, next).await;
            }
            Step::Shrink { which } => {
                if let Some(id) = self.some_node(which) {
                    let mut next = self.child();
                    next.nodes.remove(&id);
                    self.set(&store, next).await;
                }
            }
            Step::Change { which } => {
                let next = self.changed(which);
                self.set(&store, next).await;
            }
            Step::Stale => self.stale(&store).await,
            Step::Observe { which, phase } => {
                if let Some(row) = self.some_row(which, phase) {
                    store.put_resources(std::slice::from_ref(&row)).await.unwrap();
                    self.put(row);
                }
            }
            Step::Begin { which, phase } => self.begin(&store, which, phase).await,
            Step::End { which, phase } => self.end(&store, which as u64, phase).await,
            Step::Expose { which, until } => self.expose(&store, which, until).await,
            Step::Reopen { close } => {
                match close {
                    true => store.close().await.unwrap(),
                    false => drop(store),
                }
                return room.write().await.unwrap();
            }
        }
        store
    }

    fn node(&mut self, addresses: usize) -> Node {
        let role = [Role::Ingress, Role::Egress][self.history.len() % 2];
        node(&mut self.seed, role, addresses)
    }

    fn changed(&mut self, which: usize) -> Blueprint {
        let picked = self.some_node(which);
        let extra = door(&mut self.seed);
        let mut next = self.child();
        if let Some(node) = picked.and_then(|id| next.nodes.get_mut(&id)) {
            node.machine = format!("m{which}");
            match which % 3 {
                0 => drop(node.frontdoors.insert(extra.id, extra)),
                1 => {
                    let first = node.frontdoors.keys().next().copied();
                    first.map(|id| node.frontdoors.remove(&id));
                }
                _ => {}
            }
            let (key, target) = balancer_target(node.id);
            next.targets.insert(key, target);
        } else {
            next.targets.clear();
        }
        let (key, set) = record(&format!("r{}", which % 4), which as u8);
        match which % 5 {
            0 => drop(next.records.remove(&key)),
            _ => drop(next.records.insert(key, set)),
        }
        next.catalogs.extend([catalog(next.generation)]);
        next
    }

    async fn stale(&mut self, store: &Store) {
        let Some(before) = self.history.len().checked_sub(2) else {
            return;
        };
        let late = self.history[before].child(self.seed.blueprint(), at(1), Origin::Planner);
        let (diff, report) = (Diff::default(), serde_json::Value::Null);
        let refused = store.set_target(&late, &diff, &report, "late").await;
        let (was, is) = (self.history[before].id, self.target().id);
        assert!(
            matches!(
                refused,
                Err(Error::Stale { parent, target }) if parent == was && target == is
            ),
            "{refused:?}"
        );
    }

    async fn begin(&mut self, store: &Store, which: usize, phase: usize) {
        let subject = self.seed.egress_ip().into();
        let (row, intent) = (self.some_row(which, phase), intent(self.target(), subject, "k"));
        let seq = store.begin(&intent, row.as_ref()).await.unwrap();
        self.steps.push((subject, false));
        assert_eq!(seq, self.steps.len() as u64);
        row.into_iter().for_each(|row| self.put(row));
    }

    async fn end(&mut self, store: &Store, seq: u64, phase: usize) {
        let row = self.some_row(seq as usize, phase);
        let settled = Outcome::Settled { found: "absent".to_owned() };
        let ended = store.end(seq, &settled, row.as_ref(), at(4)).await;
        let place = (seq as usize).checked_sub(1);
        match (place.and_then(|i| self.steps.get_mut(i)), ended) {
            (None, Err(Error::NoIntent { .. })) => {}
            (Some((_, true)), Err(Error::EndedTwice { .. })) => {}
            (Some((_, ended @ false)), Ok(())) => {
                *ended = true;
                row.into_iter().for_each(|row| self.put(row));
            }
            (step, ended) => panic!("step {seq}, {step:?}: {ended:?}"),
        }
    }

    async fn expose(&mut self, store: &Store, which: usize, until: i64) {
        let doors = self.known.iter().filter_map(|s| match s {
            Subject::Frontdoor(id) => Some(*id),
            _ => None,
        });
        let doors: Vec<_> = doors.collect();
        let Some(index) = which.checked_rem(doors.len()) else {
            return;
        };
        let exposure = Exposure { named_until: Some(at(until)), ..Exposure::default() };
        store.expose(&[(doors[index], exposure)]).await.unwrap();
        let raised = self.exposures.entry(doors[index].into()).or_insert(at(until));
        *raised = at(until).max(*raised);
    }

    async fn compare(&self, store: &Store) {
        assert_eq!(store.target().await.unwrap(), *self.target());
        let rows: Vec<_> = self.rows.values().cloned().collect();
        assert_eq!(store.resources().await.unwrap(), rows);
        let open = store.open_intents().await.unwrap();
        let expected = self.steps.iter().zip(1u64..).filter(|((_, ended), _)| !ended);
        let expected: Vec<u64> = expected.map(|(_, seq)| seq).collect();
        assert_eq!(open.iter().map(|o| o.seq).collect::<Vec<_>>(), expected);
        let exposures = store.exposures().await.unwrap();
        let exposures: BTreeMap<Subject, Timestamp> =
            exposures.into_iter().map(|(door, e)| (door.into(), e.named_until.unwrap())).collect();
        assert_eq!(exposures, self.exposures);
    }

    /// Looks at the whole past, which is too slow for every step.
    async fn compare_history(&self, store: &Store) {
        let mut replayed = self.history[0].clone();
        for (blueprint, parent) in self.history[1..].iter().zip(&self.history) {
            let (summary, diff) = store.blueprint_diff(blueprint.id).await.unwrap().unwrap();
            assert_eq!((summary.id, summary.parent), (blueprint.id, Some(parent.id)));
            assert_eq!(diff, Diff::between(parent, blueprint));
            replayed = replayed.child(blueprint.id, blueprint.created_at, Origin::Planner);
            diff.apply(&mut replayed);
            assert_eq!(replayed, *blueprint);
        }
        let steps = self.steps.iter().map(|(subject, _)| subject);
        for subject in self.known.iter().chain(steps) {
            assert!(store.ever_known(*subject).await.unwrap(), "{subject}");
        }
        let ledger = store.ledger(&LedgerFilter::default()).await.unwrap();
        assert_eq!(ledger.len(), self.steps.len());
        assert_eq!(store.verify_audit().await.unwrap(), self.audited);
        store.check().await.unwrap();
    }
}

async fn live(steps: Vec<Step>) {
    let (room, mut model) = (Room::new(), Model::new());
    let mut store = room.write().await.unwrap();
    for step in steps {
        store = model.take(step, &room, store).await;
        model.compare(&store).await;
    }
    model.compare_history(&store).await;
    store.close().await.unwrap();
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_state_answers_as_its_model_does(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(steps));
    }
}
