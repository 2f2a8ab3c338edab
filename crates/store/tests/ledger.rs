//! Steps: written before, settled after, never rewritten.

mod world;

use damm_fleet::{FailureClass, Phase, Role, Seed};
use damm_store::{Error, LedgerFilter, Outcome};
use world::*;

#[tokio::test]
async fn a_step_without_an_outcome_is_open() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(1);
    let node = node(&mut seed, Role::Ingress, 1);
    let target = add(&store, &mut seed, std::slice::from_ref(&node)).await;
    let (first, second) =
        (intent(&target, node.id.into(), "a/1"), intent(&target, node.id.into(), "b/1"));
    let creating = resource(&node, Phase::Creating);
    let a = store.begin(&first, Some(&creating)).await.unwrap();
    let b = store.begin(&second, None).await.unwrap();
    let done = Outcome::Done { provider_ref: Some("m-1".to_owned()) };
    let present = resource(&node, Phase::Present);
    store.end(a, &done, Some(&present), at(9)).await.unwrap();
    store.close().await.unwrap();

    let store = room.write().await.unwrap();
    let open = store.open_intents().await.unwrap();
    assert_eq!(open.iter().map(|o| o.seq).collect::<Vec<_>>(), [b]);
    assert_eq!(open[0].intent, second);
    let rows = store.ledger(&LedgerFilter::default()).await.unwrap();
    assert_eq!(rows.iter().map(|r| r.seq).collect::<Vec<_>>(), [b, a]);
    assert_eq!((&rows[1].intent, &rows[1].outcome), (&first, &Some(done)));
    assert_eq!(rows[1].ended_at, Some(at(9)));
    let stored = store.resources().await.unwrap();
    assert!(stored.contains(&present), "{stored:?}");
}

#[tokio::test]
async fn a_step_ends_once_and_only_after_it_began() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(2);
    let target = add(&store, &mut seed, &[]).await;
    let subject = seed.node().into();
    let seq = store.begin(&intent(&target, subject, "k"), None).await.unwrap();
    let failed = Outcome::Failed { class: FailureClass::Unknown, message: "timed out".to_owned() };
    store.end(seq, &failed, None, at(1)).await.unwrap();
    let twice = store.end(seq, &failed, None, at(2)).await;
    assert!(matches!(twice, Err(Error::EndedTwice { seq: s }) if s == seq), "{twice:?}");
    let never = store.end(77, &failed, None, at(2)).await;
    assert!(matches!(never, Err(Error::NoIntent { seq: 77 })), "{never:?}");
    assert!(store.ever_known(subject).await.unwrap());
    assert!(!store.ever_known(seed.node().into()).await.unwrap());
}

#[tokio::test]
async fn the_ledger_is_found_by_subject_and_blueprint() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(3);
    let one = add(&store, &mut seed, &[]).await;
    let two = add(&store, &mut seed, &[]).await;
    let (a, b) = (seed.node().into(), seed.frontdoor().into());
    for (blueprint, subject) in [(&one, a), (&one, b), (&two, a), (&two, b), (&two, b)] {
        store.begin(&intent(blueprint, subject, "k"), None).await.unwrap();
    }
    let count = async |subject, blueprint, limit| {
        let filter = LedgerFilter { subject, blueprint, limit };
        store.ledger(&filter).await.unwrap().len()
    };
    assert_eq!(count(None, None, None).await, 5);
    assert_eq!(count(Some(a), None, None).await, 2);
    assert_eq!(count(None, Some(two.id), None).await, 3);
    assert_eq!(count(Some(b), Some(two.id), None).await, 2);
    assert_eq!(count(Some(b), None, Some(1)).await, 1);
}

#[tokio::test]
async fn one_callers_mistake_does_not_undo_anothers_step() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(4);
    let target = add(&store, &mut seed, &[]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..200u64 {
        let (store, intent) = (store.clone(), intent(&target, seed.node().into(), &i.to_string()));
        let done = Outcome::Done { provider_ref: None };
        tasks.spawn(async move {
            match i % 10 {
                0 => store.end(1_000_000 + i, &done, None, at(1)).await.is_err(),
                _ => {
                    let seq = store.begin(&intent, None).await.unwrap();
                    store.end(seq, &done, None, at(1)).await.is_ok()
                }
            }
        });
    }
    assert!(tasks.join_all().await.into_iter().all(|ok| ok));
    let rows = store.ledger(&LedgerFilter::default()).await.unwrap();
    let seqs: Vec<u64> = rows.iter().rev().map(|r| r.seq).collect();
    assert_eq!(seqs, (1..=180).collect::<Vec<_>>());
    assert!(rows.iter().all(|r| r.outcome.is_some()));
    assert!(store.open_intents().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_past_can_not_be_rewritten() {
    use sqlx::{ConnectOptions, Executor};
    let room = Room::new();
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(5);
    let node = node(&mut seed, Role::Ingress, 1);
    let target = add(&store, &mut seed, std::slice::from_ref(&node)).await;
    let seq = store.begin(&intent(&target, node.id.into(), "k"), None).await.unwrap();
    let done = Outcome::Done { provider_ref: None };
    store.end(seq, &done, None, at(1)).await.unwrap();
    store.close().await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&room.path);
    let mut conn = options.connect().await.unwrap();
    for sql in [
        "DELETE FROM intents",
        "UPDATE intents SET key = 'x'",
        "DELETE FROM outcomes",
        "UPDATE outcomes SET at = 0",
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM changes",
        "UPDATE changes SET body = NULL",
        "DELETE FROM blueprints",
        "UPDATE blueprints SET parent = NULL",
        "DELETE FROM subjects",
        "UPDATE subjects SET generation = 0",
    ] {
        let refused = conn.execute(sql).await.unwrap_err().to_string();
        assert!(refused.contains("only appended to"), "{sql}: {refused}");
    }
}
