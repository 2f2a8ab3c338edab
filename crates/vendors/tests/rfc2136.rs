//! The adapter against a real BIND and a real Knot.
#![cfg(feature = "rfc2136")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod servers;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::Dns;
use damm_conformance::{Aim, DnsVendor, FLEET, Trouble, Vendor};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span};
use damm_vendors::registry::adapter;
use serde_json::json;
use servers::dns::{KEYS, Kind, LARGE, NAMES, NameServer, WILD, ZONE};
use servers::relay::{Relay, Speech};
use servers::{ABSENT, account, local};

fn client(endpoint: &str, (name, algorithm, key): (&str, &str, &str)) -> Arc<dyn Dns> {
    let provider = json!({ "kind": "rfc2136", "endpoint": endpoint });
    let secret = format!("name = {name}\nalgorithm = {algorithm}\nkey = {key}\n");
    adapter(account(provider, &secret)).unwrap().dns.unwrap()
}

fn set(addresses: &[&str]) -> RecordSet {
    let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
    RecordSet { addresses, ttl: Span::from_mins(5) }
}

struct Suite {
    running: Option<(NameServer, Relay)>,
}

async fn fresh(kind: Kind) -> Suite {
    let Some(server) = NameServer::start(kind) else {
        return Suite { running: None };
    };
    let relay = Relay::to(local(server.port), Speech::Dns).await;
    Suite { running: Some((server, relay)) }
}

impl Suite {
    fn relay(&self) -> &Relay {
        &self.running.as_ref().unwrap().1
    }
}

#[async_trait]
impl Vendor for Suite {
    async fn wait(&self, _: Span) {}

    fn patience(&self) -> Span {
        Span::ZERO
    }

    fn makes(&self, trouble: Trouble) -> bool {
        matches!(
            trouble,
            Trouble::LostAnswers
                | Trouble::FailedRequests
                | Trouble::FailedAnswers
                | Trouble::TruncatedAnswers
                | Trouble::GarbledAnswers
                | Trouble::ExpiredCredential
        )
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.relay().trouble(trouble, aim);
    }

    fn secrets(&self) -> Vec<String> {
        KEYS.map(|(_, _, key)| key.to_owned()).into()
    }

    fn excuses(&self, _: &str) -> Option<&'static str> {
        self.running.is_none().then_some(ABSENT)
    }
}

#[async_trait]
impl DnsVendor for Suite {
    fn dns(&self) -> Arc<dyn Dns> {
        client(&self.relay().address.to_string(), KEYS[0])
    }

    fn zone(&self) -> String {
        ZONE.to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        self.running.as_ref().unwrap().0.add(ZONE, name, set);
    }

    fn many(&self) -> usize {
        // Listings of many messages are asked for below.
        60
    }
}

mod bind {
    use super::*;

    damm_conformance::names!(fresh(Kind::Bind));
}

mod knot {
    use super::*;

    damm_conformance::names!(fresh(Kind::Knot));
}

/// All servers that are installed, and a client of each with its first key.
fn servers() -> Vec<(Kind, NameServer, Arc<dyn Dns>)> {
    let start = |kind| {
        let server = NameServer::start(kind)?;
        let dns = client(&local(server.port).to_string(), KEYS[0]);
        Some((kind, server, dns))
    };
    [Kind::Bind, Kind::Knot].into_iter().filter_map(start).collect()
}

/// Puts a name into the suite's zone, as the suite's fleet.
async fn put(dns: &dyn Dns, name: &str, set: &RecordSet) -> Result<(), damm_clouds::Error> {
    dns.put_records(FLEET, ZONE, &format!("{name}.{ZONE}"), set).await
}

#[tokio::test]
async fn of_puts_beside_each_other_each_is_done_whole_or_told_to_come_back() {
    for (kind, _server, dns) in servers() {
        put(&*dns, "eu", &set(&["192.0.2.1"])).await.unwrap();
        let sets: Vec<_> =
            (2..10).map(|n| set(&[&format!("192.0.2.{n}"), &format!("2001:db8::{n}")])).collect();
        let all = sets.iter().map(|wanted| put(&*dns, "eu", wanted));
        let answers = futures::future::join_all(all).await;
        let done = answers.iter().filter(|a| a.is_ok()).count();
        for answer in answers {
            let class = answer.map_err(|e| e.class);
            assert!(matches!(class, Ok(()) | Err(FailureClass::Busy)), "{kind:?}: {class:?}");
        }
        let shown = dns.list_records(FLEET, ZONE).await.unwrap();
        let [shown] = Vec::from_iter(shown.into_values()).try_into().unwrap();
        assert!(done > 0 && sets.contains(&shown), "{kind:?}: {done} done, {shown:?}");
    }
}

