//! Buckets at moto, which plays Amazon's S3 and knows nothing of us.

#![allow(clippy::unwrap_used)]

#[path = "../../vendors/tests/aws_moto/server.rs"]
#[allow(dead_code)]
mod moto;
#[path = "../../vendors/tests/servers/mod.rs"]
mod servers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use damm_channels::read::{Fetched, Reader};
use damm_channels::{Bucket, Store};
use damm_clouds::{Channel, WallClock};
use damm_doubles::aws::REGION;
use damm_fleet::FailureClass;
use damm_vendors::credentials::Secret;

/// A fresh bucket at moto, and our way to it.
struct At {
    moto: moto::At,
    bucket: String,
}

impl At {
    fn new() -> Option<Self> {
        static BUCKETS: AtomicU32 = AtomicU32::new(0);
        let bucket = format!("catalogs-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
        // The account that keys without a name of their own are of.
        let account = "123456789012".to_owned();
        let moto = moto::At { account, ..moto::server()?.account() };
        let policy = format!(
            "{{\"Version\": \"2012-10-17\", \"Statement\": [{{ \"Effect\": \"Allow\", \
             \"Principal\": \"*\", \"Action\": \"s3:GetObject\", \
             \"Resource\": \"arn:aws:s3:::{bucket}/*\" }}]}}"
        );
        let at = Self { moto, bucket };
        let made = format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        assert!(at.call("PUT", "", &made).contains(" 200 "));
        // Everybody may fetch what they know the name of, and nobody may list.
        let allowed = at.call("PUT", "?policy", &policy);
        assert!(allowed.contains(" 200 ") || allowed.contains(" 204 "), "{allowed}");
        Some(at)
    }

    /// Somebody else's call.
    fn call(&self, method: &str, name: &str, body: &str) -> String {
        self.moto.call("s3", method, &format!("/{}/{name}", self.bucket), body)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.moto.port, self.bucket)
    }

    fn channel(&self, prefix: &str) -> Bucket {
        self.channel_of(&self.bucket, prefix)
    }

    fn channel_of(&self, bucket: &str, prefix: &str) -> Bucket {
        let store = Store {
            name: "s3:here".to_owned(),
            endpoint: format!("http://127.0.0.1:{}", self.moto.port),
            bucket: bucket.to_owned(),
            region: REGION.to_owned(),
            prefix: prefix.to_owned(),
            ca: None,
            clock: Arc::new(WallClock),
        };
        let key = "access_key_id = AKIDEXAMPLE\nsecret_access_key = hunter2-hunter2";
        Bucket::open(store, &Secret::new(key)).unwrap()
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

#[tokio::test]
async fn objects_are_put_replaced_listed_and_removed_each_step_twice() {
    let Some(at) = At::new() else { return };
    let channel = at.channel("c/");
    assert_eq!(channel.names().await.unwrap(), set(&[]));
    for bytes in [b"one".as_slice(), b"one", b"two", b"two"] {
        channel.put("aaa", bytes).await.unwrap();
        let body = at.call("GET", "c/aaa", "");
        assert!(body.ends_with(std::str::from_utf8(bytes).unwrap()), "{body}");
    }
    let reader = Reader::web(&format!("{}/c", at.url())).unwrap();
    let Fetched::File { bytes, mark } = reader.fetch("aaa", None).await.unwrap() else { panic!() };
    assert_eq!(bytes, b"two");
    assert_eq!(reader.fetch("aaa", mark.as_deref()).await.unwrap(), Fetched::Unchanged);
    assert_eq!(reader.fetch("never", mark.as_deref()).await.unwrap(), Fetched::Nothing);
    channel.put("bbb", &[0, 1, 255]).await.unwrap();
    // What stands beside the prefix is none of ours.
    at.call("PUT", "other", "theirs");
    assert_eq!(channel.names().await.unwrap(), set(&["aaa", "bbb"]));
    for _ in 0..2 {
        channel.remove("aaa").await.unwrap();
    }
    assert_eq!(channel.names().await.unwrap(), set(&["bbb"]));
    assert!(at.call("GET", "other", "").ends_with("theirs"));
}

#[tokio::test]
async fn a_listing_of_many_pages_is_read_to_its_end() {
    let Some(at) = At::new() else { return };
    let names: Vec<String> = (0..230).map(|n| format!("n{n:04}")).collect();
    for name in &names {
        at.call("PUT", name, "x");
    }
    let listed = at.channel("").names().await.unwrap();
    assert_eq!(listed, names.into_iter().collect());
}

#[tokio::test]
async fn of_two_that_write_at_once_one_is_told_to_come_back() {
    let Some(at) = At::new() else { return };
    let (one, two) = (at.channel(""), at.channel(""));
    let mut refused = 0;
    for round in 0..20 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        let both = tokio::join!(one.put("x", a.as_bytes()), two.put("x", b.as_bytes()));
        let stands = at.call("GET", "x", "");
        let mut wrote = false;
        for (done, text) in [(both.0, &a), (both.1, &b)] {
            match done {
                Ok(()) => wrote = true,
                Err(e) => {
                    refused += 1;
                    // Unknown: it wrote, and the other one wrote over it knowing of it.
                    let known = [FailureClass::Busy, FailureClass::Unknown];
                    assert!(known.contains(&e.class), "{text}: {e}");
                }
            }
        }
        assert!(wrote, "somebody wrote last: {stands}");
        assert!(stands.ends_with(&a) || stands.ends_with(&b));
    }
    println!("{refused} of 40 writes were refused");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_said_and_no_secret_is() {
    let Some(at) = At::new() else { return };
    let channel = at.channel_of("nowhere-at-all", "");
    for error in [
        channel.names().await.unwrap_err(),
        channel.put("a", b"x").await.unwrap_err(),
        channel.remove("a").await.unwrap_err(),
    ] {
        assert_eq!(error.class, FailureClass::Rejected, "{error}");
        let text = error.to_string();
        assert!(text.contains("s3:here") && text.contains("make it"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("AKID"), "{text}");
    }
}
