//! Which room may know which, and what the inner ones may be built on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Complaints;

/// The rooms that are pure: no async, no clock, no sockets, no randomness of their own.
pub const INNER: [&str; 12] = [
    "age", "assign", "catalog", "fleet", "formats", "hearing", "origins", "planner", "protocol",
    "reach", "sim", "world",
];

/// Every room with the rooms that it may use. A room may be missing from the workspace; one that is
/// not here is refused until somebody decides where it stands.
const ROOMS: &[(&str, &[&str])] = &[
    ("fleet", &[]),
    ("age", &[]),
    ("planner", &["fleet"]),
    ("reach", &["fleet"]),
    ("origins", &["fleet"]),
    ("assign", &["fleet"]),
    ("protocol", &["fleet", "assign"]),
    ("hearing", &["fleet", "assign", "protocol", "reach"]),
    ("catalog", &["fleet", "assign"]),
    ("formats", &["fleet", "catalog", "protocol"]),
    ("sim", &["fleet", "planner", "reach", "assign", "catalog"]),
    ("store", &["fleet", "protocol"]),
    ("clouds", &["fleet"]),
    (
        "engine",
        &[
            "fleet", "planner", "reach", "assign", "catalog", "protocol", "store", "clouds", "age",
            "channels",
        ],
    ),
    (
        "server",
        &[
            "fleet", "planner", "reach", "origins", "assign", "catalog", "age", "formats",
            "protocol", "hearing", "store", "clouds", "engine",
        ],
    ),
    ("node", &["fleet", "assign", "protocol"]),
    ("lab", &["fleet", "clouds", "protocol"]),
    ("vendors", &["fleet", "clouds", "origins"]),
    // Vendors are what it writes with; who only reads, as clients do, leaves them out.
    ("channels", &["fleet", "age", "clouds", "vendors"]),
    ("client", &["fleet", "age", "channels", "catalog", "formats", "protocol"]),
    (
        "cli",
        &[
            "fleet", "planner", "reach", "origins", "assign", "catalog", "age", "channels",
            "formats", "protocol", "sim", "store", "clouds", "engine", "server", "node", "client",
            "lab", "vendors",
        ],
    ),
    ("world", &["fleet", "reach"]),
    ("conformance", &["fleet", "clouds"]),
    ("doubles", &["fleet", "clouds", "conformance", "needs"]),
    ("house", &[]),
    ("needs", &[]),
    ("testbed", &["fleet", "protocol", "node", "needs"]),
    (
        "fuzz",
        &[
            "fleet", "reach", "origins", "assign", "age", "protocol", "hearing", "catalog",
            "formats", "channels",
        ],
    ),
    (
        "bench",
        &[
            "fleet", "planner", "store", "clouds", "engine", "node", "protocol", "testbed",
            "reach", "assign", "world", "hearing", "server",
        ],
    ),
];

/// Packages that bring async, sockets, files of a database, or the machine's randomness. A name
/// with a star stands for all that begin so.
const STRANGERS: &[&str] = &[
    "async-io",
    "async-std",
    "getrandom",
    "hyper*",
    "libsqlite3-sys",
    "mio",
    "reqwest",
    "rusqlite",
    "smol",
    "socket2",
    "sqlx*",
    "tokio*",
    "ureq",
];

/// The packages of the workspace, each with the rooms that its own manifest names.
pub fn members(metadata: &Value) -> BTreeMap<String, Vec<String>> {
    let room =
        |p: &Value| p["name"].as_str().and_then(|n| n.strip_prefix("damm-")).map(str::to_owned);
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let ours = packages.filter(|p| p["source"].is_null());
    ours.map(|package| {
        let all = package["dependencies"].as_array().into_iter().flatten();
        // The kind is null for what the program is built on; tests may use any room.
        let built_on = all.filter(|d| d["kind"].is_null());
        (room(package).unwrap_or_default(), built_on.filter_map(room).collect())
    })
    .collect()
}

/// Rooms that know a room which they should not know.
pub fn order(members: &BTreeMap<String, Vec<String>>) -> Complaints {
    let mut complaints = Vec::new();
    for (room, used) in members {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| name == room) else {
            complaints.push(format!(
                "the package damm-{room} has no place in the house: name it in ROOMS, \
                 in crates/house/src/rooms.rs, with the rooms that it may use"
            ));
            continue;
        };
        let strange = used.iter().filter(|u| !allowed.contains(&u.as_str()));
        complaints.extend(strange.map(|u| {
            format!("{room} uses {u}, which it should not know: pass what it needs as an argument")
        }));
    }
    complaints
}

/// Packages in an inner room's tree that have no place there; `tree` is what `cargo tree` prints
/// with `--prefix none`.
pub fn strangers(room: &str, tree: &str) -> Complaints {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let strange = names.filter(|name| STRANGERS.iter().any(|pattern| is(name, pattern)));
    strange
        .map(|name| {
            format!(
                "{room} is built on {name}: an inner room has no async, clock, socket or chance"
            )
        })
        .collect()
}

fn is(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(room: &str, used: &[&str]) -> BTreeMap<String, Vec<String>> {
        let used = used.iter().map(|u| (*u).to_owned()).collect();
        BTreeMap::from([(room.to_owned(), used)])
    }

    #[test]
    fn an_inner_room_that_uses_an_outer_one_is_found() {
        assert_eq!(order(&one("planner", &["fleet"])), Complaints::new());
        assert_eq!(order(&one("planner", &["fleet", "store"])).len(), 1);
        assert_eq!(order(&one("fleet", &["planner"])).len(), 1);
    }

    #[test]
    fn a_room_that_nobody_placed_is_found() {
        assert_eq!(order(&one("attic", &[])).len(), 1);
    }

    #[test]
    fn a_test_may_use_any_room() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "damm-fleet", "source": null, "dependencies": [
                { "name": "damm-store", "kind": "dev" }, { "name": "serde", "kind": null },
                { "name": "damm-cli", "kind": null },
            ] }, { "name": "serde", "source": "registry", "dependencies": [] }] });
        assert_eq!(members(&metadata), one("fleet", &["cli"]));
    }

    #[test]
    fn async_and_chance_in_an_inner_tree_are_found() {
        let tree = "damm-fleet v0.1.0 (/x)\nserde v1.0.0\ntokio-util v0.7.0\ngetrandom v0.4.0\n";
        assert_eq!(strangers("fleet", tree).len(), 2);
        assert_eq!(strangers("fleet", "damm-fleet v0.1.0\nserde v1.0.0\n"), Complaints::new());
    }

    #[test]
    fn every_inner_room_has_a_place() {
        assert!(INNER.iter().all(|inner| ROOMS.iter().any(|(room, _)| room == inner)));
    }
}
