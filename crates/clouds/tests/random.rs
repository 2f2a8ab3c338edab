//! Random calls under random faults against what must hold of every cloud at every moment.
#![allow(clippy::unwrap_used)]

mod stage;

use std::collections::{BTreeMap, BTreeSet};

use damm_clouds::sim::Standing;
use damm_clouds::traits::Result;
use damm_fleet::{FailureClass, Span};
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use stage::{FLEET, Stage, a};

const QUOTA: usize = 5;
const MAX_ADDRESSES: usize = 2;

#[derive(Debug, Clone)]
enum Op {
    Create,
    Delete(usize),
    Allocate,
    Attach(usize, usize),
    Detach(usize),
    Release(usize),
    Snatch(usize),
    Wait(u64),
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let n = 0..12usize;
    prop_oneof![
        4 => Just(Op::Create),
        2 => n.clone().prop_map(Op::Delete),
        4 => Just(Op::Allocate),
        6 => (n.clone(), n.clone()).prop_map(|(x, y)| Op::Attach(x, y)),
        2 => n.clone().prop_map(Op::Detach),
        2 => n.clone().prop_map(Op::Release),
        1 => n.prop_map(Op::Snatch),
        3 => (0..120u64).prop_map(Op::Wait),
        1 => Just(Op::Restart),
    ]
}

fn faults() -> impl Strategy<Value = Value> {
    let odds = || prop_oneof![3 => Just(0.0), 1 => 0.0..0.4f64];
    let eight = prop::array::uniform8(odds());
    (any::<u32>(), eight, odds(), odds()).prop_map(|(seed, o, slow, stuck)| {
        json!({
            "seed": seed, "throttled": o[0], "throttled_silent": o[1], "error_before": o[2],
            "error_after": o[3], "lost_response": o[4], "late_listing": o[5],
            "attached_elsewhere": o[6], "busy": o[7], "slow_delete": slow, "stuck_create": stuck,
        })
    })
}

struct Play {
    stage: Stage,
    /// Names of all that was ever seen to be made.
    machines: Vec<String>,
    addresses: Vec<String>,
}

impl Play {
    async fn new(faults: Value, movable: bool) -> Self {
        let settings = json!({
            "quota": QUOTA, "max_addresses": MAX_ADDRESSES, "faults": faults,
            "movable_addresses": movable, "prefixes": ["192.0.2.0/28"],
        });
        Self { stage: Stage::new(settings).await, machines: Vec::new(), addresses: Vec::new() }
    }

    fn audit(&self) -> Standing {
        self.stage.world().audit()[&a()].clone()
    }

    fn machine(&self, n: usize) -> String {
        pick(&self.machines, n)
    }

    fn address(&self, n: usize) -> String {
        pick(&self.addresses, n)
    }

    async fn play(&mut self, op: &Op) -> Result<()> {
        let cloud = self.stage.cloud();
        match op {
            Op::Create => {
                let order = self.stage.machine_order();
                let made = cloud.create_machine(&order).await?;
                self.machines.push(made.provider_ref);
            }
            Op::Allocate => {
                let order = self.stage.address_order();
                let made = cloud.allocate_address(&order).await?;
                self.addresses.push(made.provider_ref);
            }
            Op::Attach(x, y) => cloud.attach_address(&self.address(*x), &self.machine(*y)).await?,
            Op::Delete(x) => cloud.delete_machine(&self.machine(*x)).await?,
            Op::Detach(x) => cloud.detach_address(&self.address(*x)).await?,
            Op::Release(x) => cloud.release_address(&self.address(*x)).await?,
            Op::Snatch(x) => {
                let gone = self.stage.world().delete_behind_our_back(&a(), &self.machine(*x)).await;
                gone.unwrap();
            }
            Op::Wait(secs) => self.stage.wait(Span::from_secs(*secs)),
            Op::Restart => self.stage.restart().await,
        }
        Ok(())
    }
}

