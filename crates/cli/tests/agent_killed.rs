//! `kill -9` of the real agent at every call of a tool with which it applies a config, and what a
//! second start makes of it. Each life has namespaces of its own; it needs root, and is skipped
//! with the reason where it can't run.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use damm_fleet::{FrontdoorId, NodeId, Role};
use damm_needs::Need;
use damm_node::home::{Home, Joined, Tripwire};
use damm_protocol::{
    DoorConfig, EgressPeer, IngressConfig, NodeConfig, OverlayConfig, Pin, Receiving, RoleConfig,
    Seat, Secret32, TransportConfig,
};

const NODE: NodeId = NodeId::from_raw(7);

/// Kills the agent before its call of a tool with the number in `dies-at`.
const SHIM: &str = r#"#!/bin/sh
here=${0%/*} tool=${0##*/}
case $(tr '\0' ' ' </proc/$PPID/cmdline) in
*' node run '*)
    count=$(($(cat "$here/count") + 1))
    echo $count >"$here/count"
    if [ $count = "$(cat "$here/dies-at")" ]; then kill -9 $PPID; exit 1; fi ;;
esac
PATH=${PATH#"$here":}
exec "$tool" "$@"
"#;

fn config() -> NodeConfig {
    let door = |address: &str| DoorConfig {
        address: address.parse::<IpAddr>().unwrap(),
        public: None,
        port: 443,
        transport: "shadowsocks".to_owned(),
        receiving: Receiving::Active,
    };
    let peer = |n: u8| EgressPeer {
        key: Secret32::new([n; 32]).wireguard_public(),
        endpoint: format!("192.0.2.{n}:51820").parse().unwrap(),
        address: format!("fd00::{n}").parse().unwrap(),
        weight: 1,
        v4: true,
        v6: n == 1,
        receiving: Receiving::Active,
    };
    let role = IngressConfig {
        sessions4: "10.64.0.0/22".parse().unwrap(),
        sessions6: "fd00:0:0:1::/64".parse().unwrap(),
        frontdoors: BTreeMap::from([
            (FrontdoorId::from_raw(1), door("198.51.100.10")),
            (FrontdoorId::from_raw(2), door("2001:db8::10")),
        ]),
        egresses: (1..=2).map(|n| (NodeId::from_raw(100 + u64::from(n)), peer(n))).collect(),
        transports: BTreeMap::from([("shadowsocks".to_owned(), TransportConfig::default())]),
        credentials: Vec::new(),
        witness: None,
    };
    let overlay = OverlayConfig { port: 51_820, mtu: 1420, address: "fd00::7".parse().unwrap() };
    NodeConfig { generation: 5, orders: 1, node: NODE, overlay, role: RoleConfig::Ingress(role) }
}

/// A server that holds a config and has no controller, with tools that may kill its agent.
fn prepare(dir: &Path, dies_at: u32) {
    let controller = "https://192.0.2.200:8443".to_owned();
    let seat = Seat {
        fleet: "example".to_owned(),
        node: NODE,
        role: Role::Ingress,
        controller,
        pin: Pin::of(b"key"),
        join_token: "once".to_owned(),
    };
    fs::write(dir.join("node.json"), serde_json::to_string(&seat).unwrap()).unwrap();
    let home = Home::open(&dir.join("state"), NODE, Tripwire::default()).unwrap();
    home.keep_joined(&Joined { transports: BTreeMap::new() }).unwrap();
    home.keep_held(&config()).unwrap();
    let shims = dir.join("shims");
    fs::create_dir(&shims).unwrap();
    fs::write(shims.join("count"), "0").unwrap();
    fs::write(shims.join("dies-at"), dies_at.to_string()).unwrap();
    for tool in ["ip", "nft", "wg"] {
        fs::write(shims.join(tool), SHIM).unwrap();
        fs::set_permissions(shims.join(tool), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// What a life said in the end, and how many tools its first part called.
fn life(dies_at: u32) -> (String, u32) {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path(), dies_at);
    let ran = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .args(["sh", "-c", include_str!("agent/life.sh")])
        .env("DAMM", env!("CARGO_BIN_EXE_damm"))
        .env("HOME_DIR", dir.path().join("state"))
        .env("SEAT", dir.path().join("node.json"))
        .env("SHIMS", dir.path().join("shims"))
        .env("WANTED", config().generation.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "killed at call {dies_at}: {said}\n{complained}");
    let count = fs::read_to_string(dir.path().join("shims/count")).unwrap();
    (said, count.trim().parse().unwrap())
}

/// What stands in the end, without what is drawn by chance: link-local addresses.
fn standing(said: &str) -> Vec<String> {
    let lines = said.lines().filter(|l| !l.starts_with("first life"));
    let words = |l: &str| {
        let kept: Vec<_> = l.split_whitespace().filter(|w| !w.starts_with("fe80:")).collect();
        kept.join(" ")
    };
    let mut lines: Vec<_> = lines.map(words).collect();
    lines.sort();
    lines
}

#[test]
fn an_agent_that_is_killed_at_any_call_finishes_with_its_next_start() {
    let tools = ["nft", "ip", "wg"].map(Need::Program);
    if damm_needs::unmet(&[&[Need::Namespaces][..], &tools].concat()) {
        return;
    }
    let (undisturbed, calls) = life(0);
    assert!(undisturbed.contains("first life: lived"), "{undisturbed}");
    assert!(calls >= 5, "only {calls} tools were called");
    let expected = standing(&undisturbed);
    assert!(expected.iter().any(|l| l.starts_with("table inet damm")), "{undisturbed}");
    let mut died = 0;
    for call in 1..=calls {
        let (said, _) = life(call);
        died += u32::from(said.contains("first life: died"));
        assert_eq!(standing(&said), expected, "killed at call {call}");
    }
    println!("{died} deaths in {calls} calls");
    // What comes after the config is applied, observing, may come too late to die of.
    assert!(died >= 5, "it died {died} times in {calls} calls");
}