#[tokio::test]
async fn a_zone_that_answers_for_every_name_stands_in_nobodys_way() {
    for (kind, _server, dns) in servers() {
        let name = format!("eu.{WILD}");
        let put = async |wanted| dns.put_records(FLEET, WILD, &name, &wanted).await.unwrap();
        put(set(&[])).await;
        put(set(&["192.0.2.1"])).await;
        put(set(&["192.0.2.2", "2001:db8::2"])).await;
        let shown = dns.list_records(FLEET, WILD).await.unwrap();
        let stands = BTreeMap::from([(name.clone(), set(&["192.0.2.2", "2001:db8::2"]))]);
        assert_eq!(shown, stands, "{kind:?}");
        put(set(&[])).await;
        assert!(dns.list_records(FLEET, WILD).await.unwrap().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_name_that_another_one_stands_for_is_rejected_and_not_passed_over() {
    for (kind, server, dns) in servers() {
        server.update(&format!("zone {ZONE}\nupdate add www.{ZONE}. 300 CNAME ns.{ZONE}."));
        for wanted in [set(&["192.0.2.1"]), set(&[])] {
            let refused = put(&*dns, "www", &wanted).await.unwrap_err();
            assert_eq!(refused.class, FailureClass::Rejected, "{kind:?}");
        }
        assert!(dns.list_records(FLEET, ZONE).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn other_records_at_a_name_and_at_its_mark_stay() {
    for (kind, server, dns) in servers() {
        let others = [format!("eu.{ZONE}. 300 TXT theirs"), format!("damm-eu.{ZONE}. 300 TXT x")];
        for other in &others {
            server.update(&format!("zone {ZONE}\nupdate add {other}"));
        }
        for wanted in [set(&["192.0.2.1"]), set(&["192.0.2.2"]), set(&[])] {
            put(&*dns, "eu", &wanted).await.unwrap();
        }
        for other in &others {
            // It is refused unless it stands there.
            server.update(&format!("zone {ZONE}\nprereq yxrrset {other}").replace(" 300 ", " "));
        }
        assert!(dns.list_records(FLEET, ZONE).await.unwrap().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_is_rejected() {
    for (kind, server, _) in servers() {
        let endpoint = local(server.port).to_string();
        let (name, algorithm, key) = KEYS[0];
        for (wrong, word) in [
            ((name, algorithm, KEYS[1].2), "BADSIG"),
            (("nobody", algorithm, key), "BADKEY"),
            ((name, "hmac-sha384", key), "BADKEY"),
        ] {
            let dns = client(&endpoint, wrong);
            let refused = put(&*dns, "eu", &set(&["192.0.2.1"])).await.unwrap_err();
            let listed = dns.list_records(FLEET, ZONE).await.unwrap_err();
            for e in [refused, listed] {
                assert_eq!(e.class, FailureClass::Rejected, "{kind:?}: {e}");
                assert!(e.message.contains(word), "{kind:?}: {e}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_held_to_what_the_server_lets_it_do() {
    for (kind, server, all) in servers() {
        let narrow = client(&local(server.port).to_string(), KEYS[2]);
        put(&*narrow, "only", &set(&["192.0.2.1"])).await.unwrap();
        let other = put(&*narrow, "other", &set(&["192.0.2.1"])).await.unwrap_err();
        assert_eq!(other.class, FailureClass::Rejected, "{kind:?}: {other}");
        let listed = narrow.list_records(FLEET, ZONE).await.unwrap_err();
        assert_eq!(listed.class, FailureClass::Rejected, "{kind:?}: {listed}");
        assert_eq!(all.list_records(FLEET, ZONE).await.unwrap().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_longer_key_is_taken() {
    for (kind, server, _) in servers() {
        let strong = client(&local(server.port).to_string(), KEYS[1]);
        put(&*strong, "eu", &set(&["192.0.2.1"])).await.unwrap();
        assert_eq!(strong.list_records(FLEET, ZONE).await.unwrap().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_zone_of_many_messages_is_listed_whole() {
    for (kind, _server, dns) in servers() {
        let listed = dns.list_records(FLEET, LARGE).await.unwrap();
        assert_eq!(listed.len(), NAMES, "{kind:?}");
    }
}

#[tokio::test]
async fn a_label_without_room_for_a_mark_is_rejected() {
    let dns = client("127.0.0.1:1", KEYS[0]);
    let name = "a".repeat(59);
    let refused = put(&*dns, &name, &set(&["192.0.2.1"])).await.unwrap_err();
    assert_eq!(refused.class, FailureClass::Rejected);
    let nobody = put(&*dns, "eu", &set(&["192.0.2.1"])).await.unwrap_err();
    assert_eq!(nobody.class, FailureClass::Busy, "nothing was sent");
}
