//! DNS records.

use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Span};

use super::{Bench, FLEET, Vendor, class};

fn set(addresses: &[&str]) -> RecordSet {
    RecordSet {
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        ttl: Span::from_mins(5),
    }
}

pub async fn a_name_has_exactly_the_records_that_were_put<V: Vendor>(bench: Bench<V>) {
    let (dns, zone) = (bench.vendor.dns(), bench.vendor.zone());
    let name = format!("eu.{zone}");
    for addresses in [
        &["192.0.2.1", "2001:db8::1"][..],
        &["192.0.2.1", "192.0.2.2"],
        &["192.0.2.1", "192.0.2.2"],
        &["192.0.2.3"],
    ] {
        let put = set(addresses);
        dns.put_records(FLEET, &zone, &name, &put).await.unwrap();
        let listed = dns.list_records(FLEET, &zone).await.unwrap();
        assert_eq!(listed, [(name.clone(), put)].into());
    }
}

pub async fn an_empty_set_removes_a_name_and_can_be_put_twice<V: Vendor>(bench: Bench<V>) {
    let (dns, zone) = (bench.vendor.dns(), bench.vendor.zone());
    let name = format!("eu.{zone}");
    let put = set(&["192.0.2.1"]);
    dns.put_records(FLEET, &zone, &name, &put).await.unwrap();
    for _ in 0..2 {
        dns.put_records(FLEET, &zone, &name, &set(&[])).await.unwrap();
        assert!(dns.list_records(FLEET, &zone).await.unwrap().is_empty());
    }
}

pub async fn records_of_others_are_never_touched_nor_shown<V: Vendor>(bench: Bench<V>) {
    let (dns, zone) = (bench.vendor.dns(), bench.vendor.zone());
    let (theirs, other) = (format!("www.{zone}"), format!("eu.{zone}"));
    bench.vendor.put_foreign(&theirs, &set(&["192.0.2.9"])).await;
    dns.put_records("other", &zone, &other, &set(&["192.0.2.8"])).await.unwrap();
    for name in [&theirs, &other] {
        for wanted in [&["192.0.2.1"][..], &[]] {
            let answer = dns.put_records(FLEET, &zone, name, &set(wanted)).await;
            assert_eq!(class(answer), FailureClass::Rejected, "{name}");
        }
    }
    assert!(dns.list_records(FLEET, &zone).await.unwrap().is_empty());
    let kept = dns.list_records("other", &zone).await.unwrap();
    assert_eq!(kept, [(other, set(&["192.0.2.8"]))].into());
}

pub async fn a_name_outside_the_accounts_zones_is_rejected<V: Vendor>(bench: Bench<V>) {
    let (dns, zone) = (bench.vendor.dns(), bench.vendor.zone());
    let put = set(&["192.0.2.1"]);
    for (zone, name) in [
        (zone.as_str(), "eu.example.invalid".to_owned()),
        (zone.as_str(), format!("not{zone}")),
        ("example.invalid", "eu.example.invalid".to_owned()),
    ] {
        let answer = dns.put_records(FLEET, zone, &name, &put).await;
        assert_eq!(class(answer), FailureClass::Rejected, "{name}");
    }
    let answer = dns.list_records(FLEET, "example.invalid").await;
    assert_eq!(class(answer), FailureClass::Rejected);
}
