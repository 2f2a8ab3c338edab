//! What operators write, and what nodes' agents and the controller say to each other.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use damm_fleet::topology::{Diagnostics, load};
use damm_fleet::{NodeId, Span};
use damm_origins::Origins;
use damm_protocol::{
    AgentKey, Echo, JoinAnswer, JoinRequest, NodeConfig, Problem, Refusal, Report, Secret32,
    Signed, SyncAnswer, SyncRequest,
};

use crate::change::Parts;
use crate::clients::comes_back;

const DISAGREE: &str = "the schema and the reader disagree";

/// Any text is read as a topology, or all that is wrong with it is told, in both notations.
pub fn topology(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for name in ["x.json", "x.toml"] {
        if let Err(errors) = load(name, &text) {
            told(&errors);
        }
    }
}

fn told(errors: &Diagnostics) {
    let shown = errors.to_string();
    assert!(!shown.is_empty() && !shown.contains(DISAGREE), "{shown}");
}

/// The examples.
pub fn topology_seeds() -> Vec<Vec<u8>> {
    let examples: [&[u8]; 3] = [
        include_bytes!("../../../examples/minimal.toml"),
        include_bytes!("../../../examples/topology.json"),
        include_bytes!("../../../examples/lab.json"),
    ];
    examples.map(<[u8]>::to_vec).into()
}

/// What agents and the controller say reads back, and only the agent's own signature over the very
/// bytes is taken.
pub fn agents(data: &[u8]) {
    comes_back::<JoinRequest>(data);
    comes_back::<JoinAnswer>(data);
    comes_back::<SyncRequest>(data);
    comes_back::<SyncAnswer>(data);
    comes_back::<Echo>(data);
    comes_back::<Refusal>(data);
    comes_back::<Report>(data);
    comes_back::<NodeConfig>(data);
    let mut parts = Parts(data);
    let key = AgentKey::new(&Secret32::new(parts.take()));
    let text = String::from_utf8_lossy(parts.rest());
    let (signature, body) = text.split_once('\n').unwrap_or((&text, ""));
    let (path, body) = (SyncRequest::PATH, body.as_bytes());
    let taken = Signed { path, body, signature }.verify(&key.public()).is_ok();
    assert_eq!(taken, signature == key.sign(path, body));
}

/// A request of each kind, an answer, and a signature.
pub fn agents_seeds() -> Vec<Vec<u8>> {
    let key = AgentKey::new(&Secret32::new([3; 32]));
    let node = NodeId::from_raw(7);
    let join = JoinRequest {
        fleet: "example".to_owned(),
        node,
        token: "t".repeat(22),
        identity: key.public(),
        overlay: Secret32::new([4; 32]).wireguard_public(),
        transports: BTreeMap::from([("wireguard".to_owned(), BTreeMap::new())]),
    };
    let problem = Problem { part: "overlay".to_owned(), message: "It is down.".to_owned() };
    let report = Report { applied: 3, problems: vec![problem], ..Report::default() };
    let sync = SyncRequest {
        node,
        sequence: 9,
        have: 3,
        report: Some(report),
        transports: None,
        wait: Span::from_secs(30),
    };
    let refusal = serde_json::to_vec(&Refusal::Replayed { above: 7 }).unwrap();
    let echo = serde_json::to_vec(&Echo { address: Ipv4Addr::LOCALHOST.into() }).unwrap();
    let signed = format!("{}\n{{}}", key.sign(SyncRequest::PATH, b"{}"));
    let signed = [vec![3; 32], signed.into_bytes()].concat();
    let requests = [serde_json::to_vec(&join).unwrap(), serde_json::to_vec(&sync).unwrap()];
    requests.into_iter().chain([refusal, echo, signed, b"{\"config\":null}".to_vec()]).collect()
}

/// Any text is read as a table of networks or refused with its line, and what it says of an address
/// holds the address.
pub fn origins(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(table) = Origins::parse(&text) else { return };
    assert!(!table.is_empty());
    let mut parts = Parts(data);
    let drawn: [IpAddr; 4] = [
        Ipv4Addr::from(parts.take::<4>()).into(),
        Ipv6Addr::from(parts.take::<16>()).into(),
        Ipv4Addr::new(198, 51, 100, 7).into(),
        Ipv6Addr::from(0x2001_0db8 << 96 | 7).into(),
    ];
    for address in drawn {
        let origin = table.of(address);
        assert!(origin.is_none_or(|o| o.prefix.contains(&address.to_canonical())), "{address}");
    }
}

/// Lines of each kind.
pub fn origins_seeds() -> Vec<Vec<u8>> {
    let lines = [
        "198.51.100.0/24 AS64500 IR\n2001:db8::/32 64501\n",
        "198.51.100.0\t24\t64500_64501,64502\n",
        "198.51.100.0\t198.51.101.255\t64500\tIR\tEXAMPLE\n0.0.0.0/0 1\n",
    ];
    lines.map(|text| text.as_bytes().to_vec()).into()
}
