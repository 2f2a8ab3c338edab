//! Clients enrol, and fetch what they are told, over real HTTP.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod guests;

use damm_age::Identity;
use damm_fleet::{RegionName, Span, Timestamp};
use damm_protocol::At;
use damm_store::{Access, Store};
use guests::*;
use serde_json::json;

#[tokio::test]
async fn a_client_enrols_and_fetches_its_catalog_in_every_format() {
    let world = World::new().await;
    let code = world.invite(1, |_| {}).await;
    let assignment = world.enrol(&code, 1).await.assignment();
    assert_eq!((assignment.number.number(), assignment.fleet.as_str()), (0, "example"));
    world.publish(&assignment, 1, &world.doors).await;
    let path = format!("/c/{}", assignment.path.expose());
    for format in damm_formats::Format::ALL {
        let answer = world.get(&format!("{path}?format={format}")).await;
        // The controller has no private key of WireGuard's, so it has no such config to hand out.
        if format == damm_formats::Format::Wireguard {
            assert_eq!(answer.status, 503);
            continue;
        }
        assert_eq!(answer.status, 200, "{format}");
        assert_eq!(answer.header("content-type"), Some(format.media_type()));
        assert_eq!(answer.header("vary"), Some("User-Agent"));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        let etag = answer.header("etag").unwrap().to_owned();
        let known = [("if-none-match", etag.as_str())];
        let again = world.ask("GET", &format!("{path}?format={format}"), &known, "").await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), Some(etag.as_str()));
    }
    let app = [("user-agent", "sing-box 1.14.4")];
    let answer = world.ask("GET", &path, &app, "").await;
    assert!(answer.header("profile-update-interval").is_some());
    assert!(answer.text().contains("outbounds"), "{}", answer.text());
    let signed = world.get(&path).await;
    let catalog = world.verify(signed.body).unwrap();
    assert_eq!(catalog.version, 1);
    assert_eq!(world.get(&format!("{path}?format=pac")).await.status, 400);
    assert_eq!(world.ask("HEAD", &path, &[], "").await.status, 200);
}

#[tokio::test]
async fn a_client_is_told_of_every_place_and_of_what_opens_what_lies_there() {
    let world = World::new().await;
    let code = world.invite(1, |_| {}).await;
    let told = world.enrol(&code, 1).await.assignment();
    let at: Vec<&At> = told.places.iter().map(|p| &p.at).collect();
    let files = |url: &str| At::Files { url: url.to_owned() };
    let wanted = [
        At::Directory { path: "published".to_owned() },
        files("https://files.example.org/"),
        files("https://s3.example.org/catalogs/c/"),
        At::Names { zone: "c.example.org".to_owned() },
    ];
    assert_eq!(at, wanted.iter().collect::<Vec<_>>());
    let sealed: Vec<bool> = told.places.iter().map(|p| p.sealed).collect();
    assert_eq!(sealed, [false, true, true, true]);
    let names = [
        "directory:published",
        "directory:shared",
        "s3:https://s3.example.org/catalogs/c/",
        "dns:c.example.org",
    ];
    let north: RegionName = "north".parse().unwrap();
    for ((place, name), ending) in told.places.iter().zip(names).zip([".json", ".age", "", ""]) {
        let channel = world.keys.secret().channel(name);
        let path = world.path(&told).into_iter();
        let object = |bucket| channel.object_name(&north, &told.population, bucket);
        let objects: Vec<_> = path.map(|bucket| format!("{}{ending}", object(bucket))).collect();
        assert_eq!(place.objects[&north], objects, "{name}");
    }
    assert_eq!(told.identities.len(), 16);
    for (identity, bucket) in told.identities.iter().zip(world.path(&told)) {
        let own: Identity = identity.expose().parse().unwrap();
        let its = world.keys.secret().bucket_identity(&told.population, bucket);
        assert_eq!(own.recipient().to_string(), Identity::new(*its).recipient().to_string());
    }
}

