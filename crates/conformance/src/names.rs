//! DNS records.
#![allow(missing_docs, reason = "the cases' names are sentences")]

use std::collections::BTreeMap;

use damm_clouds::traits::Result;
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span};
use futures::future::join_all;

use crate::{Bench, DnsVendor, FLEET, Trouble};

fn set(addresses: &[&str]) -> RecordSet {
    RecordSet {
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        ttl: Span::from_mins(5),
    }
}

impl<V: DnsVendor> Bench<V> {
    async fn put_name(&self, name: &str, set: &RecordSet) -> Result<()> {
        self.vendor.dns().put_records(FLEET, &self.vendor.zone(), name, set).await
    }

    async fn names(&self) -> BTreeMap<String, RecordSet> {
        self.vendor.dns().list_records(FLEET, &self.vendor.zone()).await.unwrap()
    }

    fn name(&self, label: &str) -> String {
        format!("{label}.{}", self.vendor.zone())
    }
}

pub async fn a_name_has_exactly_the_records_that_were_put<V: DnsVendor>(bench: Bench<V>) {
    let name = bench.name("eu");
    for addresses in [
        &["192.0.2.1", "2001:db8::1"][..],
        &["192.0.2.1", "192.0.2.2"],
        &["192.0.2.1", "192.0.2.2"],
        &["2001:db8::1"],
        &["192.0.2.3"],
    ] {
        let put = set(addresses);
        bench.put_name(&name, &put).await.unwrap();
        assert_eq!(bench.names().await, [(name.clone(), put)].into());
    }
}

pub async fn a_name_takes_another_ttl<V: DnsVendor>(bench: Bench<V>) {
    let name = bench.name("eu");
    for minutes in [5, 10] {
        let ttl = Span::from_mins(minutes);
        let put = RecordSet { ttl, ..set(&["192.0.2.1", "2001:db8::1"]) };
        bench.put_name(&name, &put).await.unwrap();
        assert_eq!(bench.names().await, [(name.clone(), put)].into());
    }
}

pub async fn the_zones_own_name_can_have_records<V: DnsVendor>(bench: Bench<V>) {
    let (zone, put) = (bench.vendor.zone(), set(&["192.0.2.1"]));
    bench.put_name(&zone, &put).await.unwrap();
    assert_eq!(bench.names().await, [(zone.clone(), put)].into());
    bench.put_name(&zone, &set(&[])).await.unwrap();
    assert!(bench.names().await.is_empty());
}

pub async fn an_empty_set_removes_a_name_and_can_be_put_twice<V: DnsVendor>(bench: Bench<V>) {
    let (gone, stays) = (bench.name("eu"), bench.name("eu2"));
    bench.put_name(&gone, &set(&["192.0.2.1", "2001:db8::1"])).await.unwrap();
    bench.put_name(&stays, &set(&["192.0.2.2"])).await.unwrap();
    for _ in 0..2 {
        bench.put_name(&gone, &set(&[])).await.unwrap();
        assert_eq!(bench.names().await, [(stays.clone(), set(&["192.0.2.2"]))].into());
    }
}

pub async fn records_of_others_are_never_touched_nor_shown<V: DnsVendor>(bench: Bench<V>) {
    let (dns, zone) = (bench.vendor.dns(), bench.vendor.zone());
    let (theirs, other) = (bench.name("www"), bench.name("eu"));
    bench.vendor.put_foreign(&theirs, &set(&["192.0.2.9"])).await;
    dns.put_records("other", &zone, &other, &set(&["192.0.2.8"])).await.unwrap();
    for name in [&theirs, &other] {
        for wanted in [&["192.0.2.1"][..], &["2001:db8::1"], &[]] {
            let answer = bench.put_name(name, &set(wanted)).await;
            assert_eq!(bench.class(answer), FailureClass::Rejected, "{name}");
        }
    }
    assert!(bench.names().await.is_empty());
    let kept = dns.list_records("other", &zone).await.unwrap();
    assert_eq!(kept, [(other, set(&["192.0.2.8"]))].into());
}

