//! A node's services in the namespace of a test, and what their clients are made of.

// Each test binary uses a part of this.
#![allow(dead_code, clippy::unwrap_used)]

pub mod witness;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use damm_node::service::{Places, Services, Supervisor};
use damm_protocol::{
    ClientSecret, Credential, CredentialId, IngressConfig, NodeConfig, OverlayConfig, RoleConfig,
    Secret32, TransportConfig,
};

pub fn places(dir: &Path) -> Places {
    let program = env!("CARGO_BIN_EXE_damm").into();
    Places { state: dir.join("state"), etc: dir.join("etc"), run: dir.join("run"), program }
}

pub async fn services(dir: &Path) -> Services {
    Services::open(places(dir), Supervisor::Direct).await.unwrap()
}

pub fn client(number: u8) -> ClientSecret {
    ClientSecret::new(Secret32::new([number; 32]))
}

pub fn credential(number: u8) -> Credential {
    client(number).credential(CredentialId::new(number.into()).unwrap())
}

pub fn ingress(transports: &[&str], clients: &[u8]) -> NodeConfig {
    let transport = |kind: &&str| ((*kind).to_owned(), TransportConfig::default());
    NodeConfig {
        generation: 1,
        orders: 1,
        node: "node-3k9d2m4v7q1x".parse().unwrap(),
        overlay: OverlayConfig { port: 51820, mtu: 1420, address: "fd00::1".parse().unwrap() },
        role: RoleConfig::Ingress(IngressConfig {
            sessions4: "10.64.4.0/22".parse().unwrap(),
            sessions6: "fd00:0:0:4::/64".parse().unwrap(),
            frontdoors: BTreeMap::new(),
            egresses: BTreeMap::new(),
            transports: transports.iter().map(transport).collect(),
            credentials: clients.iter().map(|n| credential(*n)).collect(),
            witness: None,
        }),
    }
}

/// Waits for what is soon so; a minute is for a machine that does much else.
pub async fn soon(what: &str, so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !so() {
        assert!(Instant::now() < until, "{what} did not come to be");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn ip(batch: &str) {
    for line in batch.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let words = line.split(' ');
        assert!(Command::new("ip").args(words).status().unwrap().success(), "ip {line}");
    }
}

/// A client's program, ended with what it was started for.
pub struct Client(pub Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
