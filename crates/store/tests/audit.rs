//! The audit log's chain.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use damm_fleet::Seed;
use damm_store::{Access, Error, Store};
use serde_json::json;
use world::*;

/// A closed state whose audit log has six entries, the first of them for a target.
async fn logged(room: &Room) {
    let store = room.write().await.unwrap();
    add(&store, &mut Seed::from_number(1), &[]).await;
    for i in 2..=6 {
        let detail = json!({ "z": i, "a": [1.5, null, "é \" \\ \u{1}"], "big": u64::MAX });
        store.audit("ops", "applied", &detail, at(i)).await.unwrap();
    }
    assert_eq!(store.verify_audit().await.unwrap(), 6);
    store.close().await.unwrap();
}

async fn verify(room: &Room) -> Result<u64, Error> {
    let store = Store::open(&room.path, Access::Read).await.unwrap();
    let verified = store.verify_audit().await;
    store.close().await.unwrap();
    verified
}

#[tokio::test]
async fn a_chain_that_nobody_touched_fits() {
    let room = Room::new();
    logged(&room).await;
    assert_eq!(verify(&room).await.unwrap(), 6);
    let store = room.read().await.unwrap();
    let log = store.audit_log(2).await.unwrap();
    assert_eq!(log.iter().map(|e| e.seq).collect::<Vec<_>>(), [6, 5]);
    assert_eq!((log[0].actor.as_str(), log[0].detail["z"].as_i64()), ("ops", Some(6)));
    let set = store.audit_of("set the target", 10).await.unwrap();
    assert_eq!(set.iter().map(|e| e.seq).collect::<Vec<_>>(), [1]);
    let first = &store.audit_log(10).await.unwrap()[5];
    assert_eq!((first.actor.as_str(), first.what.as_str()), ("tester", "set the target"));
}

#[tokio::test]
async fn an_entry_that_was_tampered_with_is_named() {
    let cases = [
        (3, "UPDATE audit SET actor = 'someone' WHERE seq = 3"),
        (4, "UPDATE audit SET detail = replace(detail, '1.5', '1.50') WHERE seq = 4"),
        (2, "UPDATE audit SET at = at + 1 WHERE seq = 2"),
        (5, "DELETE FROM audit WHERE seq = 5"),
        (1, "DELETE FROM audit WHERE seq = 1"),
        (6, "DELETE FROM audit WHERE seq = 6"),
        (5, "DELETE FROM audit WHERE seq > 4"),
        (1, "DELETE FROM audit"),
        (7, "INSERT INTO audit SELECT 7, at, actor, what, detail, hash FROM audit WHERE seq = 6"),
        (0, "INSERT INTO audit SELECT 0, at, actor, what, detail, hash FROM audit WHERE seq = 6"),
        (
            4,
            "UPDATE audit SET seq = -seq WHERE seq > 3;
             UPDATE audit SET seq = 1 - seq WHERE seq < 0;
             INSERT INTO audit SELECT 4, at, actor, what, detail, hash FROM audit WHERE seq = 3",
        ),
        (6, "UPDATE meta SET value = '6 00' WHERE key = 'audit_head'"),
    ];
    for (seq, sql) in cases {
        let room = Room::new();
        logged(&room).await;
        tamper(&room.path, "DROP TRIGGER audit_is_kept; DROP TRIGGER audit_is_final").await;
        tamper(&room.path, sql).await;
        let found = verify(&room).await;
        assert!(
            matches!(found, Err(Error::AuditBroken { seq: s, .. }) if s == seq),
            "{sql}: {found:?}"
        );
    }
}