#[tokio::test]
async fn a_door_that_drains_is_in_nothing_that_is_handed_out_as_a_list() {
    let world = World::new().await;
    let code = world.invite(1, |_| {}).await;
    let assignment = world.enrol(&code, 1).await.assignment();
    world.publish(&assignment, 1, &world.doors).await;
    let path = format!("/c/{}?format=sip008", assignment.path.expose());
    let servers = |answer: Answer| {
        let listed: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        listed["servers"].as_array().unwrap().len()
    };
    assert_eq!(servers(world.get(&path).await), 2);
    world.drain_first_door().await;
    world.clock.advance(Span::from_secs(3));
    assert_eq!(servers(world.get(&path).await), 1);
    world.drain_all_doors().await;
    world.clock.advance(Span::from_secs(3));
    let answer = world.get(&path).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn an_expired_catalog_is_not_handed_out() {
    let world = World::new().await;
    let code = world.invite(1, |_| {}).await;
    let assignment = world.enrol(&code, 1).await.assignment();
    world.publish(&assignment, 1, &world.doors).await;
    world.clock.advance(Span::from_hours(7));
    let path = format!("/c/{}", assignment.path.expose());
    for format in damm_formats::Format::ALL {
        assert_eq!(world.get(&format!("{path}?format={format}")).await.status, 503, "{format}");
    }
}

#[tokio::test]
async fn enrolling_again_gives_the_same_answer_and_uses_nothing_up() {
    let world = World::new().await;
    let code = world.invite(1, |_| {}).await;
    let first = world.enrol(&code, 1).await;
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let again = world.enrol(&code, 1).await;
    assert_eq!(first.body, again.body);
    // It was for one: somebody else comes too late, and whoever it was for still finds the answer.
    assert_eq!(world.enrol(&code, 2).await.status, 404);
    let world = world.restart().await;
    assert_eq!(world.enrol(&code, 1).await.body, first.body);
    let path = first.assignment().path;
    let again = world.get(&format!("/c/{}/assignment", path.expose())).await;
    assert_eq!(again.body, first.body);
    assert_eq!(world.store.credentials().await.unwrap().len(), 1);
}

#[tokio::test]
async fn clients_of_one_bucket_are_told_of_the_same_objects_and_others_of_none_of_them() {
    let world = World::new().await;
    let code = world.invite(4, |i| i.left = 40).await;
    let mut by_bucket = std::collections::BTreeMap::<String, Vec<String>>::new();
    for client in 0..40 {
        let assignment = world.enrol(&code, client).await.assignment();
        let objects = assignment.places[0].objects.values().next().unwrap().clone();
        assert_eq!(objects.len(), 16);
        let base = by_bucket.entry(objects[0].clone()).or_default();
        base.extend(objects[1..].iter().cloned());
    }
    assert_eq!(by_bucket.len(), 4);
    for (base, halves) in &by_bucket {
        let others = by_bucket.iter().filter(|(other, _)| *other != base);
        assert!(others.flat_map(|(_, theirs)| theirs).all(|theirs| !halves.contains(theirs)));
    }
}

#[tokio::test]
async fn whatever_is_not_there_is_answered_alike() {
    let world = World::new().await;
    let spent = world.invite(1, |i| i.left = 0).await;
    let late = world.invite(2, |i| i.expires_at = START).await;
    let revoked = world.invite(3, |i| i.revoked = true).await;
    let unknown = damm_protocol::InvitationCode::new([9; 16]);
    let lost = world.invite(5, |i| i.population = "gone".parse().unwrap()).await;
    let mut answers = Vec::new();
    for code in [spent, late, revoked, unknown, lost] {
        answers.push(world.enrol(&code, 1).await);
    }
    let guessed = format!("/c/{}", "a".repeat(32));
    let asked = [
        ("GET", "/", ""),
        ("GET", "/c/", ""),
        ("GET", guessed.as_str(), ""),
        ("GET", "/c/enrol", ""),
        ("PUT", guessed.as_str(), "x"),
        ("GET", "/c/../c/enrol/assignment", ""),
        ("POST", "/c/enrol", "{"),
        ("POST", "/c/enrol", &json!({ "invitation": "x" }).to_string()),
        ("POST", "/c/enrol", &"x".repeat(5_000)),
        ("DELETE", "/a/v1/sync", ""),
    ]
    .map(|(method, path, body)| (method, path.to_owned(), body.to_owned()));
    for (method, path, body) in &asked {
        answers.push(world.ask(method, path, &[], body).await);
    }
    let revoked = world.revoked().await;
    answers.push(world.get(&format!("/c/{revoked}")).await);
    answers.push(world.get(&format!("/c/{revoked}/assignment")).await);
    for answer in answers {
        assert_eq!((answer.status, answer.body.len()), (404, 0));
        let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        // What was sent too long, hyper closes the connection after, as these all ask for.
        assert_eq!(names, ["connection", "content-length", "date"]);
    }
}

#[tokio::test]
async fn a_host_of_strangers_has_to_wait_and_is_told_how_long() {
    let world = World::new().await;
    let code = world.invite(1, |i| i.left = 100).await;
    let mut let_in = 0;
    let refused = loop {
        let answer = world.enrol(&code, let_in).await;
        if answer.status != 200 {
            break answer;
        }
        let_in += 1;
    };
    // As many an hour as `damm_assign::trust` lets in with a stranger's invitation.
    assert_eq!((let_in, refused.status), (2, 429));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    world.clock.advance(Span::from_secs(seconds));
    assert_eq!(world.enrol(&code, let_in).await.status, 200);
}

#[tokio::test]
async fn nothing_of_where_clients_come_from_and_no_code_is_in_the_state() {
    let world = World::new().await;
    let code = world.invite(1, |_| {}).await;
    let assignment = world.enrol(&code, 1).await.assignment();
    let path = format!("/c/{}", assignment.path.expose());
    world.get(&path).await;
    let (dir, text) = world.close().await;
    for name in ["damm.db", "damm.db-wal"] {
        let state = std::fs::read(dir.path().join(name)).unwrap_or_default();
        for secret in ["127.0.0.1", code.expose().as_str(), assignment.path.expose(), &text] {
            let found = state.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{name}");
        }
    }
    let store = Store::open(&dir.path().join("damm.db"), Access::Read).await.unwrap();
    let number = assignment.number;
    let (_, client) = store.client::<damm_server::clients::Client>(number).await.unwrap().unwrap();
    assert_eq!(client.trust.since, Timestamp::from_millis(client.day as i64 * 86_400_000));
}
