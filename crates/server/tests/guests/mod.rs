//! A fleet in a state, a clients' endpoint on loopback, and clients that ask it.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]
#![allow(dead_code, reason = "each test binary uses its own part")]

#[path = "../stock/mod.rs"]
mod stock;

use std::net::SocketAddr;
use std::sync::Arc;

use damm_assign::path_of;
use damm_assign::trust::{Level, Rate};
use damm_catalog::{Catalog, Expected, Front, SCHEMA, Verifier};
use damm_clouds::ManualClock;
use damm_engine::Keys;
use damm_fleet::{
    Blueprint, Diff, FrontdoorId, Node, NodeId, Origin, Reason, Role, Seed, Span, Stage, Timestamp,
    Topology,
};
use damm_formats::Settings;
use damm_origins::Origins;
use damm_protocol::{Assignment, ClientSecret, Enrol, InvitationCode, NewCredential, Secret32};
use damm_server::clients::Invitation;
use damm_server::{ClientParts, ClientsEndpoint, Served, Watch, WatchParts};
use damm_store::{Access, BucketKey, Edition, PublishedBucket, Store};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// When everything begins: a quarter to three in the afternoon.
/// (2023-11-14.)
pub const START: Timestamp = Timestamp::from_millis(1_699_972_500_000);

