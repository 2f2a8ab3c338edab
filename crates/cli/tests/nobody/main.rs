//! Nothing that clients send or come from is found in anything that is written.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod marks;
mod people;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::thread::JoinHandle;

use damm_engine::Keys;
use marks::{Marks, Search, addresses_in, files, holds};
use people::{Person, Stage};
use rustix::process::{Resource, Rlimit, setrlimit};
use support::{Fleet, Running, TOPOLOGY, stop};
use tls::{Door, certificate};

/// The two networks' numbers. The topology names the first; ten clients are in the second.
const NAMED: u32 = 58_224;
const FEW: u32 = 4_212_345_677;

/// How many clients there are in each. An hour lets in no more by one invitation.
const CLIENTS: (u8, u8) = (50, 10);

/// A controller that serves clients under a certificate, told to say all that it has to say.
struct Controller {
    fleet: Fleet,
    running: Running,
    said: JoinHandle<String>,
    stage: Stage,
    code: String,
}

impl Controller {
    fn start() -> Self {
        let fleet = Fleet::built();
        let file = |name: &str, text: &str| std::fs::write(fleet.path(name), text).unwrap();
        let origins = format!("127.77.0.0/16 AS{NAMED} IR\n127.78.0.0/16 AS{FEW} IR\n");
        file("origins.txt", &origins);
        let fleet_line = "\"fleet\": \"tested\",";
        let with = format!("{fleet_line} \"origins\": \"origins.txt\",");
        file("topology.json", &TOPOLOGY.replace(fleet_line, &with));
        let (chain, key, tls) = certificate();
        file("chain.pem", &chain);
        file("key.pem", &key);
        let certificate = ["--clients-tls-cert", "chain.pem", "--clients-tls-key", "key.pem"];
        let options = [&certificate[..], &["--every", "1s", "-vv"]].concat();
        let (running, mut stderr, at) = fleet.serve_clients(&options);
        let said = std::thread::spawn(move || {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            said
        });
        let stage = Self::stage(&fleet, at, tls);
        let new = ["invitations", "new", "--population", "first", "--uses", "60", "--trust", "4"];
        let new = fleet.run(&new).expect(0).json();
        let code = new["invitation"].as_str().unwrap().to_owned();
        Self { fleet, running, said, stage, code }
    }

    fn stage(fleet: &Fleet, at: SocketAddr, tls: tokio_rustls::TlsConnector) -> Stage {
        let doors = fleet.run(&["show", "frontdoors", "--json"]).expect(0).json();
        let doors = doors["frontdoors"].as_array().unwrap();
        let text = |door: &serde_json::Value, name: &str| door[name].as_str().unwrap().to_owned();
        let of = |door| (text(door, "id").parse().unwrap(), text(door, "node").parse().unwrap());
        let nodes = doors.iter().map(of).collect();
        let keys = Keys::load(&fleet.path("keys")).unwrap();
        Stage { door: Door { at, tls }, keys, nodes }
    }

    /// Everybody comes; how many of the reports came at their clients' moment, by network.
    async fn crowd(&self, marks: &mut Marks) -> (usize, usize) {
        marks.text("an invitation", &self.code);
        let mut heard = (0, 0);
        for number in 1..=CLIENTS.0 + CLIENTS.1 {
            let few = number > CLIENTS.0;
            let mut person = Person::enrol(&self.stage, &self.code, number, few, marks).await;
            person.fetch(&self.stage, marks).await;
            let counts = usize::from(person.report(&self.stage, marks).await);
            *(if few { &mut heard.1 } else { &mut heard.0 }) += counts;
            if number % 10 == 0 {
                person.babble(&self.stage, marks).await;
            }
        }
        heard
    }
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8], marks: &Search) {
    assert_eq!(marks.found_in(bytes), [].into(), "found in {what}");
    // Not by chance any more.
    assert!(addresses_in(bytes) < 3, "clients' addresses in {what}");
    assert!(!holds(bytes, FEW.to_string().as_bytes()), "a network of ten clients in {what}");
    for asn in [FEW.to_le_bytes(), FEW.to_be_bytes()] {
        let cell = [&b"IR"[..], &asn].concat();
        assert!(!holds(bytes, &cell), "a network of ten clients in {what}");
    }
}

#[tokio::test]
async fn nothing_that_is_written_tells_of_a_client_or_of_a_few() {
    let controller = Controller::start();
    let mut marks = Marks::default();
    let heard = controller.crowd(&mut marks).await;
    println!("{heard:?} reports came in time; {} marks", marks.count());
    let marks = marks.search();
    // Two looks: what was heard is judged, and written.
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let Controller { fleet, running, said, .. } = controller;
    for args in [
        &["status", "--json"][..],
        &["status", "-v"],
        &["show", "frontdoors", "--json"],
        &["show", "verdicts", "--json"],
        &["invitations", "list", "--json"],
        &["audit", "--json"],
        &["show", "ledger", "--json"],
    ] {
        let ran = fleet.run(args);
        assert_clean(&format!("{args:?}"), ran.stdout.as_bytes(), &marks);
        assert_clean(&format!("{args:?}"), ran.stderr.as_bytes(), &marks);
    }
    let running_files = files(fleet.dir.path());
    let ended = stop(running);
    let said = said.join().unwrap();
    assert_clean("what the controller said", said.as_bytes(), &marks);
    assert_clean("its answer", ended.stdout.as_bytes(), &marks);
    let scores = |(name, bytes): &(String, Vec<u8>)| {
        name.ends_with(".reach") && holds(bytes, &[&b"IR"[..], &NAMED.to_le_bytes()].concat())
    };
    let after = files(fleet.dir.path());
    // What is not looked for in vain: what many say is written.
    assert!(heard.0 == 0 || after.iter().any(scores), "no report was heard");
    for (name, bytes) in running_files.iter().chain(&after) {
        // The operator's own table, which a test has to write.
        if !name.ends_with("origins.txt") {
            assert_clean(name, bytes, &marks);
        }
    }
}

#[tokio::test]
async fn a_controller_that_crashes_leaves_no_memory_behind() {
    let unbounded = Rlimit { current: None, maximum: None };
    setrlimit(Resource::Core, unbounded).unwrap();
    let controller = Controller::start();
    let mut marks = Marks::default();
    let person = Person::enrol(&controller.stage, &controller.code, 1, false, &mut marks).await;
    person.babble(&controller.stage, &mut marks).await;
    let Controller { fleet, running, said, .. } = controller;
    let (status, marks) = (running.crash(), marks.search());
    assert_eq!(status.signal(), Some(6), "{status}");
    assert!(!status.core_dumped(), "{status}");
    assert_clean("what it said last", said.join().unwrap().as_bytes(), &marks);
    for (name, bytes) in files(fleet.dir.path()) {
        assert!(!name.contains("core"), "{name} was left behind");
        if !name.ends_with("origins.txt") {
            assert_clean(&name, &bytes, &marks);
        }
    }
}
