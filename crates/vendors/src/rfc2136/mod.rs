//! DNS servers that take dynamic updates (RFC 2136) over TCP, signed with TSIG (RFC 8945): BIND,
//! Knot, PowerDNS and others.
//!
//! The addresses of a name and the TXT record that marks them are changed in one message, which
//! a server carries out whole or not at all. Its prerequisites say what was seen before: when
//! somebody else came between, nothing is done and the call is told to come back. Listings are
//! transfers of the whole zone (RFC 5936), so the key has to be allowed to transfer it.

mod chain;
mod change;
pub mod session;
mod transfer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use damm_clouds::Dns;
use damm_clouds::traits::Result;
use damm_fleet::FailureClass;
use damm_fleet::blueprint::RecordSet;
use damm_fleet::vendor::Secret as Asked;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, TSigner};
use zeroize::Zeroizing;

use crate::credentials;
use crate::error::SetupError;
use crate::registry::{Account, Parts};
use crate::wire::{Caller, Failure, Place};
use crate::zone;
pub use change::parse;
use change::{Ours, Place as At, Seen};
use session::Session;

/// The usual port (RFC 1035).
pub const PORT: u16 = 53;

/// How far the server's clock may be off, in seconds; what RFC 8945 recommends.
const FUDGE: u16 = 300;

/// Sets an account up; nothing is called yet.
///
/// # Errors
///
/// When the endpoint or the key is not as it should be.
pub fn open(account: Account) -> std::result::Result<Parts, SetupError> {
    let place = Place::tcp(&account.endpoint(), Some(PORT))?;
    let names = match account.sheet.secret {
        Asked::Fields(names) => names,
        _ => &[],
    };
    let fields = credentials::fields(&account.token()?, names)?;
    let field = |name: &str| fields.get(name).map(|secret| secret.expose());
    let algorithm = field("algorithm").unwrap_or("hmac-sha256");
    let signer =
        signer(field("name").unwrap_or_default(), algorithm, field("key").unwrap_or_default())?;
    let secrets = fields.get("key").cloned().into_iter().collect();
    let dns = Updates { caller: Caller { account: account.name, secrets }, place, signer };
    Ok(Parts { dns: Some(Arc::new(dns)), ..Parts::default() })
}

/// The key that messages are signed with. No error holds any of it.
///
/// # Errors
///
/// When the name, the algorithm or the key is none.
pub fn signer(name: &str, algorithm: &str, key: &str) -> std::result::Result<TSigner, SetupError> {
    let wrong = |why: &str| SetupError::Credentials(why.to_owned());
    let algorithm = match algorithm.trim_end_matches('.').to_ascii_lowercase().as_str() {
        "hmac-sha256" => TsigAlgorithm::HmacSha256,
        "hmac-sha384" => TsigAlgorithm::HmacSha384,
        "hmac-sha512" => TsigAlgorithm::HmacSha512,
        _ => return Err(wrong("`algorithm` is hmac-sha256, hmac-sha384 or hmac-sha512")),
    };
    let name = Name::from_ascii(name).map_err(|_| wrong("`name` is no name of a key"))?;
    let key = BASE64_STANDARD.decode(key).map(Zeroizing::new);
    let key = key.map_err(|_| wrong("`key` is not in Base64, as `tsig-keygen` prints it"))?;
    TSigner::new(key.to_vec(), algorithm, name.to_lowercase(), FUDGE)
        .map_err(|_| wrong("`algorithm` is hmac-sha256, hmac-sha384 or hmac-sha512"))
}

struct Updates {
    caller: Caller,
    place: Place,
    signer: TSigner,
}

impl Updates {
    async fn session(&self) -> std::result::Result<Session, Failure> {
        let stream = self.place.connect().await?;
        Ok(Session::new(stream, self.signer.clone(), seconds()))
    }

    async fn put(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> std::result::Result<(), Failure> {
        let at = At::of(zone, name)?;
        let mut session = self.session().await?;
        let seen = Seen::at(&mut session, &at).await?;
        match seen.ours(fleet) {
            Ours::No => return Err(Failure::rejected(zone::foreign(fleet, name))),
            Ours::Yes => {}
            Ours::Nobody if set.addresses.is_empty() && seen.is_empty() => return Ok(()),
            Ours::Nobody => return self.take(&mut session, fleet, &at, set).await,
        }
        match seen.change(&at, fleet, set) {
            None => Ok(()),
            Some(update) => session.ask(update).await.map(drop),
        }
    }

    /// Makes a name ours. Whether records of others stand there is the server's to say: those that
    /// a query shows may be a wildcard's.
    async fn take(
        &self,
        session: &mut Session,
        fleet: &str,
        at: &At<'_>,
        set: &RecordSet,
    ) -> std::result::Result<(), Failure> {
        let answer = session.ask(change::take(at, fleet, set)).await;
        let Err(failure) = answer else {
            return Ok(());
        };
        if failure.class != FailureClass::Busy {
            return Err(failure);
        }
        match Seen::at(session, at).await?.ours(fleet) {
            Ours::Yes => Err(failure),
            _ => Err(Failure::rejected(zone::foreign(fleet, at.name))),
        }
    }

    async fn list(
        &self,
        fleet: &str,
        zone: &str,
    ) -> std::result::Result<BTreeMap<String, RecordSet>, Failure> {
        let origin = change::parse(zone)?;
        let records = self.session().await?.transfer(&origin).await?;
        Ok(transfer::owned(&records, fleet, zone))
    }
}

/// Signatures hold for a while only, so they are made by the machine's own clock.
pub fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[async_trait]
impl Dns for Updates {
    async fn put_records(
        &self,
        fleet: &str,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<()> {
        self.caller.call("put records", self.put(fleet, zone, name, set)).await
    }

    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>> {
        self.caller.call("list records", self.list(fleet, zone)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_servers_write_it_and_an_error_holds_none_of_it() {
        for algorithm in ["hmac-sha256", "HMAC-SHA512.", "hmac-sha384"] {
            assert!(signer("damm.example.org.", algorithm, "aHVudGVyMg==").is_ok(), "{algorithm}");
        }
        for (algorithm, key) in [("hmac-md5", "aHVudGVyMg=="), ("hmac-sha256", "hunter2!")] {
            let Err(error) = signer("damm", algorithm, key) else {
                panic!("{algorithm}");
            };
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
