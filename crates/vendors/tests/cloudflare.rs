//! The adapter against Cloudflare's double.
#![cfg(feature = "cloudflare")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod servers;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{Dns, ManualClock};
use damm_conformance::{Aim, DnsVendor, FLEET, Trouble, Vendor};
use damm_doubles::Front;
use damm_doubles::cloudflare::{BASE, Cloudflare};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span, Timestamp};
use damm_vendors::registry::adapter;
use serde_json::json;
use servers::account_by;

const ZONE: &str = "fleet.example";
const TOKEN: &str = "suite-token-that-nobody-may-ever-read";

struct Double {
    cloudflare: Arc<Cloudflare>,
    front: Front,
    dns: Arc<dyn Dns>,
    clock: ManualClock,
}

fn fresh() -> Double {
    let cloudflare = Arc::new(Cloudflare::new(TOKEN, &["another.example", ZONE]));
    let front = Front::over(cloudflare.clone());
    let clock = ManualClock::at(Timestamp::EPOCH);
    let dns = client(&front, TOKEN, &clock);
    Double { cloudflare, front, dns, clock }
}

fn client(front: &Front, token: &str, clock: &ManualClock) -> Arc<dyn Dns> {
    let endpoint = format!("{}{BASE}", front.url());
    let provider = json!({ "kind": "cloudflare", "endpoint": endpoint });
    adapter(account_by(provider, token, Arc::new(clock.clone()))).unwrap().dns.unwrap()
}

fn set(addresses: &[&str]) -> RecordSet {
    let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
    RecordSet { addresses, ttl: Span::from_mins(5) }
}

fn eu() -> String {
    format!("eu.{ZONE}")
}

impl Double {
    async fn put(&self, set: &RecordSet) -> Result<(), damm_clouds::Error> {
        self.dns.put_records(FLEET, ZONE, &eu(), set).await
    }

    /// What was written since this was last asked: methods and statuses.
    fn written(&self) -> Vec<(String, Option<u16>)> {
        let lines = self.front.take_journal().into_iter().filter(|l| l.method != "GET");
        lines.map(|l| (l.method, l.status)).collect()
    }
}

#[async_trait]
impl Vendor for Double {
    async fn wait(&self, span: Span) {
        self.clock.advance(span);
    }

    fn patience(&self) -> Span {
        Span::from_mins(5)
    }

    fn makes(&self, trouble: Trouble) -> bool {
        !matches!(
            trouble,
            Trouble::Busy
                | Trouble::LateListings
                | Trouble::OutOfStock
                | Trouble::StuckCreates
                | Trouble::SlowDeletes
        )
    }

    async fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.front.trouble(trouble, aim);
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}

#[async_trait]
impl DnsVendor for Double {
    fn dns(&self) -> Arc<dyn Dns> {
        self.dns.clone()
    }

    fn zone(&self) -> String {
        ZONE.to_owned()
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        for address in &set.addresses {
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            let record = json!({ "type": kind, "name": name, "content": address.to_string() });
            self.cloudflare.add_record(ZONE, &record);
        }
    }
}

mod suite {
    use super::*;

    damm_conformance::names!(async { fresh() });
}

#[tokio::test]
async fn new_records_are_made_before_old_ones_are_taken_away() {
    let double = fresh();
    double.put(&set(&["192.0.2.1", "2001:db8::1"])).await.unwrap();
    double.written();
    double.put(&set(&["192.0.2.2", "2001:db8::1"])).await.unwrap();
    let done = ["POST", "DELETE"].map(|method| (method.to_owned(), Some(200)));
    assert_eq!(double.written(), done);
    double.put(&set(&["192.0.2.2", "2001:db8::1"])).await.unwrap();
    assert_eq!(double.written(), [], "nothing was to be changed");
}

