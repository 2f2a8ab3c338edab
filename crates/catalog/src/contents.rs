//! What a catalog says, and its bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_fleet::{FrontdoorId, RegionName, Timestamp, name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audience::Audience;
use crate::canon::{canonical, object, sha256_hex};
use crate::envelope::Envelope;
use crate::error::Refusal;
use crate::key::SecretKey;
use crate::verify::Seen;

/// The schema that this crate writes and reads.
pub const SCHEMA: u64 = 1;

/// The largest version: the largest whole number that JSON holds exactly (RFC 8785, section 6).
pub const MAX_VERSION: u64 = (1 << 53) - 1;

/// The smallest size class. Three doors and their catalog's frame fill about 600 bytes.
const SMALLEST: usize = 1024;

/// What one bucket of clients is told of in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// How to read it: [`SCHEMA`].
    pub schema: u64,
    /// The fleet.
    pub fleet: String,
    /// The region.
    pub region: RegionName,
    /// Whom it is for, so that only who made it can tell.
    pub audience: Audience,
    /// Higher than that of any catalog for the same audience before it; at most [`MAX_VERSION`].
    pub version: u64,
    /// From when on it holds.
    pub not_before: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
    /// The front doors, in the order in which to try them.
    pub fronts: Vec<Front>,
}

/// One front door, as a client is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// Stable over versions, and opaque: it links the door to no other.
    pub id: FrontdoorId,
    /// Where to connect.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// What to speak: `shadowsocks`, `wireguard`, …
    pub transport: String,
    /// What else the transport needs; printable ASCII.
    pub params: BTreeMap<String, String>,
}

impl Catalog {
    /// Its canonical bytes (RFC 8785), filled up to a size class: 1024 bytes, or the next power of
    /// two. So how many doors it names, and which families their addresses are of, can hardly be
    /// told from its length, and it costs at most twice the traffic.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut fields = object(self);
        fields.insert("pad".to_owned(), Value::from(""));
        let bare = canonical(&fields).len();
        let class = bare.next_power_of_two().max(SMALLEST);
        fields.insert("pad".to_owned(), Value::from("0".repeat(class - bare)));
        canonical(&fields)
    }

    /// SHA-256, in hex, of what it tells: of all but its version, its times and its padding. While
    /// it stays the same there is nothing to publish anew but an expiry.
    pub fn contents_digest(&self) -> String {
        let mut fields = object(self);
        for changing in ["version", "not_before", "expires"] {
            fields.remove(changing);
        }
        sha256_hex(&canonical(&fields))
    }

    /// What a client keeps of it, to refuse older ones.
    pub fn seen(&self) -> Seen {
        Seen {
            audience: self.audience.clone(),
            version: self.version,
            digest: sha256_hex(&self.to_bytes()),
        }
    }

    /// The catalog in an envelope that these keys signed. The same keys give the same bytes.
    pub fn seal(&self, keys: &[&SecretKey]) -> Envelope {
        Envelope::seal(Self::PAYLOAD_TYPE, self.to_bytes(), keys)
    }

    /// What a catalog's envelope says that it holds.
    pub const PAYLOAD_TYPE: &'static str = "application/vnd.damm.catalog+json";

    /// The catalog of some canonical bytes. Nothing is said about who wrote them: that is for
    /// [`Verifier`](crate::Verifier) to tell.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`], [`Refusal::Schema`] or [`Refusal::NotCanonical`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let value = serde_json::from_slice::<Value>(bytes);
        let Ok(Value::Object(mut fields)) = value else {
            return Err(Refusal::Malformed("its contents are no JSON object"));
        };
        readable(fields.get("schema"))?;
        fields.remove("pad");
        let catalog: Self = serde_json::from_value(Value::Object(fields)).map_err(|_| {
            Refusal::Malformed("a field is missing, unknown or not what it should be")
        })?;
        catalog.check()?;
        match catalog.to_bytes() == bytes {
            true => Ok(catalog),
            false => Err(Refusal::NotCanonical),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let ids: BTreeSet<_> = self.fronts.iter().map(|f| f.id).collect();
        let says = [
            (self.version <= MAX_VERSION, "its version is too large"),
            (self.not_before < self.expires, "it expires before it holds"),
            (name::is_name(&self.fleet), "its fleet's name is no name"),
            (!self.fronts.is_empty(), "it names no front door"),
            (ids.len() == self.fronts.len(), "it names a front door twice"),
            (self.fronts.iter().all(Front::is_sound), "a front door can't be used"),
        ];
        match says.iter().find(|(holds, _)| !holds) {
            Some((_, what)) => Err(Refusal::Malformed(what)),
            None => Ok(()),
        }
    }
}

/// Whether a document's schema is the one that is read here.
pub(crate) fn readable(schema: Option<&Value>) -> Result<(), Refusal> {
    match schema.and_then(Value::as_u64) {
        Some(SCHEMA) => Ok(()),
        Some(other) => Err(Refusal::Schema(other)),
        None => Err(Refusal::Malformed("it has no schema")),
    }
}

