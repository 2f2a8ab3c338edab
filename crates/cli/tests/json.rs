//! What `--json` prints, held against the page that documents it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use damm_catalog::{Catalog, Front, SCHEMA, SecretKey};
use damm_fleet::{FrontdoorId, NodeId, Role, Span, Timestamp};
use damm_node::home::Status;
use damm_protocol::{Assignment, Report, Secret32};
use serde_json::Value;
use support::{Fleet, Ran, damm, start, stop, vendor};

const PAGE: &str = include_str!("../../../docs/json.md");

/// A documented field: its rows' fields, where it says `rows of`, and whether it may be missing.
struct Field {
    rows: BTreeSet<String>,
    optional: bool,
}

fn page() -> BTreeMap<String, BTreeMap<String, Field>> {
    let mut kinds: BTreeMap<String, BTreeMap<String, Field>> = BTreeMap::new();
    let mut kind = String::new();
    for line in PAGE.lines() {
        if let Some(name) = line.strip_prefix("## `") {
            kind = name.trim_end_matches('`').to_owned();
            kinds.entry(kind.clone()).or_default();
        }
        let Some(row) = line.strip_prefix("| `") else {
            continue;
        };
        let (name, rest) = row.split_once('`').unwrap();
        let (mark, means) = rest.split_once('|').unwrap();
        let rows = means.trim().strip_prefix("rows of ").unwrap_or_default();
        let rows = rows.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let field = Field { rows, optional: mark.trim() == "?" };
        kinds.get_mut(&kind).unwrap().insert(name.to_owned(), field);
    }
    kinds
}

/// The object has all documented fields of its kind, and no other.
#[track_caller]
fn fits(ran: &Ran, kind: &str, seen: &mut BTreeSet<String>) {
    let value = ran.json();
    let object = value.as_object().unwrap();
    let first: Vec<_> = ran.stdout.lines().skip(1).take(2).map(str::trim).collect();
    assert_eq!(first, [format!("\"kind\": \"{kind}\","), "\"version\": 1,".to_owned()], "{ran:#?}");
    let page = page();
    let fields = &page[kind];
    for (name, field) in fields {
        assert!(field.optional || object.contains_key(name), "{kind} lacks {name}: {value:#}");
        for row in object.get(name).and_then(Value::as_array).into_iter().flatten() {
            let keys: BTreeSet<String> =
                row.as_object().map(|r| r.keys().cloned().collect()).unwrap_or_default();
            assert!(field.rows.is_empty() || field.rows == keys, "{kind}.{name}: {keys:?}");
        }
    }
    for name in object.keys().filter(|k| *k != "kind" && *k != "version") {
        assert!(fields.contains_key(name), "{kind}.{name} is not documented");
    }
    seen.insert(kind.to_owned());
}

/// A server's state, as its agent writes it down.
fn server(dir: &std::path::Path) -> String {
    let status = Status {
        fleet: "example".to_owned(),
        node: NodeId::from_raw(7),
        role: Role::Egress,
        at: Timestamp::EPOCH,
        joined: true,
        alone_for: Some(Span::from_mins(3)),
        held: 5,
        report: Report { applied: 5, ..Report::default() },
    };
    std::fs::create_dir(dir).unwrap();
    std::fs::write(dir.join("status"), serde_json::to_string(&status).unwrap()).unwrap();
    dir.to_str().unwrap().to_owned()
}

#[test]
fn how_an_agent_is_is_read_at_a_glance() {
    let fleet = Fleet::new();
    let none = fleet.path("none").to_str().unwrap().to_owned();
    fleet.run(&["node", "status", "--state", &none]).refuses(1, &["no agent has run"]);
    let server = server(&fleet.path("server"));
    let page = fleet.run(&["node", "status", "--state", &server]).expect(0).stdout;
    for said in ["egress of example", "without the controller for 3m", "generation 5 is applied"] {
        assert!(page.contains(said), "{page}");
    }
}

