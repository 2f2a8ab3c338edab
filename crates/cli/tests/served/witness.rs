//! A node's witness, and one who asks it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use damm_fleet::{FrontdoorId, Timestamp};
use damm_protocol::evidence::{Epoch, WitnessKey};
use damm_protocol::{DoorConfig, NodeConfig, Question, Receiving, RoleConfig, witness_addresses};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::ingress;

/// A node with a front door and a witness.
pub fn witnessed(door: u64, key: u8) -> NodeConfig {
    let mut config = ingress(&[], &[]);
    let RoleConfig::Ingress(ingress) = &mut config.role else { unreachable!() };
    let place = DoorConfig {
        address: "198.51.100.1".parse().unwrap(),
        public: None,
        port: 443,
        transport: "shadowsocks".into(),
        receiving: Receiving::Active,
    };
    ingress.frontdoors = BTreeMap::from([(FrontdoorId::from_raw(door), place)]);
    ingress.witness = Some(WitnessKey::new([key; 32]));
    config
}

/// Whether the witness gives the receipt for a door that a key makes.
pub async fn is_signed(door: u64, key: u8) -> bool {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let epoch = Epoch::at(Timestamp::from_millis(since.as_millis() as i64));
    let token = "5a".repeat(16).parse().unwrap();
    let question = Question { door: FrontdoorId::from_raw(door), epoch, token };
    let Ok(mut stream) = TcpStream::connect(witness_addresses()[0]).await else { return false };
    let request = format!("GET {} HTTP/1.0\r\n\r\n", question.path());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.ends_with(&question.receipt(&WitnessKey::new([key; 32])).to_string())
}

/// Waits until the witness signs.
pub async fn signs(door: u64, key: u8) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_signed(door, key).await {
        assert!(Instant::now() < until, "no receipt for the door {door}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
