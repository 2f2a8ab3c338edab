//! A channel of objects in a bucket of Amazon's S3, or of a store that speaks like it: MinIO, Ceph,
//! Garage, R2 and others.
//!
//! A write holds only while the object is as it was seen (`If-Match`, `If-None-Match`), and is read
//! back afterwards: a store that does not know the conditions, or says that it wrote and did not,
//! is found out. Stores are addressed by path, which all of them know.
//!
//! What the key has to be allowed: `s3:ListBucket`, and in the prefix `s3:GetObject`,
//! `s3:PutObject`, `s3:DeleteObject`. Clients are allowed `s3:GetObject` without a key, and no
//! listing.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::traits::{Channel, Result};
use damm_clouds::{Clock, Error};
use damm_fleet::FailureClass;
use damm_vendors::SetupError;
use damm_vendors::credentials::Secret;
use damm_vendors::http::{Ask, Auth, Dialect, Http, HttpParts, Method, Reply, TOTAL};
use damm_vendors::protocols::{Key, Scope, encoded, xml};

/// Names on a page of a listing: a small answer is whole sooner.
const PAGE: &str = "100";

/// More pages than any listing of ours has.
const PAGES: usize = 100_000;

/// Where a bucket is.
pub struct Store {
    /// The channel's name, for errors.
    pub name: String,
    /// The store's address, without a trailing slash.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The store's name for its place.
    pub region: String,
    /// What object names start with.
    pub prefix: String,
    /// Authorities to trust instead of the machine's.
    pub ca: Option<PathBuf>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Objects in a bucket.
pub struct Bucket {
    http: Http,
    key: Key,
    scope: Scope,
    store: Store,
}

/// What stands under a name: its bytes, and the store's mark for just these.
struct Seen {
    bytes: Vec<u8>,
    mark: String,
}

impl Bucket {
    /// A bucket; nothing is called yet.
    ///
    /// # Errors
    ///
    /// When the address or the key is not as it should be.
    pub fn open(store: Store, key: &Secret) -> std::result::Result<Self, SetupError> {
        let http = Http::new(HttpParts {
            account: account(),
            base: store.endpoint.clone(),
            auth: Auth::None,
            pace: None,
            clock: store.clock.clone(),
            ca: store.ca.clone(),
            patience: TOTAL,
        })?;
        let scope = Scope { service: "s3", region: store.region.clone() };
        Ok(Self { http, key: Key::read(key)?, scope, store })
    }

    fn ask(&self, operation: &'static str, method: Method, name: &str) -> Ask {
        let Store { bucket, prefix, .. } = &self.store;
        Ask::new(operation, method, format!("/{bucket}/{prefix}{name}"))
    }

    /// Makes a request and returns a success, or nothing where there is no such object.
    async fn call(&self, ask: Ask) -> Result<Option<Reply>> {
        let short = Ask { body: None, ..ask.clone() };
        let now = self.http.clock().now();
        let signed = self.key.sign(ask, &self.store.endpoint, &self.scope, now);
        let Some(signed) = signed else {
            return Err(self.failed(&short, FailureClass::Rejected, "it can't be signed"));
        };
        let short = Ask { private: signed.private.clone(), ..short };
        let reply = self.http.send(signed).await.map_err(|e| self.named(e))?;
        match reply.status {
            200..=299 => Ok(Some(reply)),
            404 if code(&reply).as_deref() != Some("NoSuchBucket") => Ok(None),
            _ => Err(self.named(self.http.refusal(&short, &reply, &Words))),
        }
    }

    fn failed(&self, ask: &Ask, class: FailureClass, words: &str) -> Error {
        self.named(self.http.failed(ask, class, words, None))
    }

    fn named(&self, error: Error) -> Error {
        Error { provider: self.store.name.clone(), ..error }
    }

    async fn seen(&self, name: &str) -> Result<Option<Seen>> {
        let ask = self.ask("look at a catalog", Method::GET, name);
        let Some(reply) = self.call(ask.clone()).await? else {
            return Ok(None);
        };
        let unmarked = || self.failed(&ask, FailureClass::Unknown, "the answer has no ETag");
        let mark = reply.header("etag").map(str::to_owned).ok_or_else(unmarked)?;
        Ok(Some(Seen { bytes: reply.body.to_vec(), mark }))
    }

