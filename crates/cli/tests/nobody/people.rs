//! Clients that enrol, fetch and report, each of which leaves marks.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use damm_catalog::{Expected, Verifier};
use damm_engine::Keys;
use damm_fleet::{Asn, FrontdoorId, Network, NodeId, Timestamp};
use damm_protocol::evidence::{
    Attempt, Ending, Entry, Epoch, Phase, Report, ReporterKey, VERSION, WitnessKey,
};
use damm_protocol::{Assignment, ClientSecret, Enrol, InvitationCode, NewCredential, Secret32};

use crate::marks::Marks;
use crate::tls::Door;

/// A client.
pub struct Person {
    pub from: IpAddr,
    number: u8,
    assignment: Assignment,
    doors: Vec<FrontdoorId>,
}

/// Where the controller's certificate says that it is, and what a test knows that clients don't.
pub struct Stage {
    pub door: Door,
    pub keys: Keys,
    pub nodes: BTreeMap<FrontdoorId, NodeId>,
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(since.as_millis() as i64)
}

/// Where clients stand: most in a network that the topology names, a few in one that it doesn't.
pub fn address(number: u8, few: bool) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, if few { 78 } else { 77 }, 66, number))
}

impl Person {
    /// Enrols from its address.
    pub async fn enrol(stage: &Stage, code: &str, number: u8, few: bool, to: &mut Marks) -> Self {
        let bytes = std::array::from_fn(|i| {
            number.wrapping_mul(37).wrapping_add((i as u8).wrapping_mul(11))
        });
        let from = address(number, few);
        let secret = ClientSecret::new(Secret32::new(bytes));
        let code: InvitationCode = code.parse().unwrap();
        let asked = Enrol { invitation: code, credential: NewCredential::of(&secret) };
        let body = serde_json::to_vec(&asked).unwrap();
        let (status, body) =
            stage.door.ask(from, &format!("POST {}", Enrol::PATH), "", &body).await;
        assert_eq!(status, 200, "client {number} is not let in");
        let assignment: Assignment = serde_json::from_slice(&body).unwrap();
        to.bytes("a client's secret", &bytes);
        to.text("a subscription's path", assignment.path.expose());
        to.bytes("a reporter's key", assignment.reporter.as_bytes());
        to.text("a client's address", &from.to_string());
        Self { from, number, assignment, doors: Vec::new() }
    }

    /// Fetches its catalog, as an app that says who it is.
    pub async fn fetch(&mut self, stage: &Stage, to: &mut Marks) {
        let app = format!("app-of-{:03}-e7c1", self.number);
        to.text("an app's name", &app);
        let more = format!("user-agent: {app}\r\nx-forwarded-for: {}\r\n", self.from);
        let path = format!("GET /c/{}", self.assignment.path.expose());
        for format in ["sing-box", "mihomo", "sip008", "links"] {
            stage.door.ask(self.from, &format!("{path}?format={format}"), &more, b"").await;
        }
        let line = format!("{path}?format=damm");
        let (status, signed) = stage.door.ask(self.from, &line, &more, b"").await;
        assert_eq!(status, 200);
        let expected = Expected::fleet(&self.assignment.fleet);
        let verifier = Verifier::trust(self.assignment.root.as_bytes(), expected).unwrap();
        let catalog = verifier.verify(&signed, now(), None).unwrap();
        self.doors = catalog.fronts.iter().map(|front| front.id).collect();
    }

    /// Reports on every door: that all but the first work. Answers whether this was its moment.
    pub async fn report(&self, stage: &Stage, to: &mut Marks) -> bool {
        let (epoch, net) = (Epoch::at(now()), Network::new("IR", Asn(58_224)).unwrap());
        let key = ReporterKey::new(*self.assignment.reporter.as_bytes());
        let mut entries = Vec::new();
        for (place, door) in self.doors.iter().enumerate() {
            let tok = key.token(&Attempt { door: *door, epoch, network: net });
            let witness = WitnessKey::new(stage.keys.secret().witness(stage.nodes[door]));
            let rcpt = (place > 0).then(|| witness.receipt(*door, epoch, &tok));
            to.bytes("a token", tok.as_bytes());
            rcpt.iter().for_each(|r| to.bytes("a receipt", r.as_bytes()));
            let (phase, ending) = match rcpt {
                Some(_) => (Phase::Application, Ending::Ok),
                None => (Phase::Connection, Ending::TimedOut),
            };
            let age = 0;
            let (elapsed_time, rx, ctl) = (None, None, None);
            let entry =
                Entry { ep: *door, epoch, tok, rcpt, age, phase, ending, elapsed_time, rx, ctl };
            entries.push(entry);
        }
        let by = self.assignment.number;
        let report = Report { v: VERSION, by, net, entries };
        let line = format!("POST {}", Report::PATH);
        let is_heard = Epoch::is_heard(key.due(epoch), now());
        let (status, _) = stage.door.ask(self.from, &line, "", &report.to_cbor()).await;
        assert_eq!(status, 202);
        is_heard
    }

    /// What nobody should send: it is not taken, and not written down either.
    pub async fn babble(&self, stage: &Stage, to: &mut Marks) {
        let odd = format!("odd-{:03}-5b0d", self.number);
        to.text("what nobody asked for", &odd);
        let long = odd.repeat(8 << 10);
        let report = format!("POST {}", Report::PATH);
        let json = "content-type: application/json\r\n";
        let door = &stage.door;
        door.ask(self.from, &report, "", odd.as_bytes()).await;
        door.ask(self.from, &report, json, format!("{{\"{odd}\":1}}").as_bytes()).await;
        door.ask(self.from, &format!("GET /c/{odd}"), "", b"").await;
        door.ask(self.from, &format!("POST {}", Enrol::PATH), "", odd.as_bytes()).await;
        door.throw(self.from, odd.as_bytes()).await;
        door.throw(self.from, format!("{report} HTTP/1.1\r\nx: {long}\r\n\r\n").as_bytes()).await;
        let plain = crate::tls::connect(self.from, door.at).await;
        plain.try_write(odd.as_bytes()).unwrap();
    }
}