pub struct World {
    pub dir: TempDir,
    pub store: Store,
    pub clock: ManualClock,
    pub keys: Arc<Keys>,
    pub watch: Arc<Watch>,
    pub served: Served,
    pub node: NodeId,
    pub doors: Vec<FrontdoorId>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    #[track_caller]
    pub fn assignment(&self) -> Assignment {
        assert_eq!(self.status, 200);
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn topology() -> Topology {
    let topology = json!({
        "fleet": "example",
        "providers": { "sim-a": {
            "kind": "sim", "asns": [64501], "locations": { "north": "b1" },
        } },
        "profiles": {
            "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": 2,
                      "transports": [{ "kind": "shadowsocks", "port": 443 }] },
            "exit": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": 2 },
        },
        "regions": { "north": {
            "ingress": { "profile": "edge", "live": 2, "providers": ["sim-a"] },
            "egress": { "profile": "exit", "nodes": 1, "providers": ["sim-a"] },
        } },
        "populations": { "first": {
            "country": "IR", "asns": [58224], "regions": ["north"], "min_fronts": 1,
        } },
        "catalog": { "buckets": 4,
                     "channels": [
                         { "kind": "directory", "path": "published" },
                         { "kind": "directory", "path": "shared", "encrypt": true,
                           "url": "https://files.example.org" },
                         { "kind": "s3", "endpoint": "https://s3.example.org/", "prefix": "c/",
                           "bucket": "catalogs", "credentials": { "env": "S3" } },
                         { "kind": "dns", "server": "192.0.2.53", "zone": "c.example.org.",
                           "credentials": { "env": "TSIG" } },
                     ] },
    });
    serde_json::from_value(topology).unwrap()
}

/// A node of the topology with two front doors.
fn node(seed: &mut Seed) -> Node {
    let provider = "sim-a".parse().unwrap();
    let (machine, location) = ("small".to_owned(), "b1".to_owned());
    Node { provider, machine, location, ..stock::node(seed, Role::Ingress, START) }
}

/// What clients' addresses are in these tests.
const ORIGINS: &str = "127.0.0.0/8 AS58224 IR";

async fn serve(
    store: &Store,
    clock: &ManualClock,
    keys: &Arc<Keys>,
    dir: &TempDir,
) -> (Arc<Watch>, Served) {
    let clock = Arc::new(clock.clone());
    let watch = Watch::open(WatchParts {
        store: store.clone(),
        topology: topology(),
        keys: keys.clone(),
        clock: clock.clone(),
        file: dir.path().join("damm.db.reach"),
        origins: Some(Arc::new(Origins::parse(ORIGINS).unwrap())),
        key: [9; 32],
    });
    watch.meet().await.unwrap();
    let endpoint = ClientsEndpoint::new(ClientParts {
        store: store.clone(),
        topology: topology(),
        base: dir.path().to_owned(),
        keys: keys.clone(),
        clock,
        agents: None,
        watch: watch.clone(),
        direct: true,
        settings: Settings::default(),
    });
    let listening = endpoint.serve(SocketAddr::from(([127, 0, 0, 1], 0)), None).await.unwrap();
    (watch, listening)
}

impl World {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("damm.db"), Access::Write).await.unwrap();
        let node = node(&mut Seed::from_number(1));
        let doors = node.frontdoors.keys().copied().collect();
        retarget(&store, 2, |next| drop(next.nodes.insert(node.id, node.clone()))).await;
        let (clock, keys, node) = (ManualClock::at(START), stock::keys(START), node.id);
        let (watch, served) = serve(&store, &clock, &keys, &dir).await;
        Self { dir, store, clock, keys, watch, served, node, doors }
    }

    pub async fn restart(self) -> Self {
        let Self { dir, store, clock, keys, watch, served, node, doors } = self;
        served.stop().await;
        watch.close().await;
        store.close().await.unwrap();
        let store = Store::open(&dir.path().join("damm.db"), Access::Write).await.unwrap();
        let (watch, served) = serve(&store, &clock, &keys, &dir).await;
        Self { dir, store, clock, keys, watch, served, node, doors }
    }

    /// Ends it all; the answer has the directory, and what is left of the keys to search for.
    pub async fn close(self) -> (TempDir, String) {
        self.served.stop().await;
        self.watch.close().await;
        self.store.close().await.unwrap();
        (self.dir, self.keys.secret().to_text().to_string())
    }

    /// An invitation of the operator's for one; its holders are trusted most with code 4.
    pub async fn invite(&self, code: u8, but: impl FnOnce(&mut Invitation)) -> InvitationCode {
        let code = InvitationCode::new([code; 16]);
        let level = if code == InvitationCode::new([4; 16]) { Level::MOST } else { Level::NONE };
        let mut invitation = Invitation {
            population: "first".parse().unwrap(),
            level,
            left: 1,
            made_at: START,
            expires_at: START + Span::from_days(1),
            revoked: false,
            rate: Rate::default(),
        };
        but(&mut invitation);
        self.store.put_invitation(&code.hash(), &invitation).await.unwrap();
        code
    }

    pub async fn enrol(&self, code: &InvitationCode, client: u8) -> Answer {
        let secret = ClientSecret::new(Secret32::new([client; 32]));
        let credential = NewCredential::of(&secret);
        let enrol = Enrol { invitation: code.clone(), credential };
        self.ask("POST", Enrol::PATH, &[], serde_json::to_string(&enrol).unwrap()).await
    }

    /// The path of a client that is let in no longer.
    pub async fn revoked(&self) -> String {
        let code = self.invite(77, |_| {}).await;
        let assignment = self.enrol(&code, 77).await.assignment();
        self.store.revoke_credential(assignment.number).await.unwrap();
        assignment.path.expose().to_owned()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let body = body.as_ref();
        let mut stream = tokio::net::TcpStream::connect(self.served.address()).await.unwrap();
        let headers: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n"
        );
        let request = [request.as_bytes(), body].concat();
        stream.write_all(&request).await.unwrap();
        let mut answer = Vec::new();
        // Where more was sent than is read, the connection may end with a reset behind the answer.
        drop(stream.read_to_end(&mut answer).await);
        parse(&answer)
    }

    /// Publishes a catalog of these doors to a client's bucket.
    pub async fn publish(&self, to: &Assignment, version: u64, doors: &[FrontdoorId]) {
        let server_key = Secret32::new([1; 32]).expose();
        let method = "2022-blake3-aes-256-gcm".to_owned();
        let params = [("server_key".to_owned(), server_key), ("method".to_owned(), method)];
        let front = |(n, id): (u8, &FrontdoorId)| Front {
            id: *id,
            address: [203, 0, 113, n].into(),
            port: 443,
            transport: "shadowsocks".to_owned(),
            params: params.clone().into(),
        };
        let catalog = Catalog {
            schema: SCHEMA,
            fleet: "example".to_owned(),
            region: "north".parse().unwrap(),
            audience: "mfrggzdfmztwq2lknnwg23tpobyxe43u".parse().unwrap(),
            version,
            not_before: START,
            expires: START + Span::from_hours(6),
            fronts: (1u8..).zip(doors).map(front).collect(),
        };
        let signed = catalog.seal(&[self.keys.online()]).to_bytes();
        let bucket = PublishedBucket {
            version,
            digest: catalog.contents_digest(),
            expires_at: catalog.expires,
        };
        let key = BucketKey {
            region: catalog.region,
            population: to.population.clone(),
            bucket: self.path(to)[0],
        };
        let edition = Edition { key, bucket, signed: Some(String::from_utf8(signed).unwrap()) };
        self.store.put_editions(&[edition]).await.unwrap();
    }

    /// The buckets that a client can ever be in, its base bucket first.
    pub fn path(&self, client: &Assignment) -> [u32; 16] {
        let key = self.keys.secret().assign_key();
        path_of(&key, &client.population, 4, client.number.number())
    }

    pub fn verify(&self, signed: Vec<u8>) -> Result<Catalog, damm_catalog::Refusal> {
        let verifier = Verifier::trust(self.keys.root(), Expected::fleet("example"))?;
        verifier.verify(&signed, START, None)
    }

    pub async fn drain_first_door(&self) {
        let first = self.doors[0];
        retarget(&self.store, 3, |next| drain(next, |id| id == first)).await;
    }

    pub async fn drain_all_doors(&self) {
        retarget(&self.store, 4, |next| drain(next, |_| true)).await;
    }
}

fn drain(next: &mut Blueprint, which: impl Fn(FrontdoorId) -> bool) {
    let doors = next.nodes.values_mut().flat_map(|n| n.frontdoors.values_mut());
    for door in doors.filter(|d| which(d.id)) {
        door.stage = Stage::Draining {
            since: START,
            deadline: START + Span::from_days(1),
            why: Reason::Operator,
        };
    }
}

/// Makes the next blueprint the target.
async fn retarget(store: &Store, seed: u64, edit: impl FnOnce(&mut Blueprint)) {
    let parent = store.target().await.unwrap();
    let mut next = parent.child(Seed::from_number(seed).blueprint(), START, Origin::Planner);
    edit(&mut next);
    let diff = Diff::between(&parent, &next);
    store.set_target(&next, &diff, &json!({}), "tester").await.unwrap();
}

fn parse(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap()[9..12].parse().unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_owned(), value.to_owned())
    };
    let mut headers: Vec<_> = lines.map(header).collect();
    headers.sort();
    Answer { status, headers, body: answer[end + 4..].to_vec() }
}
