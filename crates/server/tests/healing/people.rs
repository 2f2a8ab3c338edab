//! Clients: they enrol, fetch and verify catalogs, try their doors, and say what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use damm_catalog::{Catalog, Expected, Verifier};
use damm_fleet::{FrontdoorId, Network, NodeId, Span, Timestamp};
use damm_protocol::evidence::{
    Attempt, Ending, Entry, Epoch, Phase, Report, ReporterKey, VERSION, WitnessKey,
};
use damm_protocol::{Assignment, ClientSecret, Enrol, InvitationCode, NewCredential, Secret32};

use super::http::ask;

/// One client.
pub struct Person {
    pub home: Network,
    pub assignment: Assignment,
    /// The doors that it was ever told of, with the end of the last catalog that named each.
    pub doors: BTreeMap<FrontdoorId, Timestamp>,
    /// Those of its newest catalog.
    pub told: BTreeSet<FrontdoorId>,
    version: u64,
    pub nature: Nature,
}

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// What it sees.
    Honest,
    /// That this door fails, always, and five times as often as others speak.
    Against(FrontdoorId),
}

/// What a client meets when it tries a door.
pub trait World {
    /// The node that it gets to; nothing when it does not get through.
    fn try_door(&mut self, door: FrontdoorId, from: Network) -> Option<NodeId>;
    /// What a node signs receipts with.
    fn witness(&self, node: NodeId) -> WitnessKey;
}

impl Person {
    /// Enrols with a secret of this number.
    pub async fn enrol(at: SocketAddr, code: &InvitationCode, number: u32, home: Network) -> Self {
        let mut bytes = [1; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let secret = ClientSecret::new(Secret32::new(bytes));
        let asked = Enrol { invitation: code.clone(), credential: NewCredential::of(&secret) };
        let body = serde_json::to_vec(&asked).unwrap();
        let (status, body) = ask(at, &format!("POST {}", Enrol::PATH), &body).await;
        assert_eq!(status, 200, "client {number} is not let in");
        let assignment = serde_json::from_slice(&body).unwrap();
        let (doors, told) = (BTreeMap::new(), BTreeSet::new());
        Self { home, assignment, doors, told, version: 0, nature: Nature::Honest }
    }

    /// Fetches its catalog, verifies it, and never goes back to an older one.
    pub async fn fetch(&mut self, at: SocketAddr, now: Timestamp) {
        let path = format!("GET /c/{}?format=damm", self.assignment.path.expose());
        let (status, signed) = ask(at, &path, b"").await;
        if status != 200 {
            return;
        }
        let root = self.assignment.root.as_bytes();
        let expected = Expected::fleet(&self.assignment.fleet);
        let verifier = Verifier::trust(root, expected).unwrap();
        let Ok(catalog) = verifier.verify(&signed, now, None) else { return };
        if catalog.version >= self.version {
            self.take(&catalog, now);
        }
    }

    fn take(&mut self, catalog: &Catalog, now: Timestamp) {
        self.version = catalog.version;
        self.told = catalog.fronts.iter().map(|f| f.id).collect();
        self.doors.retain(|_, until| *until > now);
        self.doors.extend(self.told.iter().map(|door| (*door, catalog.expires)));
    }

    /// Whether its moment was within the last minute.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let key = ReporterKey::new(*self.assignment.reporter.as_bytes());
        let due = key.due(Epoch::at(now));
        due <= now && now < due + Span::from_mins(1)
    }

    /// Tries every door that it knows; what it says of them, and whether one it is told of failed.
    pub fn attempt(&self, world: &mut impl World, now: Timestamp) -> (Report, bool) {
        let epoch = Epoch::at(now);
        let key = ReporterKey::new(*self.assignment.reporter.as_bytes());
        let mut entries = Vec::new();
        let mut failed = false;
        for door in self.doors.keys() {
            let tok = key.token(&Attempt { door: *door, epoch, network: self.home });
            let node = world.try_door(*door, self.home);
            let lies = self.nature == Nature::Against(*door);
            let rcpt = node.map(|node| world.witness(node).receipt(*door, epoch, &tok));
            failed |= rcpt.is_none() && self.told.contains(door);
            let ok = rcpt.is_some() && !lies;
            entries.push(Entry {
                ep: *door,
                epoch,
                tok,
                rcpt: rcpt.filter(|_| ok),
                age: 0,
                phase: if ok { Phase::Application } else { Phase::Connection },
                ending: if ok { Ending::Ok } else { Ending::TimedOut },
                elapsed_time: None,
                rx: None,
                ctl: None,
            });
        }
        let by = self.assignment.number;
        (Report { v: VERSION, by, net: self.home, entries }, failed)
    }

    /// Sends a report.
    pub async fn report(at: SocketAddr, report: &Report) {
        let path = format!("POST {}", Report::PATH);
        assert_eq!(ask(at, &path, &report.to_cbor()).await.0, 202);
    }
}