fn pick(names: &[String], n: usize) -> String {
    let name = names.get(n % names.len().max(1));
    name.cloned().unwrap_or_else(|| "no-such".to_owned())
}

/// What must hold of all that stands.
fn check(world: &Standing) {
    assert!(world.machines.len() <= QUOTA, "more machines than the quota");
    let own = world.machines.iter().map(|m| m.address);
    let ips: Vec<_> = own.chain(world.addresses.iter().map(|a| a.address)).collect();
    let different: BTreeSet<_> = ips.iter().collect();
    assert_eq!(different.len(), ips.len(), "an address was given twice: {ips:?}");
    let standing: BTreeSet<_> = world.machines.iter().map(|m| &m.provider_ref).collect();
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    for to in world.addresses.iter().filter_map(|a| a.attached_to.as_deref()) {
        let stranger = to.ends_with("-taker");
        assert!(stranger || standing.contains(&to.to_owned()), "attached to {to}, which is gone");
        *held.entry(to).or_default() += 1;
    }
    assert!(held.values().all(|n| *n <= MAX_ADDRESSES), "{held:?}");
}

/// A refusal that says that nothing was done has done nothing.
fn check_refusal(class: FailureClass, before: &Standing, after: &Standing) {
    let names = |s: &Standing| {
        let machines = s.machines.iter().map(|m| (m.provider_ref.clone(), m.state));
        let addresses = s.addresses.iter().map(|a| a.provider_ref.clone());
        (machines.collect::<Vec<_>>(), addresses.collect::<Vec<_>>())
    };
    match class {
        FailureClass::Unknown => {}
        // A stranger may have been faster, but nothing of ours was moved.
        FailureClass::Busy => assert_eq!(names(before), names(after)),
        _ => assert_eq!((&before.machines, &before.addresses), (&after.machines, &after.addresses)),
    }
}

async fn run(faults: Value, movable: bool, ops: Vec<Op>) {
    let mut play = Play::new(faults, movable).await;
    for op in &ops {
        if let Op::Wait(_) = op {
            play.play(op).await.unwrap();
            continue;
        }
        // Calls take no time here but for lost answers, after which anything may have happened.
        let before = play.audit();
        let answer = play.play(op).await;
        let after = play.audit();
        check(&after);
        if let Err(e) = answer {
            check_refusal(e.class, &before, &after);
        }
        if let Op::Restart = op {
            assert_eq!((before.machines, before.addresses), (after.machines, after.addresses));
        }
    }
    assert_eq!(play.stage.world().duplicates(), [], "each tag was asked for once");
    listed_after_lag(&play).await;
}

/// With the faults over and the lag passed, listings show exactly what stands.
async fn listed_after_lag(play: &Play) {
    play.stage.world().set_dial(&a(), &damm_fleet::topology::Dial::default());
    play.stage.wait(Span::from_secs(60));
    let world = play.audit();
    let cloud = play.stage.cloud();
    let machines = cloud.list_machines(FLEET).await.unwrap();
    let shown: Vec<_> = machines.iter().map(|m| (&m.provider_ref, m.state)).collect();
    let stand: Vec<_> = world.machines.iter().map(|m| (&m.provider_ref, m.state)).collect();
    assert_eq!(shown, stand);
    let addresses = cloud.list_addresses(FLEET).await.unwrap();
    let shown: Vec<_> = addresses.iter().map(|a| (&a.provider_ref, &a.attached_to)).collect();
    let stand: Vec<_> = world.addresses.iter().map(|a| (&a.provider_ref, &a.attached_to)).collect();
    assert_eq!(shown, stand);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_called_and_whatever_fails_the_world_stays_whole(
        faults in faults(),
        movable in any::<bool>(),
        ops in prop::collection::vec(op(), 1..60),
    ) {
        block_on(run(faults, movable, ops));
    }
}
