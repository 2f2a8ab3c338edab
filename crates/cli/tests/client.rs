//! `damm client` against a controller that runs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::Read;
use std::net::SocketAddr;
use std::thread::spawn;

use damm_protocol::{Assignment, Secret32};
use support::{Fleet, Ran, damm, stop};

/// What is asked of a client whose file is `client.json`.
fn client(fleet: &Fleet, args: &[&str]) -> Ran {
    let mut command = damm();
    command.current_dir(fleet.dir.path()).env_remove("DAMM_INVITATION").env_remove("DAMM_CLIENT");
    command.args(["client", "--profile", "client.json"]).args(args);
    Ran::of(command.output().unwrap())
}

fn enrol(fleet: &Fleet, at: SocketAddr, code: &str) -> Ran {
    client(fleet, &["enrol", &format!("http://{at}"), "--invitation", code])
}

fn invite(fleet: &Fleet) -> String {
    let new = ["invitations", "new", "--population", "first"];
    fleet.run(&new).expect(0).json()["invitation"].as_str().unwrap().to_owned()
}

#[test]
fn a_client_enrols_fetches_verifies_and_hands_its_catalog_to_other_apps() {
    let fleet = Fleet::built();
    let (child, mut stderr, at) = fleet.serve_clients(&["--every", "1s"]);
    let rest = spawn(move || stderr.read_to_string(&mut String::new()));
    let code = invite(&fleet);
    client(&fleet, &["fetch"]).refuses(1, &["has not enrolled yet"]);
    let enrolled = enrol(&fleet, at, &code).expect(0);
    assert!(enrolled.stdout.contains("enrolled in tested, as one of first"), "{enrolled:?}");
    enrol(&fleet, at, &code).refuses(1, &["client.json is there already"]);
    let fetched = client(&fleet, &["fetch", "--json"]).expect(0).json();
    assert_eq!(fetched["news"], serde_json::json!(["north"]));
    let status = client(&fleet, &["status", "--json"]).expect(0).json();
    let catalog = &status["catalogs"][0];
    assert_eq!((&catalog["region"], &catalog["doors"]), (&"north".into(), &3.into()));
    // It proves itself: the signed catalog is the one that lies in the directory.
    let signed = client(&fleet, &["export", "--format", "damm"]).expect(0).stdout;
    std::fs::write(fleet.path("mine.json"), &signed).unwrap();
    fleet.run(&["catalog", "verify", "mine.json", "--root", "keys/root.json"]).expect(0);
    // The embedded cloud's doors have no keys, so there is none that an app could go to.
    client(&fleet, &["export", "--format", "sing-box"]).refuses(1, &["sing-box"]);
    stop(child);
    rest.join().unwrap().unwrap();
    // Without its controller it fetches from the directory that it was told of.
    let fetched = client(&fleet, &["fetch", "--json"]).expect(0).json();
    assert_eq!(fetched["failures"].as_array().unwrap().len(), 1, "{fetched}");
}

#[test]
fn an_invitation_may_begin_with_hyphens() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = damm();
    command.current_dir(dir.path()).env_remove("DAMM_INVITATION").env_remove("DAMM_CLIENT");
    let code = "--iy20aKKLPh1UCb3bFihg";
    command.args(["client", "enrol", "http://127.0.0.1:1", "--invitation", code]);
    Ran::of(command.output().unwrap()).refuses(1, &["gives no answer"]);
}

#[test]
fn an_answer_that_was_lost_costs_nothing() {
    let fleet = Fleet::built();
    let code = invite(&fleet);
    // Nobody listens: the secret is drawn and written, and the answer never comes.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = nowhere.local_addr().unwrap();
    drop(nowhere);
    enrol(&fleet, at, &code).refuses(1, &["gives no answer"]);
    let before: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fleet.path("client.json")).unwrap()).unwrap();
    let (child, mut stderr, at) = fleet.serve_clients(&["--every", "1s"]);
    let rest = spawn(move || stderr.read_to_string(&mut String::new()));
    enrol(&fleet, at, &code).expect(0);
    let text = std::fs::read(fleet.path("client.json")).unwrap();
    let after: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(before["secret"], after["secret"]);
    // The answer is lost after it was given: the client asks with the same again.
    let mut lost = after.clone();
    lost.as_object_mut().unwrap().remove("assignment");
    lost["invitation"] = code.as_str().into();
    std::fs::write(fleet.path("client.json"), lost.to_string()).unwrap();
    enrol(&fleet, at, &code).expect(0);
    let again: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fleet.path("client.json")).unwrap()).unwrap();
    assert_eq!(again["assignment"], after["assignment"]);
    std::fs::remove_file(fleet.path("client.json")).unwrap();
    enrol(&fleet, at, &code).refuses(1, &["lets nobody in with this invitation"]);
    stop(child);
    rest.join().unwrap().unwrap();
}

#[test]
fn a_report_goes_out_at_the_clients_own_moment_and_nothing_prints_a_secret() {
    let fleet = Fleet::built();
    let (child, mut stderr, at) = fleet.serve_clients(&["--every", "1s"]);
    let rest = spawn(move || stderr.read_to_string(&mut String::new()));
    let code = invite(&fleet);
    let mut said = vec![enrol(&fleet, at, &code).expect(0)];
    for args in [
        &["fetch", "--json"][..],
        &["status"],
        &["status", "--json"],
        &["report", "--patience", "1s", "--json"],
        &["choose", "--patience", "1s"],
    ] {
        said.push(client(&fleet, args));
    }
    let reported = said[4].json();
    assert!(reported["sent"].is_boolean(), "{reported}");
    let text = std::fs::read_to_string(fleet.path("client.json")).unwrap();
    let profile: serde_json::Value = serde_json::from_str(&text).unwrap();
    let assignment: Assignment = serde_json::from_value(profile["assignment"].clone()).unwrap();
    let secret: Secret32 = serde_json::from_value(profile["secret"].clone()).unwrap();
    let secrets =
        [code.as_str(), assignment.path.expose(), &assignment.reporter.expose(), &secret.expose()];
    for ran in &said {
        for secret in secrets {
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran:?}");
        }
    }
    stop(child);
    rest.join().unwrap().unwrap();
}
