//! What comes out of templates, and what is refused.

mod refusals;
mod schema;

use damm_fleet::topology::{Backbone, Transport};
use damm_fleet::{Duty, EgressIp, Few, Frontdoor, Node, Reason, Role, Seed, Stage, Timestamp, Usd};
use damm_protocol::{Pin, Seat};

use super::{BootstrapError, JoinKey, JoinToken, Stamp, Template, UserData, render};

/// What the vendors take: EC2, Hetzner, DigitalOcean.
const LIMITS: [usize; 3] = [16 << 10, 32 << 10, 64 << 10];

/// Of a key that is nobody's.
fn token(node: &Node) -> JoinToken {
    JoinKey::new([7; 32]).token("example", node.id, 1)
}

fn node(role: Role, addresses: u16) -> Node {
    let mut seed = Seed::from_number(1);
    let mut node = Node {
        id: seed.node(),
        role,
        region: "eu-north".parse().unwrap(),
        provider: "sim-a".parse().unwrap(),
        profile: "edge".parse().unwrap(),
        machine: "small".to_owned(),
        location: "a1".to_owned(),
        created_at: Timestamp::default(),
        duty: Duty::Serve,
        stage: Stage::Building,
        replaces: None,
        reason: Reason::BelowTarget { have: 0, want: 1 },
        cost: Usd::default(),
        frontdoors: Few::new(),
        egress_ips: Few::new(),
    };
    for ordinal in 0..addresses {
        match role {
            Role::Ingress => add_door(&mut node, &mut seed, 443 + ordinal),
            Role::Egress => add_egress_ip(&mut node, &mut seed),
        }
    }
    node
}

fn add_door(node: &mut Node, seed: &mut Seed, port: u16) {
    let door = Frontdoor {
        id: seed.frontdoor(),
        transport: Transport { kind: "shadowsocks".to_owned(), port },
        created_at: node.created_at,
        stage: Stage::Building,
        replaces: None,
        withheld_from: Default::default(),
        reason: node.reason.clone(),
        cost: Usd::default(),
    };
    node.frontdoors.insert(door.id, door);
}

fn add_egress_ip(node: &mut Node, seed: &mut Seed) {
    let ip = EgressIp {
        id: seed.egress_ip(),
        created_at: node.created_at,
        stage: Stage::Building,
        replaces: None,
        reason: node.reason.clone(),
        cost: Usd::default(),
    };
    node.egress_ips.insert(ip.id, ip);
}

fn stamped(
    node: &Node,
    fleet: &str,
    controller: &str,
    template: &Template<'_>,
    limit: usize,
) -> Result<UserData, BootstrapError> {
    let backbone = Backbone { controller: controller.to_owned(), ..Backbone::default() };
    let (backbone, token, pin) = (&backbone, &token(node), Pin::of(b"key"));
    let stamp = Stamp { fleet, node, generation: 3, backbone, pin, token };
    render(&stamp, template, limit)
}

fn plain(node: &Node, template: &Template<'_>) -> Result<UserData, BootstrapError> {
    stamped(node, "example", "https://controller.example:8443", template, LIMITS[0])
}

fn built_in(role: Role) -> UserData {
    plain(&node(role, 2), &Template::built_in(role)).unwrap()
}

/// A file that user data writes, by its path.
fn written(data: &UserData, path: &str) -> serde_json::Value {
    let config: serde_json::Value = serde_saphyr::from_str(data.expose()).unwrap();
    let files = config["write_files"].as_array().unwrap();
    files.iter().find(|f| f["path"] == path).unwrap().clone()
}

fn node_file(data: &UserData) -> serde_json::Value {
    let file = written(data, "/etc/damm/node.json");
    serde_json::from_str(file["content"].as_str().unwrap()).unwrap()
}

#[test]
fn the_built_in_template_for_ingress_comes_out_as_recorded() {
    insta::assert_snapshot!(built_in(Role::Ingress).expose());
}

#[test]
fn the_built_in_template_for_egress_comes_out_as_recorded() {
    insta::assert_snapshot!(built_in(Role::Egress).expose());
}

#[test]
fn the_agent_reads_who_it_is_and_what_it_serves() {
    let edge = node(Role::Ingress, 2);
    let file = node_file(&built_in(Role::Ingress));
    assert_eq!(file["node"], edge.id.to_string());
    assert_eq!(file["role"], "ingress");
    assert_eq!(file["generation"], 3);
    assert_eq!(file["join_token"], token(&edge).expose());
    let doors: Vec<_> = edge.frontdoors.values().collect();
    for (seen, door) in file["frontdoors"].as_array().unwrap().iter().zip(doors) {
        assert_eq!(seen["id"], door.id.to_string());
        assert_eq!(seen["port"], door.transport.port);
    }
}

#[test]
fn what_is_stamped_is_a_seat() {
    for role in [Role::Ingress, Role::Egress] {
        let seat: Seat = serde_json::from_value(node_file(&built_in(role))).unwrap();
        assert_eq!((seat.role, seat.pin), (role, Pin::of(b"key")));
        assert_eq!((seat.fleet.as_str(), seat.node), ("example", node(role, 2).id));
        assert_eq!(seat.controller, "https://controller.example:8443");
        assert_eq!(seat.join_token, token(&node(role, 2)).expose());
    }
}