pub async fn records_of_others_at_other_names_stand_in_nobodys_way<V: DnsVendor>(bench: Bench<V>) {
    let (name, below) = (bench.name("eu"), bench.name("a.eu"));
    bench.vendor.put_foreign(&below, &set(&["192.0.2.9"])).await;
    let put = set(&["192.0.2.1"]);
    bench.put_name(&name, &put).await.unwrap();
    assert_eq!(bench.names().await, [(name.clone(), put)].into());
    bench.put_name(&name, &set(&[])).await.unwrap();
    let answer = bench.put_name(&below, &set(&["192.0.2.1"])).await;
    assert_eq!(bench.class(answer), FailureClass::Rejected, "it stands as before");
}

pub async fn a_name_that_was_given_up_can_be_taken_by_another_fleet<V: DnsVendor>(bench: Bench<V>) {
    let (dns, zone, name) = (bench.vendor.dns(), bench.vendor.zone(), bench.name("eu"));
    bench.put_name(&name, &set(&["192.0.2.1"])).await.unwrap();
    bench.put_name(&name, &set(&[])).await.unwrap();
    let put = set(&["192.0.2.2"]);
    dns.put_records("other", &zone, &name, &put).await.unwrap();
    assert!(bench.names().await.is_empty());
    assert_eq!(dns.list_records("other", &zone).await.unwrap(), [(name, put)].into());
}

pub async fn a_name_outside_the_accounts_zones_is_rejected<V: DnsVendor>(bench: Bench<V>) {
    let (dns, zone) = (bench.vendor.dns(), bench.vendor.zone());
    let put = set(&["192.0.2.1"]);
    for (zone, name) in [
        (zone.as_str(), "eu.example.invalid".to_owned()),
        (zone.as_str(), format!("not{zone}")),
        ("example.invalid", "eu.example.invalid".to_owned()),
    ] {
        let answer = dns.put_records(FLEET, zone, &name, &put).await;
        assert_eq!(bench.class(answer), FailureClass::Rejected, "{name}");
    }
    let answer = dns.list_records(FLEET, "example.invalid").await;
    assert_eq!(bench.class(answer), FailureClass::Rejected);
}

pub async fn a_listing_of_many_names_is_whole<V: DnsVendor>(bench: Bench<V>) {
    let mut put = BTreeMap::new();
    for n in 0..bench.vendor.many() {
        let records = set(&[&format!("192.0.2.{}", n % 250 + 1)]);
        let name = bench.name(&format!("n{n}"));
        bench.put_name(&name, &records).await.unwrap();
        put.insert(name, records);
    }
    assert_eq!(bench.names().await, put);
    if !bench.can(Trouble::FailedPages) {
        return;
    }
    bench.trouble(Trouble::FailedPages).await;
    match bench.vendor.dns().list_records(FLEET, &bench.vendor.zone()).await {
        Ok(all) => assert_eq!(all, put, "all on one page, or an error"),
        Err(e) => assert_eq!(bench.class::<()>(Err(e)), FailureClass::Unknown),
    }
}

pub async fn names_that_are_put_beside_each_other_all_stand<V: DnsVendor>(bench: Bench<V>) {
    let all: BTreeMap<_, _> =
        (1..=4).map(|n| (bench.name(&format!("n{n}")), set(&[&format!("192.0.2.{n}")]))).collect();
    let (dns, zone) = (bench.vendor.dns(), bench.vendor.zone());
    let put = all.iter().map(|(name, set)| dns.put_records(FLEET, &zone, name, set));
    let put = join_all(put).await;
    // Where one write locks the zone the others are told to come back.
    for ((name, set), answer) in all.iter().zip(put) {
        if let Err(e) = answer {
            assert_eq!(bench.class::<()>(Err(e)), FailureClass::Busy);
            bench.put_name(name, set).await.unwrap();
        }
    }
    assert_eq!(bench.names().await, all);
}

