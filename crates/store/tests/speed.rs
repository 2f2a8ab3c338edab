//! What the store costs, as figures to be read: nothing here fails for being slow.
//!
//! `cargo test --release -p damm-store --test speed -- --ignored --nocapture --test-threads 1`
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::time::Instant;

use damm_fleet::{Phase, Role, Seed};
use damm_store::{Outcome, Store};
use world::*;

const NODES: usize = 10_000;
const CREATES: usize = 1_000;
const AT_ONCE: usize = 16;

/// CPU seconds of this process so far, all threads: user and system, in ticks of 10 ms.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Runs `work` and prints what it took.
async fn clocked<T>(what: &str, work: impl Future<Output = T>) -> T {
    let (wall, before) = (Instant::now(), cpu());
    let done = work.await;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu() - before);
    println!("{what:<56} {cpu:>6.2} s CPU {wall:>7.3} s");
    done
}

/// A state with a whole fleet: nodes with three doors each, and a DNS record for each node.
async fn fleet(room: &Room, seed: &mut Seed) -> Store {
    let store = room.write().await.unwrap();
    let nodes: Vec<_> = (0..NODES).map(|_| node(seed, Role::Ingress, 3)).collect();
    let next = child(&store, seed, |b| {
        let records = (0..NODES).map(|i| record(&format!("n{i}"), (i % 250) as u8));
        b.records.extend(records);
        b.nodes.extend(nodes.iter().map(|n| (n.id, n.clone())));
    });
    let next = next.await;
    clocked("set a target of 10,000 nodes, 30,000 doors", set(&store, &next)).await.unwrap();
    let mut rows = store.resources().await.unwrap();
    for row in &mut rows {
        row.phase = Phase::Ready;
        row.provider_ref = Some(format!("i-{}", row.subject));
        row.address = Some("198.51.100.7".parse().unwrap());
    }
    clocked("store 40,000 observed rows", store.put_resources(&rows)).await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn a_large_fleet_is_loaded() {
    let room = Room::new();
    let mut seed = Seed::from_number(1);
    fleet(&room, &mut seed).await.close().await.unwrap();
    let store = clocked("open", room.write()).await.unwrap();
    let target = clocked("load the target", store.target()).await.unwrap();
    let rows = clocked("load 40,000 rows", store.resources()).await.unwrap();
    assert_eq!((target.nodes.len(), target.records.len(), rows.len()), (NODES, NODES, 4 * NODES));
    clocked("check the whole file", store.check()).await.unwrap();
    let mut next = target.child(seed.blueprint(), at(9), damm_fleet::Origin::Planner);
    let node = next.nodes.values_mut().next().unwrap();
    node.machine = "bigger".to_owned();
    let size = || std::fs::metadata(room.path.with_file_name("damm.db-wal")).map_or(0, |m| m.len());
    let diff = damm_fleet::Diff::between(&target, &next);
    let before = size();
    let report = serde_json::json!(null);
    let set = store.set_target(&next, &diff, &report, "tester");
    clocked("set a target with one change", set).await.unwrap();
    println!("one change took {} bytes of log", size() - before);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn many_steps_are_written() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(1);
    let target = add(&store, &mut seed, &[]).await;
    let nodes: Vec<_> = (0..CREATES).map(|_| node(&mut seed, Role::Ingress, 0)).collect();
    let work = async {
        let mut tasks = tokio::task::JoinSet::new();
        for part in nodes.chunks(CREATES.div_ceil(AT_ONCE)) {
            let (store, target, part) = (store.clone(), target.clone(), part.to_vec());
            tasks.spawn(async move {
                for node in part {
                    let intent = intent(&target, node.id.into(), "create/1");
                    let creating = resource(&node, Phase::Creating);
                    let seq = store.begin(&intent, Some(&creating)).await.unwrap();
                    let done = Outcome::Done { provider_ref: Some("i-1".to_owned()) };
                    let present = resource(&node, Phase::Present);
                    store.end(seq, &done, Some(&present), at(3)).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
    };
    clocked("1,000 steps begun and ended, 16 at once", work).await;
    store.close().await.unwrap();
}