    async fn page(&self, next: Option<&str>) -> Result<(Vec<String>, Option<String>)> {
        let prefix = self.store.prefix.as_str();
        let mut query = vec![("list-type", "2"), ("max-keys", PAGE), ("prefix", prefix)];
        query.extend(next.map(|next| ("continuation-token", next)));
        // Signatures want the parameters in their order.
        query.sort_unstable();
        let path = format!("/{}?{}", self.store.bucket, encoded(query.into_iter()));
        let ask = Ask::get("list catalogs", path);
        let unreadable = || self.failed(&ask, FailureClass::Unknown, "the listing can't be read");
        let reply = self.call(ask.clone()).await?.ok_or_else(unreadable)?;
        let list = xml::read(&reply.body).filter(|l| l.name == "ListBucketResult");
        let list = list.ok_or_else(unreadable)?;
        let keys = list.all("Contents").filter_map(|c| c.text(&["Key"]));
        let names = keys.filter_map(|key| key.strip_prefix(&self.store.prefix));
        let names = names.map(str::to_owned).collect();
        Ok((names, list.text(&["NextContinuationToken"]).map(str::to_owned)))
    }
}

#[async_trait]
impl Channel for Bucket {
    async fn names(&self) -> Result<BTreeSet<String>> {
        let (mut names, mut next) = (BTreeSet::new(), None);
        for _ in 0..PAGES {
            let (page, more) = self.page(next.as_deref()).await?;
            names.extend(page);
            match more {
                Some(more) if next.as_ref() != Some(&more) => next = Some(more),
                Some(_) => break,
                None => return Ok(names),
            }
        }
        let ask = Ask::get("list catalogs", "/");
        Err(self.failed(&ask, FailureClass::Unknown, "the listing never ends"))
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let seen = self.seen(name).await?;
        if seen.as_ref().is_some_and(|s| s.bytes == bytes) {
            return Ok(());
        }
        let ask = self
            .ask("put a catalog", Method::PUT, name)
            .header("cache-control", "no-cache")
            .body("application/octet-stream", bytes.to_vec());
        let ask = match seen {
            Some(seen) => ask.header("if-match", seen.mark),
            None => ask.header("if-none-match", "*"),
        };
        let short = Ask { body: None, ..ask.clone() };
        if self.call(ask).await?.is_none() {
            // It was there a moment ago.
            return Err(self.failed(&short, FailureClass::Busy, CHANGED));
        }
        match self.seen(name).await? {
            Some(seen) if seen.bytes == bytes => Ok(()),
            _ => {
                let words = "the store says that it wrote, and gives other bytes";
                Err(self.failed(&short, FailureClass::Unknown, words))
            }
        }
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let ask = self.ask("take a catalog away", Method::DELETE, name);
        self.call(ask.clone()).await?;
        match self.seen(name).await? {
            None => Ok(()),
            Some(_) => {
                let words = "the store says that it is gone, and still gives it";
                Err(self.failed(&ask, FailureClass::Unknown, words))
            }
        }
    }
}

const CHANGED: &str = "somebody else changed the object meanwhile";

/// The name that the HTTP layer's errors would have; they are given the channel's.
fn account() -> damm_fleet::ProviderName {
    // A plain word is a name.
    damm_fleet::ProviderName::new("channel").expect("a plain word is a name")
}

/// What the store's refusals mean
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
struct Words;

impl Dialect for Words {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        Some(match (reply.status, code(reply)?.as_str()) {
            (_, "SlowDown" | "RequestLimitExceeded") => FailureClass::Throttled,
            // Another write is under way, or what was seen no longer stands there.
            (409 | 412, _) => FailureClass::Busy,
            (_, "RequestTimeTooSkewed" | "NoSuchBucket") => FailureClass::Rejected,
            _ => return None,
        })
    }

    fn words(&self, reply: &Reply) -> Option<String> {
        let code = code(reply)?;
        Some(match code.as_str() {
            "PreconditionFailed" | "ConditionalRequestConflict" => CHANGED.to_owned(),
            "NoSuchBucket" => "there is no such bucket: make it".to_owned(),
            "AccessDenied" => "the key is not allowed this (AccessDenied)".to_owned(),
            "RequestTimeTooSkewed" => "the clocks differ too much: set this machine's".to_owned(),
            _ => {
                let error = xml::read(&reply.body)?;
                format!("{} ({code})", error.text(&["Message"]).unwrap_or_default())
            }
        })
    }
}

/// The store's word for an error. An answer without a body has none.
fn code(reply: &Reply) -> Option<String> {
    let error = xml::read(&reply.body).filter(|e| e.name == "Error");
    let code = error.and_then(|e| e.text(&["Code"]).map(str::to_owned));
    code.or_else(|| (reply.status == 412).then(|| "PreconditionFailed".to_owned()))
}
