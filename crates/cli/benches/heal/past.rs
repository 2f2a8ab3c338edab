//! What was before: clients enrolled weeks ago, and reported for hours that all was well.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use damm_assign::path_of;
use damm_assign::trust::{Level, Rate};
use damm_client::Profile;
use damm_clouds::{Clock as _, ManualClock, NodeReport, WallClock};
use damm_engine::Keys;
use damm_fleet::{Blueprint, FrontdoorId, Inventory, Network, NodeId, Span, Timestamp, Topology};
use damm_hearing::Sender;
use damm_protocol::InvitationCode;
use damm_protocol::evidence::{
    Attempt, Ending, Entry, Epoch, Phase, Report, ReporterKey, VERSION, WitnessKey,
};
use damm_server::clients::Invitation;
use damm_server::{ClientParts, ClientsEndpoint, Served, Watch, WatchParts};
use damm_store::{Access, Store};

/// Clients enrolled so long ago, and what they say has its whole weight.
const ENROLLED: Span = Span::from_days(30);
/// So long all is well before it begins.
const WELL: Span = Span::from_hours(6);

/// The fleet's past.
struct Past {
    clock: ManualClock,
    keys: Arc<Keys>,
    store: Store,
    watch: Arc<Watch>,
    served: Served,
    topology: Topology,
    home: Network,
}

/// Lets the past happen in a fleet's directory, whose controller does not run. The answer are its
/// clients, who go to a controller from now on, each with the bucket that it is in.
pub async fn play(dir: &Path, clients: u32, controller: &str) -> Vec<(u32, Profile)> {
    let past = Past::open(dir).await;
    let profiles = past.enrol(clients, controller).await;
    past.be_well(&profiles).await;
    past.served.stop().await;
    past.watch.close().await;
    past.store.close().await.unwrap();
    profiles
}

impl Past {
    async fn open(dir: &Path) -> Self {
        let text = std::fs::read_to_string(dir.join("topology.json")).unwrap();
        let topology: Topology = serde_json::from_str(&text).unwrap();
        let keys = Arc::new(Keys::load(&dir.join("keys")).unwrap());
        let store = Store::open(&dir.join("damm.db"), Access::Write).await.unwrap();
        let clock = ManualClock::at(WallClock.now() - ENROLLED);
        let shared = Arc::new(clock.clone());
        let watch = Watch::open(WatchParts {
            store: store.clone(),
            topology: topology.clone(),
            keys: keys.clone(),
            clock: shared.clone(),
            file: dir.join("damm.db.reach"),
            origins: None,
            key: [9; 32],
        });
        let endpoint = ClientsEndpoint::new(ClientParts {
            store: store.clone(),
            topology: topology.clone(),
            base: dir.to_owned(),
            keys: keys.clone(),
            clock: shared,
            agents: None,
            watch: watch.clone(),
            direct: false,
            settings: Default::default(),
        });
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let served = endpoint.serve(here, None).await.unwrap();
        let home = "IR/AS58224".parse().unwrap();
        Self { clock, keys, store, watch, served, topology, home }
    }

    /// Everybody enrols, one a minute.
    async fn enrol(&self, clients: u32, controller: &str) -> Vec<(u32, Profile)> {
        let code = InvitationCode::new([7; 16]);
        let invitation = Invitation {
            population: "iran".parse().unwrap(),
            level: Level::MOST,
            left: clients,
            made_at: self.clock.now(),
            expires_at: self.clock.now() + ENROLLED,
            revoked: false,
            rate: Rate::default(),
        };
        self.store.put_invitation(&code.hash(), &invitation).await.unwrap();
        let here = format!("http://{}", self.served.address());
        let mut all = Vec::new();
        for number in 0..clients {
            self.clock.advance(Span::from_mins(1));
            let mut secret = [3; 32];
            secret[..4].copy_from_slice(&number.to_be_bytes());
            let mut profile = Profile::new(secret, &here, code.clone());
            profile.enrol(None).await.unwrap();
            profile.controllers = vec![controller.to_owned()];
            all.push((self.bucket(&profile), profile));
        }
        all
    }

    fn bucket(&self, profile: &Profile) -> u32 {
        let assignment = profile.assignment().unwrap();
        let buckets = self.topology.catalog.buckets;
        let key = self.keys.secret().assign_key();
        path_of(&key, &assignment.population, buckets, assignment.number.number())[0]
    }

    /// Everybody reports at their moments, for hours, until now.
    async fn be_well(&self, clients: &[(u32, Profile)]) {
        let blueprint = self.store.target().await.unwrap();
        let nodes = nodes(&blueprint);
        let mut told: BTreeMap<u32, Vec<FrontdoorId>> = BTreeMap::new();
        for (door, _, bucket) in self.store.learned().await.unwrap() {
            told.entry(bucket).or_default().push(door);
        }
        let now = WallClock.now();
        self.clock.advance((now - WELL).since(self.clock.now()));
        while self.clock.now() < now {
            let at = self.clock.now();
            for (bucket, profile) in clients {
                let doors = told.get(bucket).map_or(&[][..], Vec::as_slice);
                if let Some(report) = self.report(profile, doors, &nodes, at) {
                    self.watch.hear(&report, Sender::Unseen);
                }
            }
            let word = NodeReport { heard_at: at, healthy: true, ..NodeReport::default() };
            let words = blueprint.nodes.keys().map(|node| (*node, word.clone())).collect();
            self.watch.look(&blueprint, &Inventory::default(), &words).await.unwrap();
            self.clock.advance(Span::from_mins(1));
        }
    }

    /// What a client says whose moment is within this minute: that all of its doors work.
    fn report(
        &self,
        profile: &Profile,
        doors: &[FrontdoorId],
        nodes: &BTreeMap<FrontdoorId, NodeId>,
        now: Timestamp,
    ) -> Option<Report> {
        let assignment = profile.assignment().unwrap();
        let key = ReporterKey::new(*assignment.reporter.as_bytes());
        let epoch = Epoch::at(now);
        let due = key.due(epoch);
        let is_due = due <= now && now < due + Span::from_mins(1);
        let entry = |door: &FrontdoorId| {
            let tok = key.token(&Attempt { door: *door, epoch, network: self.home });
            let witness = WitnessKey::new(self.keys.secret().witness(nodes[door]));
            let rcpt = Some(witness.receipt(*door, epoch, &tok));
            let (phase, ending, age) = (Phase::Application, Ending::Ok, 0);
            let (elapsed_time, rx, ctl) = (None, None, None);
            Entry { ep: *door, epoch, tok, rcpt, age, phase, ending, elapsed_time, rx, ctl }
        };
        let entries = doors.iter().filter(|door| nodes.contains_key(door)).map(entry).collect();
        is_due.then_some(Report { v: VERSION, by: assignment.number, net: self.home, entries })
    }
}

fn nodes(blueprint: &Blueprint) -> BTreeMap<FrontdoorId, NodeId> {
    let nodes = blueprint.nodes.values();
    nodes.flat_map(|n| n.frontdoors.keys().map(|door| (*door, n.id))).collect()
}
