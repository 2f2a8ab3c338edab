//! Zones at BIND.

#![allow(clippy::unwrap_used)]

#[path = "../../vendors/tests/servers/mod.rs"]
mod servers;

use std::collections::BTreeSet;

use damm_channels::Zone;
use damm_channels::read::{Fetched, ReadError, Reader};
use damm_clouds::Channel;
use damm_fleet::{FailureClass, Span};
use damm_vendors::credentials::Secret;
use servers::dns::{KEYS, Kind, NameServer, ZONE};

fn zone(server: &NameServer, key: usize) -> Zone {
    let (name, algorithm, secret) = KEYS[key];
    let key = format!("name = {name}\nalgorithm = {algorithm}\nkey = {secret}");
    let at = format!("127.0.0.1:{}", server.port);
    Zone::open(&at, ZONE, Span::from_mins(1), &Secret::new(key)).unwrap()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn bytes(length: usize, salt: u8) -> Vec<u8> {
    (0..length).map(|i| (i as u8).wrapping_mul(31) ^ salt).collect()
}

/// What a client reads with BIND's own tool, by UDP alone: the head's pieces, put together.
fn dig(server: &NameServer, name: &str) -> Option<Vec<String>> {
    let out = std::process::Command::new("dig")
        .args(["@127.0.0.1", "-p", &server.port.to_string(), "+short", "+notcp", "+ignore"])
        .args(["+bufsize=1232", "TXT", &format!("{name}.{ZONE}")])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let strings = text.split('"').skip(1).step_by(2).map(str::to_owned);
    Some(strings.collect()).filter(|s: &Vec<String>| !s.is_empty())
}

fn file(server: &NameServer, name: &str) -> Option<String> {
    let head = dig(server, name)?.concat();
    let words: Vec<&str> = head.split(' ').collect();
    let pieces = 0..words[2].parse::<usize>().unwrap();
    let pieces = pieces.map(|n| dig(server, &format!("{n}.{}.{name}", words[1])).unwrap().concat());
    Some(pieces.collect())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[tokio::test]
async fn files_are_put_replaced_listed_and_removed_each_step_twice() {
    let Some(server) = NameServer::start(Kind::Bind) else { return };
    if servers::program("dig").is_none() {
        return;
    }
    let zone = zone(&server, 0);
    assert_eq!(zone.names().await.unwrap(), set(&[]));
    let reader = Reader::names(ZONE, servers::local(server.port)).unwrap();
    assert_eq!(reader.fetch("aaa", None).await.unwrap(), Fetched::Nothing);
    for (length, salt) in [(1, 1), (1, 1), (4_400, 2), (4_400, 2), (765, 3), (766, 4), (9_000, 5)] {
        let bytes = bytes(length, salt);
        zone.put("aaa", &bytes).await.unwrap();
        assert_eq!(file(&server, "aaa"), Some(base64(&bytes)), "{length}");
        assert_eq!(zone.names().await.unwrap(), set(&["aaa"]));
        let Fetched::File { bytes: read, mark } = reader.fetch("aaa", None).await.unwrap() else {
            panic!()
        };
        assert_eq!(read, bytes);
        let again = reader.fetch("aaa", mark.as_deref()).await.unwrap();
        assert_eq!(again, Fetched::Unchanged);
    }
    zone.put("bbb", b"x").await.unwrap();
    assert_eq!(zone.names().await.unwrap(), set(&["aaa", "bbb"]));
    for _ in 0..2 {
        zone.remove("aaa").await.unwrap();
    }
    assert_eq!(zone.names().await.unwrap(), set(&["bbb"]));
    assert_eq!(dig(&server, "aaa"), None);
}

#[tokio::test]
async fn a_head_in_a_cache_still_finds_its_pieces_and_no_older_ones_stay() {
    let Some(server) = NameServer::start(Kind::Bind) else { return };
    if servers::program("dig").is_none() {
        return;
    }
    let zone = zone(&server, 0);
    let mut heads = Vec::new();
    for salt in 0..3 {
        zone.put("aaa", &bytes(2_000, salt)).await.unwrap();
        heads.push(dig(&server, "aaa").unwrap().concat());
    }
    let piece = |head: &str| {
        let id = head.split(' ').nth(1).unwrap();
        dig(&server, &format!("2.{id}.aaa"))
    };
    assert_eq!(piece(&heads[0]), None);
    assert!(piece(&heads[1]).is_some() && piece(&heads[2]).is_some());
    zone.remove("aaa").await.unwrap();
    assert!(piece(&heads[1]).is_none() && piece(&heads[2]).is_none());
}

#[tokio::test]
async fn a_file_that_lacks_a_piece_does_not_stand_there_and_is_made_whole() {
    let Some(server) = NameServer::start(Kind::Bind) else { return };
    if servers::program("dig").is_none() {
        return;
    }
    let zone = zone(&server, 0);
    let bytes = bytes(2_000, 7);
    zone.put("aaa", &bytes).await.unwrap();
    let head = dig(&server, "aaa").unwrap().concat();
    let id = head.split(' ').nth(1).unwrap();
    server.update(&format!("zone {ZONE}\nupdate delete 1.{id}.aaa.{ZONE}. TXT"));
    assert_eq!(zone.names().await.unwrap(), set(&[]));
    let reader = Reader::names(ZONE, servers::local(server.port)).unwrap();
    assert!(matches!(reader.fetch("aaa", None).await, Err(ReadError::Silent { .. })));
    zone.put("aaa", &bytes).await.unwrap();
    assert_eq!(file(&server, "aaa"), Some(base64(&bytes)));
    // A head that is none of ours is written over: the name is nobody else's.
    server.update(&format!("zone {ZONE}\nupdate add aaa.{ZONE}. 60 TXT \"hello\""));
    zone.put("aaa", &bytes).await.unwrap();
    assert_eq!(zone.names().await.unwrap(), set(&["aaa"]));
}

#[tokio::test]
async fn of_two_that_write_at_once_what_stands_is_whole() {
    let Some(server) = NameServer::start(Kind::Bind) else { return };
    if servers::program("dig").is_none() {
        return;
    }
    let (one, two) = (zone(&server, 0), zone(&server, 1));
    for round in 0..10 {
        let (a, b) = (bytes(3_000, round), bytes(3_000, 100 + round));
        let (first, second) = tokio::join!(one.put("x", &a), two.put("x", &b));
        for done in [&first, &second] {
            let known = [FailureClass::Busy, FailureClass::Unknown];
            assert!(done.as_ref().err().is_none_or(|e| known.contains(&e.class)), "{done:?}");
        }
        assert!(first.is_ok() || second.is_ok());
        let stands = file(&server, "x").unwrap();
        assert!(stands == base64(&a) || stands == base64(&b));
    }
}

#[tokio::test]
async fn what_a_server_refuses_is_said_and_no_secret_is() {
    let Some(server) = NameServer::start(Kind::Bind) else { return };
    let narrow = zone(&server, 2);
    let refused = narrow.put("aaa", b"x").await.unwrap_err();
    assert_eq!(refused.class, FailureClass::Rejected, "{refused}");
    assert!(refused.to_string().starts_with("dns:fleet.example"), "{refused}");
    assert!(!refused.to_string().contains(KEYS[2].2), "{refused}");
    let long = zone(&server, 0).put("aaa", &vec![0; 50_000]).await.unwrap_err();
    assert_eq!(long.class, FailureClass::Rejected, "{long}");
}
