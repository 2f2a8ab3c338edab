//! `damm catalog export`: what it writes, and what it refuses to.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::{Fleet, Ran};

/// A fleet with a catalog, and a client's credential.
fn fleet() -> (Fleet, String) {
    let fleet = Fleet::built();
    let credential = fleet.run(&["credentials", "new"]).expect(0).stdout;
    std::fs::write(fleet.path("client.json"), credential).unwrap();
    let mut published = std::fs::read_dir(fleet.path("published")).unwrap();
    let file = published.next().unwrap().unwrap().path();
    let file = file.to_str().unwrap().to_owned();
    (fleet, file)
}

fn export(fleet: &Fleet, file: &str, more: &[&str]) -> Ran {
    let args = ["catalog", "export", file, "--root", "keys/root.json"];
    let credential = ["--credential", "client.json"];
    fleet.run(&[&args[..], &credential, more].concat())
}

#[test]
fn the_signed_catalog_comes_out_as_it_is() {
    let (fleet, file) = fleet();
    let ran = export(&fleet, &file, &["--format", "damm"]).expect(0);
    assert_eq!(ran.stdout.as_bytes(), std::fs::read(&file).unwrap());
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_catalog_that_a_client_would_refuse_is_refused() {
    let (fleet, file) = fleet();
    let late = ["--format", "damm", "--at", "2099-01-01T00:00:00Z"];
    export(&fleet, &file, &late).refuses(3, &["expired"]);
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.len() / 2;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(&file, bytes).unwrap();
    export(&fleet, &file, &["--format", "damm"]).refuses(3, &[]);
}

#[test]
fn an_app_that_can_go_to_no_door_is_not_given_an_empty_list() {
    // The doors of the embedded cloud have no server behind them, so nothing is known to open them.
    let (fleet, file) = fleet();
    for format in ["sing-box", "mihomo", "sip008", "links", "wireguard"] {
        let ran = export(&fleet, &file, &["--format", format]);
        let ran = ran.refuses(1, &["no door of this catalog", "another format"]);
        assert_eq!(ran.stdout, "");
    }
    let ran = export(&fleet, &file, &["--format", "outline"]).expect(0);
    assert!(ran.stdout.contains("\"error\""), "{}", ran.stdout);
}

#[test]
fn a_format_that_there_is_not_is_answered_with_those_that_there_are() {
    let (fleet, file) = fleet();
    let words = ["no such format", "sing-box", "wireguard"];
    export(&fleet, &file, &["--format", "pac"]).refuses(1, &words);
}

#[test]
fn a_damaged_credential_is_not_shown() {
    let (fleet, file) = fleet();
    let text = std::fs::read_to_string(fleet.path("client.json")).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    let secret = whole["secret"].as_str().unwrap();
    let damaged = text.replace(secret, &format!("{secret}{secret}"));
    std::fs::write(fleet.path("client.json"), damaged).unwrap();
    let ran = export(&fleet, &file, &["--format", "damm"]);
    let ran = ran.refuses(1, &["client.json", "damm credentials new"]);
    assert!(!ran.stderr.contains(&secret[..20]), "{}", ran.stderr);
}