#[test]
fn only_root_can_read_the_file_with_the_token() {
    for role in [Role::Ingress, Role::Egress] {
        let file = written(&built_in(role), "/etc/damm/node.json");
        assert_eq!(file["permissions"], "0600");
        assert_eq!(file["owner"], "root:root");
    }
}

#[test]
fn an_egress_node_is_told_of_no_front_door_and_an_ingress_node_of_no_egress_address() {
    assert!(node_file(&built_in(Role::Egress)).get("frontdoors").is_none());
    assert!(node_file(&built_in(Role::Ingress)).get("egress_ips").is_none());
    assert_eq!(node_file(&built_in(Role::Egress))["egress_ips"].as_array().unwrap().len(), 2);
}

#[test]
fn nothing_is_downloaded_at_boot_but_the_distributions_packages() {
    for role in [Role::Ingress, Role::Egress] {
        let text = Template::built_in(role).text;
        for word in ["curl", "wget", "http:", "https:", "| sh", "|sh", "apt:", "snap:"] {
            assert!(!text.contains(word), "{role}: {word}");
        }
        let config: serde_json::Value = serde_saphyr::from_str(built_in(role).expose()).unwrap();
        let packages = config["packages"].as_array().unwrap();
        let plain =
            |p: &serde_json::Value| p.as_str().is_some_and(|p| !p.contains([' ', '/', '=']));
        assert!(packages.iter().all(plain), "{role}: {packages:?}");
    }
}

#[test]
fn systemd_finds_no_fault_in_the_agents_unit() {
    if damm_needs::unmet(&[damm_needs::Need::SystemdAnalyze]) {
        return;
    }
    for role in [Role::Ingress, Role::Egress] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("damm-node.service");
        let file = written(&built_in(role), "/etc/systemd/system/damm-node.service");
        // The program is not on this machine; one that is stands in for it.
        let unit = file["content"].as_str().unwrap().replace("/usr/local/bin/damm", "/bin/true");
        std::fs::write(&path, unit).unwrap();
        let mut verify = std::process::Command::new("systemd-analyze");
        let verified = verify.arg("verify").arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&verified.stderr);
        let ours: Vec<_> = said.lines().filter(|l| l.contains("damm-node.service")).collect();
        assert!(ours.is_empty(), "{role}: {ours:?}");
    }
}

#[test]
fn the_largest_nodes_that_a_profile_can_ask_for_fit_the_vendors_limits() {
    // The most that the topology's schema allows: 64 front doors, 256 egress addresses.
    let largest = [node(Role::Ingress, 64), node(Role::Egress, 256)];
    for (node, limit) in largest.iter().flat_map(|n| LIMITS.map(|l| (n, l))) {
        let template = Template::built_in(node.role);
        let data = stamped(node, "example", "https://c.example", &template, limit).unwrap();
        assert!(data.expose().len() <= limit);
    }
}

#[test]
fn an_operators_own_template_takes_the_place_of_the_built_in_one() {
    let text = "#cloud-config\nhostname: {{ node }}\nwrite_files:\n  - path: /etc/x\n    \
                content: {{ join_token }}\n{% if role == 'ingress' %}timezone: UTC{% endif %}\n";
    let own = Template { name: "own.yaml", text };
    let edge = node(Role::Ingress, 1);
    let data = plain(&edge, &own).unwrap();
    let config: serde_json::Value = serde_saphyr::from_str(data.expose()).unwrap();
    assert_eq!(config["hostname"], edge.id.to_string());
    assert_eq!(config["timezone"], "UTC");
    assert_eq!(written(&data, "/etc/x")["content"], token(&edge).expose());
}

#[test]
fn the_same_stamp_gives_the_same_bytes() {
    assert_eq!(built_in(Role::Ingress), built_in(Role::Ingress));
}

/// Names that would like to be more than names.
const ODD: [&str; 5] = [
    "a\nruncmd: [[reboot]]",
    "\"\n      }\nruncmd:\n  - [reboot]\n",
    "' #: {{ join_token }} {% raw %}",
    "a: b, [c] & *d !e | > % @ `",
    "ü\u{1f600}\u{0}\t\r--- \n...\n",
];

#[test]
fn odd_names_stay_in_their_place() {
    let parse = |d: &UserData| serde_saphyr::from_str::<serde_json::Value>(d.expose()).unwrap();
    let expected = parse(&built_in(Role::Ingress));
    for name in ODD {
        let data = named(name).unwrap();
        assert_eq!(node_file(&data)["fleet"], name, "{name:?}");
        assert_eq!(node_file(&data)["controller"], name, "{name:?}");
        let config = parse(&data);
        assert_eq!(config["runcmd"], expected["runcmd"], "{name:?}");
        let keys = |v: &serde_json::Value| v.as_object().unwrap().len();
        assert_eq!(keys(&config), keys(&expected), "{name:?}");
    }
}

#[test]
fn what_old_yaml_takes_for_the_end_of_a_line_is_refused() {
    for symbol in ['\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'] {
        let error = named(&format!("a{symbol}runcmd: [[reboot]]")).unwrap_err();
        let found = matches!(error, BootstrapError::Symbol { symbol: s, .. } if s == symbol as u32);
        assert!(found, "{error}");
    }
}

/// Of a fleet and a controller of this name.
fn named(name: &str) -> Result<UserData, BootstrapError> {
    let template = Template::built_in(Role::Ingress);
    stamped(&node(Role::Ingress, 2), name, name, &template, LIMITS[0])
}
