//! Files that are damaged, strange, or not ours: each a clear error, and nothing lost.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::fs;
use std::path::Path;

use damm_fleet::{Blueprint, Phase, Resource, Role, Seed};
use damm_store::{Access, Error, LedgerFilter, LedgerRow, Outcome, Store};
use world::*;

/// All that a state holds, as far as its damage could show.
#[derive(Debug, PartialEq)]
struct Contents {
    target: Blueprint,
    resources: Vec<Resource>,
    ledger: Vec<LedgerRow>,
    audit: u64,
    objects: Vec<(String, String)>,
}

async fn contents(path: &Path) -> Result<Contents, Error> {
    let store = Store::open(path, Access::Read).await?;
    let read = read(&store).await;
    store.close().await?;
    read
}

async fn read(store: &Store) -> Result<Contents, Error> {
    let contents = Contents {
        target: store.target().await?,
        resources: store.resources().await?,
        ledger: store.ledger(&LedgerFilter::default()).await?,
        audit: store.verify_audit().await?,
        objects: store.sim_objects().await?,
    };
    store.check().await?;
    Ok(contents)
}

/// A closed state with a little of everything, a few dozen pages long.
async fn filled(room: &Room) -> Contents {
    let store = room.write().await.unwrap();
    let mut seed = Seed::from_number(1);
    let nodes: Vec<_> = (0..20).map(|_| node(&mut seed, Role::Ingress, 2)).collect();
    let target = add(&store, &mut seed, &nodes).await;
    for node in &nodes {
        let subject = node.id.into();
        let seq = store.begin(&intent(&target, subject, "k"), None).await.unwrap();
        let done = Outcome::Done { provider_ref: None };
        let present = resource(node, Phase::Present);
        store.end(seq, &done, Some(&present), at(2)).await.unwrap();
    }
    let objects = (0..40).map(|i| (format!("machine/{i}"), Some(format!("{{\"i\":{i}}}"))));
    store.put_sim_objects(&objects.collect::<Vec<_>>()).await.unwrap();
    store.close().await.unwrap();
    contents(&room.path).await.unwrap()
}

#[tokio::test]
async fn a_truncated_state_is_called_damaged_and_left_as_it_is() {
    let room = Room::new();
    filled(&room).await;
    let whole = fs::read(&room.path).unwrap();
    for keep in [0, 7, 16, 100, 4_096, 8_192, whole.len() / 2, whole.len() - 4_096] {
        fs::write(&room.path, &whole[..keep]).unwrap();
        for access in [Access::Write, Access::Read] {
            let opened = Store::open(&room.path, access).await;
            let error = opened.map(drop).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{keep} bytes, {access:?}: {error:?}");
        }
        assert_eq!(fs::read(&room.path).unwrap(), whole[..keep], "{keep} bytes were changed");
    }
    fs::write(&room.path, &whole).unwrap();
    contents(&room.path).await.unwrap();
}

#[tokio::test]
async fn bytes_flipped_anywhere_are_noticed_or_harmless() {
    let room = Room::new();
    let expected = filled(&room).await;
    let whole = fs::read(&room.path).unwrap();
    let mut noticed = 0;
    // A little before each page's middle, and at its head, where its structure is.
    for page in 0..whole.len() / 4_096 {
        for offset in [0, 2_000, 4_000] {
            let mut bytes = whole.clone();
            let start = page * 4_096 + offset;
            bytes[start..start + 64].iter_mut().for_each(|b| *b ^= 0xff);
            fs::write(&room.path, &bytes).unwrap();
            match contents(&room.path).await {
                Ok(found) => assert_eq!(found, expected, "page {page}, offset {offset}"),
                Err(Error::Corrupt { .. } | Error::NotAState { .. }) => noticed += 1,
                Err(Error::AuditBroken { .. }) => noticed += 1,
                Err(other) => panic!("page {page}, offset {offset}: {other:?}"),
            }
        }
    }
    assert!(noticed > 20, "only {noticed} flips were noticed");
}

#[tokio::test]
async fn what_is_no_state_is_called_by_its_name() {
    let room = Room::new();
    let garbage: Vec<u8> = (0..20_000u32).map(|i| (i * 7 + i / 256) as u8).collect();
    for bytes in [garbage, b"{ \"fleet\": \"example\" }".to_vec()] {
        fs::write(&room.path, &bytes).unwrap();
        for access in [Access::Write, Access::Read] {
            let error = Store::open(&room.path, access).await.map(drop).unwrap_err();
            assert!(matches!(error, Error::NotAState { .. }), "{error:?}");
        }
        assert_eq!(fs::read(&room.path).unwrap(), bytes);
    }
    fs::remove_file(&room.path).unwrap();
    fs::create_dir(&room.path).unwrap();
    let error = room.write().await.map(drop).unwrap_err();
    assert!(matches!(error, Error::NotAState { .. }), "{error:?}");
}

#[tokio::test]
async fn another_programs_database_is_not_touched() {
    let room = Room::new();
    let made = sqlx::sqlite::SqliteConnectOptions::new();
    let made = made.filename(&room.path).create_if_missing(true);
    let mut conn = sqlx::ConnectOptions::connect(&made).await.unwrap();
    let sql = sqlx::raw_sql("CREATE TABLE notes (text TEXT)");
    sql.execute(&mut conn).await.unwrap();
    sqlx::Connection::close(conn).await.unwrap();
    let error = room.write().await.map(drop).unwrap_err();
    assert!(matches!(error, Error::NotAState { .. }), "{error:?}");
}

#[tokio::test]
async fn a_newer_damms_state_is_refused() {
    let room = Room::new();
    filled(&room).await;
    tamper(&room.path, "INSERT INTO schema_versions VALUES (99, '9.9.9')").await;
    for access in [Access::Write, Access::Read] {
        let error = Store::open(&room.path, access).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 99, .. }), "{error:?}");
        assert!(error.to_string().contains("newer damm"), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_made_to_be_read() {
    let room = Room::new();
    let error = room.read().await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
    assert_eq!(fs::read_dir(room.dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_log_without_its_state_is_not_thrown_away() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let log = room.path.with_file_name("damm.db-wal");
    let kept = fs::read(&log).unwrap();
    store.close().await.unwrap();
    fs::remove_file(&room.path).unwrap();
    fs::write(&log, &kept).unwrap();
    let error = room.write().await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Torn { .. }), "{error:?}");
    fs::remove_file(&log).unwrap();
    room.write().await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_state_half_made_by_a_killed_process_is_made_anew() {
    let room = Room::new();
    for name in ["damm.db.new", "damm.db.new-wal", "damm.db.lock"] {
        fs::write(room.dir.path().join(name), "left behind").unwrap();
    }
    let store = room.write().await.unwrap();
    store.check().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn another_fleets_state_is_refused() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    store.bind_fleet("alpha").await.unwrap();
    store.bind_fleet("alpha").await.unwrap();
    let error = store.bind_fleet("beta").await.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::OtherFleet { found, asked, .. } if found == "alpha" && asked == "beta"
        ),
        "{error:?}"
    );
    assert_eq!(store.fleet().await.unwrap().as_deref(), Some("alpha"));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_a_state() {
    use std::os::unix::fs::PermissionsExt;
    let room = Room::new();
    let store = room.write().await.unwrap();
    store.put_topology("t.json", "{}").await.unwrap();
    for entry in fs::read_dir(room.dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}