#[test]
fn every_kind_is_printed_as_it_is_documented() {
    let mut seen = BTreeSet::new();
    let fresh = Fleet::new();
    fits(&fresh.run(&["init", "sub", "--json"]).expect(0), "init", &mut seen);
    fits(&fresh.run(&["check", "topology.json", "--json"]).expect(0), "check", &mut seen);
    fits(&fresh.run(&["status", "--json"]).expect(1), "error", &mut seen);
    fits(&fresh.run(&["man", "pages", "--json"]).expect(0), "man", &mut seen);
    fits(
        &fresh.run(&["apply", "topology.json", "--yes", "--json"]).expect(0),
        "applied",
        &mut seen,
    );
    let fleet = Fleet::built();
    let run = |args: &[&str]| fleet.run(&[args, &["--json"]].concat()).expect(0);
    fits(&run(&["plan", "topology.json"]), "plan", &mut seen);
    fits(&run(&["status"]), "status", &mut seen);
    for kind in ["nodes", "frontdoors", "egress-ips", "catalogs", "ledger", "blueprints"] {
        let ran = run(&["show", kind]);
        let kind = kind.replace('-', "_");
        assert!(!ran.json()[&kind].as_array().unwrap().is_empty(), "{kind}");
        fits(&ran, &kind, &mut seen);
    }
    let door =
        run(&["show", "frontdoors"]).json()["frontdoors"][0]["id"].as_str().unwrap().to_owned();
    let verdict = format!(r#"[{{"door":"{door}","network":"IR/AS58224","state":"degraded"}}]"#);
    std::fs::write(fleet.path("v.json"), verdict).unwrap();
    fits(&run(&["verdicts", "import", "v.json"]), "verdicts-imported", &mut seen);
    fits(&run(&["show", "verdicts"]), "verdicts", &mut seen);
    fits(&run(&["show", "frontdoors", &door]), "detail", &mut seen);
    fits(&run(&["explain", &door]), "explanation", &mut seen);
    fits(&run(&["explain", "first"]), "explanation", &mut seen);
    fits(&run(&["explain", "first/1"]), "explanation", &mut seen);
    let target = run(&["status"]).json()["target"].as_str().unwrap().to_owned();
    fits(&run(&["show", "blueprints", &target]), "blueprint", &mut seen);
    fits(&run(&["audit"]), "audit", &mut seen);
    let server = server(&fleet.path("server"));
    fits(
        &fleet.run(&["node", "status", "--state", &server, "--json"]).expect(0),
        "node",
        &mut seen,
    );
    let file = std::fs::read_dir(fleet.path("published")).unwrap().next().unwrap().unwrap().path();
    let file = file.to_str().unwrap();
    fits(&run(&["catalog", "show", file]), "catalog", &mut seen);
    fits(&run(&["catalog", "verify", file, "--root", "keys/root.json"]), "catalog", &mut seen);
    let credential = fleet.run(&["credentials", "new"]).expect(0).stdout;
    std::fs::write(fleet.path("client.json"), credential).unwrap();
    let export = ["catalog", "export", file, "--root", "keys/root.json", "--format", "damm"];
    let credential = ["--credential", "client.json"];
    fits(&run(&[&export[..], &credential].concat()), "exported", &mut seen);
    fits(&run(&["drain-frontdoor", &door]), "verb", &mut seen);
    fits(&run(&["credentials", "new"]), "credential", &mut seen);
    fits(&run(&["credentials", "list"]), "credentials", &mut seen);
    fits(&run(&["credentials", "revoke", "0"]), "credential-revoked", &mut seen);
    fits(&fleet.serve_until(&["--json"], "plans, "), "served", &mut seen);
    fits(&run(&["providers"]), "providers", &mut seen);
    let front = vendor::hetzner();
    let account = vendor::fleet(&front.url());
    let ask = |args: &[&str]| {
        let token = [("TEST_TOKEN", vendor::TOKEN)];
        vendor::run(&account, &[args, &["--json"]].concat(), &token).expect(0)
    };
    fits(&ask(&["providers", "check", "topology.json"]), "providers-checked", &mut seen);
    fits(&ask(&["providers", "show", "topology.json", "helsinki"]), "provider", &mut seen);
    clients(&fleet, &mut seen);
    let mut demo = damm();
    fits(&Ran::of(demo.args(["demo", "--json"]).output().unwrap()).expect(0), "demo", &mut seen);
    let documented: BTreeSet<String> = page().into_keys().collect();
    assert_eq!(seen, documented, "a documented kind was never printed");
}

/// What invitations and clients print.
fn clients(fleet: &Fleet, seen: &mut BTreeSet<String>) {
    let run = |args: &[&str]| fleet.run(&[args, &["--json"]].concat());
    let (child, _stderr, at) = fleet.serve_clients(&["--every", "1s"]);
    let new = run(&["invitations", "new", "--population", "first"]).expect(0);
    fits(&new, "invitation", seen);
    fits(&run(&["invitations", "list"]).expect(0), "invitations", seen);
    let new = new.json();
    let client = |args: &[&str]| run(&[&["client", "--profile", "c.json"], args].concat());
    let url = format!("http://{at}");
    let code = new["invitation"].as_str().unwrap();
    fits(&client(&["enrol", &url, "--invitation", code]).expect(0), "enrolled", seen);
    fits(&client(&["fetch"]).expect(0), "fetched", seen);
    fits(&client(&["status"]).expect(0), "client", seen);
    fits(&client(&["report", "--patience", "1s"]).expect(0), "reported", seen);
    let name = new["name"].as_str().unwrap();
    fits(&run(&["invitations", "revoke", name]).expect(0), "invitation-revoked", seen);
    // What it publishes must not come between.
    stop(child);
    // Nobody listens behind the door of this catalog.
    publish(fleet, &fleet.path("c.json"));
    client(&["fetch"]).expect(0);
    fits(&client(&["choose", "--patience", "1s"]).expect(1), "chosen", seen);
    fits(&client(&["export", "--format", "sip008"]).expect(0), "exported", seen);
    let lives = fleet.command(&["client", "--profile", "c.json", "run", "--json"]);
    let (lives, _said, _) = start(lives, "reports next");
    let ran = stop(lives);
    fits(&ran, "ran", seen);
}

/// Signs a catalog with one Shadowsocks door for a client, where it looks for it.
fn publish(fleet: &Fleet, file: &Path) {
    let mut profile: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    // A place that lagged behind the controller before would be left in peace for a while.
    profile["places"] = serde_json::json!({});
    std::fs::write(file, profile.to_string()).unwrap();
    let assignment: Assignment = serde_json::from_value(profile["assignment"].clone()).unwrap();
    let region = &assignment.regions[0];
    let now = Timestamp::from_millis(
        std::time::UNIX_EPOCH.elapsed().unwrap().as_millis().try_into().unwrap(),
    );
    let params = [("server_key", Secret32::new([1; 32]).expose())];
    let method = ("method", "2022-blake3-aes-256-gcm".to_owned());
    let params = params.into_iter().chain([method]).map(|(k, v)| (k.to_owned(), v));
    let front = Front {
        id: FrontdoorId::from_raw(9),
        address: "127.0.0.1".parse().unwrap(),
        port: 9,
        transport: "shadowsocks".to_owned(),
        params: params.collect(),
    };
    let catalog = Catalog {
        schema: SCHEMA,
        fleet: assignment.fleet.clone(),
        region: region.clone(),
        audience: assignment.audiences[region][0].parse().unwrap(),
        version: 1_000,
        not_before: now,
        expires: now + Span::from_hours(1),
        fronts: vec![front],
    };
    let key = std::fs::read_to_string(fleet.path("keys/online.pem")).unwrap();
    let signed = catalog.seal(&[&SecretKey::from_pem(&key).unwrap()]).to_bytes();
    let name = &assignment.places[0].objects[region][0];
    std::fs::write(fleet.path("published").join(name), signed).unwrap();
}

#[test]
fn a_catalog_that_was_changed_is_refused() {
    let fleet = Fleet::built();
    let file = std::fs::read_dir(fleet.path("published")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    let at = text.find("\"payload\":\"").unwrap() + 40;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    std::fs::write(&file, format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
    let args = ["catalog", "verify", file.to_str().unwrap(), "--root", "keys/root.json"];
    fleet.run(&args).refuses(3, &[]);
}