pub async fn a_put_that_nobody_heard_of_is_made_good_by_the_next<V: DnsVendor>(bench: Bench<V>) {
    let name = bench.name("eu");
    let mut last = 0;
    for trouble in [Trouble::LostAnswers, Trouble::FailedAnswers] {
        if !bench.can(trouble) {
            continue;
        }
        last += 1;
        let put = set(&[&format!("192.0.2.{last}"), "2001:db8::1"]);
        bench.trouble_writes(trouble).await;
        let answer = bench.put_name(&name, &put).await;
        assert_eq!(bench.class(answer), FailureClass::Unknown, "{trouble:?}");
        bench.calm().await;
        bench.put_name(&name, &put).await.unwrap();
        assert_eq!(bench.names().await, [(name.clone(), put)].into());
    }
}

pub async fn a_removal_that_nobody_heard_of_is_made_good_by_the_next<V: DnsVendor>(
    bench: Bench<V>,
) {
    if !bench.can(Trouble::LostAnswers) {
        return;
    }
    let name = bench.name("eu");
    bench.put_name(&name, &set(&["192.0.2.1", "2001:db8::1"])).await.unwrap();
    bench.trouble_writes(Trouble::LostAnswers).await;
    let answer = bench.put_name(&name, &set(&[])).await;
    assert_eq!(bench.class(answer), FailureClass::Unknown);
    bench.calm().await;
    bench.put_name(&name, &set(&[])).await.unwrap();
    assert!(bench.names().await.is_empty());
    // Nothing of it stands in another fleet's way.
    let (dns, zone) = (bench.vendor.dns(), bench.vendor.zone());
    dns.put_records("other", &zone, &name, &set(&["192.0.2.2"])).await.unwrap();
}

pub async fn a_put_that_failed_changed_nothing<V: DnsVendor>(bench: Bench<V>) {
    let name = bench.name("eu");
    let before = set(&["192.0.2.1"]);
    bench.put_name(&name, &before).await.unwrap();
    for (trouble, class) in [
        (Trouble::FailedRequests, FailureClass::Unknown),
        (Trouble::Throttling, FailureClass::Throttled),
        (Trouble::SilentThrottling, FailureClass::Throttled),
        (Trouble::ExpiredCredential, FailureClass::Rejected),
        (Trouble::Busy, FailureClass::Busy),
        (Trouble::Echoes, FailureClass::Rejected),
    ] {
        if !bench.can(trouble) {
            continue;
        }
        bench.trouble_writes(trouble).await;
        let answer = bench.put_name(&name, &set(&["192.0.2.2"])).await;
        assert_eq!(bench.class(answer), class, "{trouble:?}");
        bench.calm().await;
        bench.wait().await;
        assert_eq!(bench.names().await, [(name.clone(), before.clone())].into(), "{trouble:?}");
    }
}

pub async fn a_listing_of_names_fails_rather_than_show_a_part<V: DnsVendor>(bench: Bench<V>) {
    bench.put_name(&bench.name("eu"), &set(&["192.0.2.1"])).await.unwrap();
    for (trouble, class) in [
        (Trouble::FailedRequests, FailureClass::Unknown),
        (Trouble::LostAnswers, FailureClass::Unknown),
        (Trouble::TruncatedAnswers, FailureClass::Unknown),
        (Trouble::GarbledAnswers, FailureClass::Unknown),
        (Trouble::GarbledAnswers, FailureClass::Unknown),
        (Trouble::GarbledAnswers, FailureClass::Unknown),
        (Trouble::ExpiredCredential, FailureClass::Rejected),
        (Trouble::SilentThrottling, FailureClass::Throttled),
    ] {
        if !bench.can(trouble) {
            continue;
        }
        bench.trouble(trouble).await;
        let answer = bench.vendor.dns().list_records(FLEET, &bench.vendor.zone()).await;
        assert_eq!(bench.class(answer), class, "{trouble:?}");
    }
}