#[tokio::test]
async fn a_put_that_broke_off_in_the_middle_is_gone_on_with() {
    let double = fresh();
    double.put(&set(&["192.0.2.1", "192.0.2.2"])).await.unwrap();
    let wanted = set(&["192.0.2.3", "2001:db8::4"]);
    double.front.trouble(Trouble::LostAnswers, Aim::Writes);
    for _ in 0..4 {
        // One more record is changed each time, and nobody hears of it.
        assert_eq!(double.put(&wanted).await.unwrap_err().class, FailureClass::Unknown);
        assert!(!double.cloudflare.records(ZONE).is_empty());
    }
    double.put(&wanted).await.unwrap();
    assert_eq!(double.dns.list_records(FLEET, ZONE).await.unwrap(), [(eu(), wanted)].into());
}

#[tokio::test]
async fn a_record_that_somebody_hid_behind_cloudflare_or_slowed_down_is_set_right() {
    let double = fresh();
    for change in [json!({ "proxied": true }), json!({ "ttl": 3_600 }), json!({ "ttl": 1 })] {
        double.cloudflare.add_zone(ZONE);
        let mut record = json!({
            "type": "A", "name": eu(), "content": "192.0.2.1", "comment": "damm fleet=suite",
        });
        record.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        double.cloudflare.add_record(ZONE, &record);
        // The zone was made anew under another id; the first call finds that out.
        drop(double.dns.list_records(FLEET, ZONE).await);
        double.put(&set(&["192.0.2.1"])).await.unwrap();
        let [shown] = double.cloudflare.records(ZONE).try_into().unwrap();
        assert_eq!((&shown["ttl"], &shown["proxied"]), (&json!(300), &json!(false)), "{change}");
    }
}

#[tokio::test]
async fn a_time_to_live_is_rounded_to_what_cloudflare_takes() {
    let double = fresh();
    for (asked, taken) in [
        (Span::from_secs(1), Span::from_secs(60)),
        (Span::from_millis(90_500), Span::from_secs(91)),
        (Span::from_days(7), Span::from_days(1)),
    ] {
        let put = RecordSet { ttl: asked, ..set(&["192.0.2.1"]) };
        double.put(&put).await.unwrap();
        let listed = double.dns.list_records(FLEET, ZONE).await.unwrap();
        assert_eq!(listed[&eu()].ttl, taken);
    }
}

#[tokio::test]
async fn a_name_that_another_one_stands_for_is_rejected() {
    let double = fresh();
    let record = json!({ "type": "CNAME", "name": eu(), "content": "www.example.net" });
    double.cloudflare.add_record(ZONE, &record);
    for wanted in [set(&["192.0.2.1"]), set(&[])] {
        assert_eq!(double.put(&wanted).await.unwrap_err().class, FailureClass::Rejected);
    }
    assert_eq!(double.written(), []);
}

#[tokio::test]
async fn other_records_at_a_name_stay() {
    let double = fresh();
    let record = json!({ "type": "TXT", "name": eu(), "content": "\"theirs\"" });
    double.cloudflare.add_record(ZONE, &record);
    double.put(&set(&["192.0.2.1"])).await.unwrap();
    double.put(&set(&[])).await.unwrap();
    let [left] = double.cloudflare.records(ZONE).try_into().unwrap();
    assert_eq!(left["type"], "TXT");
}

#[tokio::test]
async fn a_full_zone_is_exhausted() {
    let double = fresh();
    double.cloudflare.limit(2);
    double.put(&set(&["192.0.2.1", "192.0.2.2"])).await.unwrap();
    let full = double.put(&set(&["192.0.2.3"])).await.unwrap_err();
    assert_eq!(full.class, FailureClass::Exhausted, "{full}");
    let kept = double.dns.list_records(FLEET, ZONE).await.unwrap();
    assert_eq!(kept, [(eu(), set(&["192.0.2.1", "192.0.2.2"]))].into());
}

#[tokio::test]
async fn a_token_that_cloudflare_does_not_know_is_rejected() {
    let double = fresh();
    let dns = client(&double.front, "another-token-of-somebody-else", &double.clock);
    let refused = dns.list_records(FLEET, ZONE).await.unwrap_err();
    assert_eq!(refused.class, FailureClass::Rejected);
    assert!(refused.message.contains("Invalid access token"), "{refused}");
}
