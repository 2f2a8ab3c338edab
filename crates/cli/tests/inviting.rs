//! `damm invitations`, and `damm serve --clients`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::spawn;

use damm_protocol::{Assignment, ClientSecret, Enrol, NewCredential, Secret32};
use support::{Fleet, stop};

/// Sends a request; the status and the body of the answer.
fn ask(at: SocketAddr, request: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    let length = body.len();
    let head = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length:";
    stream.write_all(format!("{request} {head} {length}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn enrol(at: SocketAddr, code: &str, client: u8) -> (u16, String) {
    let secret = ClientSecret::new(Secret32::new([client; 32]));
    let credential = NewCredential::of(&secret);
    let asked = Enrol { invitation: code.parse().unwrap(), credential };
    ask(at, "POST /c/enrol", &serde_json::to_string(&asked).unwrap())
}

fn invite(fleet: &Fleet, more: &[&str]) -> serde_json::Value {
    let new = ["invitations", "new", "--population", "first"];
    fleet.run(&[&new, more].concat()).expect(0).json()
}

#[test]
fn clients_enrol_with_what_the_operator_hands_out_while_the_controller_runs() {
    let fleet = Fleet::built();
    let (child, mut stderr, at) = fleet.serve_clients(&["--every", "1s"]);
    let rest = spawn(move || stderr.read_to_string(&mut String::new()));
    let made = invite(&fleet, &["--uses", "2", "--trust", "4"]);
    let code = made["invitation"].as_str().unwrap();
    let (status, body) = enrol(at, code, 1);
    assert_eq!(status, 200, "{body}");
    let assignment: Assignment = serde_json::from_str(&body).unwrap();
    assert_eq!((assignment.fleet.as_str(), assignment.number.number()), ("tested", 0));
    let path = assignment.path.expose();
    let (status, listed) = ask(at, &format!("GET /c/{path}?format=damm"), "");
    assert_eq!(status, 200, "{listed}");
    assert!(listed.contains("payload"), "{listed}");
    let name = made["name"].as_str().unwrap();
    fleet.run(&["invitations", "revoke", name]).expect(0);
    assert_eq!(enrol(at, code, 2).0, 404);
    // Who is there already stays, and finds itself again.
    assert_eq!(enrol(at, code, 1), (200, body));
    stop(child);
    rest.join().unwrap().unwrap();
    let list = fleet.run(&["invitations", "list", "--json"]).expect(0).json();
    assert_eq!(list["invitations"][0]["holds"], false);
    assert_eq!(list["invitations"][0]["invitation"]["left"], 1);
    assert_eq!(list["invitations"][0]["invitation"]["revoked"], true);
    let audit = fleet.run(&["audit"]).expect(0).stdout;
    assert!(audit.contains("invitation revoked"), "{audit}");
}

#[test]
fn an_invitations_code_is_printed_once_and_stored_nowhere() {
    let fleet = Fleet::built();
    let code = invite(&fleet, &[])["invitation"].as_str().unwrap().to_owned();
    for name in ["damm.db", "damm.db-wal"] {
        let state = std::fs::read(fleet.path(name)).unwrap_or_default();
        assert!(!state.windows(code.len()).any(|w| w == code.as_bytes()), "{name}");
    }
    let list = fleet.run(&["invitations", "list"]).expect(0).stdout;
    assert!(list.contains("first") && !list.contains(&code), "{list}");
}

#[test]
fn what_can_not_be_invited_to_or_revoked_is_said() {
    let fleet = Fleet::built();
    let other = ["invitations", "new", "--population", "second"];
    fleet.run(&other).refuses(1, &["no population second", "give one of: first"]);
    fleet.run(&["invitations", "revoke", "0123"]).refuses(1, &["no one invitation 0123"]);
    let nowhere = Fleet::new();
    nowhere.run(&["invitations", "list"]).refuses(1, &["damm.db"]);
}

#[test]
fn clients_are_not_served_in_the_clear_where_others_can_listen() {
    let fleet = Fleet::built();
    let serve = |more: &[&str]| {
        fleet.run(&[&["serve", "topology.json", "--clients", "0.0.0.0:0"], more].concat())
    };
    serve(&[]).refuses(1, &["without TLS", "--clients-tls-cert"]);
    std::fs::write(fleet.path("no.pem"), "no certificate").unwrap();
    let tls = ["--clients-tls-cert", "no.pem", "--clients-tls-key", "no.pem"];
    serve(&tls).refuses(1, &["certificate for clients can't be used"]);
    let missing = ["--clients-tls-cert", "none.pem", "--clients-tls-key", "none.pem"];
    serve(&missing).refuses(1, &["none.pem"]);
}