impl Front {
    /// Whether a client can connect to it, and all its texts are safe to print.
    fn is_sound(&self) -> bool {
        let printable = |t: &String| t.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let nowhere = self.address.is_unspecified() || self.address.is_multicast();
        let params = self.params.iter().all(|(k, v)| printable(k) && printable(v));
        self.port != 0 && !nowhere && name::is_name(&self.transport) && params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front(n: u64) -> Front {
        Front {
            id: FrontdoorId::from_raw(n),
            address: IpAddr::from([203, 0, 113, n as u8]),
            port: 443,
            transport: "shadowsocks".to_owned(),
            params: BTreeMap::new(),
        }
    }

    fn catalog(fronts: u64) -> Catalog {
        Catalog {
            schema: SCHEMA,
            fleet: "example".to_owned(),
            region: RegionName::new("eu-north").unwrap(),
            audience: "a".repeat(32).parse().unwrap(),
            version: 7,
            not_before: Timestamp::from_millis(1_000),
            expires: Timestamp::from_millis(2_000),
            fronts: (1..=fronts).map(front).collect(),
        }
    }

    #[test]
    fn the_bytes_never_change() {
        let bytes = String::from_utf8(catalog(1).to_bytes()).unwrap();
        let (before, pad) = bytes.split_once("\"pad\":\"").unwrap();
        let expected = "{\"audience\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\
             \"expires\":\"1970-01-01T00:00:02Z\",\"fleet\":\"example\",\
             \"fronts\":[{\"address\":\"203.0.113.1\",\"id\":\"door-000000000001\",\"params\":{},\
             \"port\":443,\"transport\":\"shadowsocks\"}],\
             \"not_before\":\"1970-01-01T00:00:01Z\",";
        assert_eq!(before, expected);
        let (_, after) = pad.split_once('"').unwrap();
        assert_eq!(after, ",\"region\":\"eu-north\",\"schema\":1,\"version\":7}");
    }

    #[test]
    fn the_length_tells_little() {
        let lengths: BTreeSet<_> = (1..=16).map(|n| catalog(n).to_bytes().len()).collect();
        assert_eq!(lengths, BTreeSet::from([1024, 2048]));
        assert_eq!(catalog(1).to_bytes().len(), catalog(5).to_bytes().len());
    }

    #[test]
    fn a_catalog_reads_back_as_it_was_written() {
        let catalog = catalog(3);
        assert_eq!(Catalog::from_bytes(&catalog.to_bytes()), Ok(catalog));
    }

    #[test]
    fn only_what_is_told_counts_for_the_digest() {
        let one = catalog(3);
        let renewed = Catalog {
            version: 8,
            not_before: Timestamp::from_millis(1_500),
            expires: Timestamp::from_millis(9_000),
            ..one.clone()
        };
        assert_eq!(renewed.contents_digest(), one.contents_digest());
        assert_ne!(renewed.seen().digest, one.seen().digest);
        assert_ne!(catalog(2).contents_digest(), one.contents_digest());
    }

    #[test]
    fn bytes_in_another_form_are_refused() {
        let good = String::from_utf8(catalog(1).to_bytes()).unwrap();
        let forms = [
            good.replacen("{\"", "{ \"", 1),
            good.replacen("0\",\"region", "\",\"region", 1),
            good.replacen("\"version\":7", "\"version\":7.0", 1),
            good.replacen("203.0.113.1", "203.0.113\\u002e1", 1),
            good.replacen("T00:00:02Z", "T00:00:02.000Z", 1),
        ];
        for form in forms {
            let refusal = Catalog::from_bytes(form.as_bytes()).unwrap_err();
            let refused = matches!(refusal, Refusal::NotCanonical | Refusal::Malformed(_));
            assert!(form != good && refused, "{refusal}: {form}");
        }
    }

    #[test]
    fn what_no_client_could_use_is_refused() {
        let bad = |change: fn(&mut Catalog)| {
            let mut catalog = catalog(2);
            change(&mut catalog);
            Catalog::from_bytes(&catalog.to_bytes()).unwrap_err()
        };
        let malformed = [
            bad(|c| c.fronts.clear()),
            bad(|c| c.fronts[1].id = c.fronts[0].id),
            bad(|c| c.fronts[0].port = 0),
            bad(|c| c.fronts[0].address = IpAddr::from([0, 0, 0, 0])),
            bad(|c| c.fronts[0].transport = "\u{1b}[2J".to_owned()),
            bad(|c| {
                c.fronts[0].params.insert("k".to_owned(), "\n".to_owned());
            }),
            bad(|c| c.expires = c.not_before),
            bad(|c| c.fleet.clear()),
            bad(|c| c.version = MAX_VERSION + 2),
        ];
        for refusal in malformed {
            assert!(matches!(refusal, Refusal::Malformed(_)), "{refusal:?}");
        }
        assert_eq!(bad(|c| c.schema = 2), Refusal::Schema(2));
    }
}
