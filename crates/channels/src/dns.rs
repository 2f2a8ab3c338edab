//! A channel of TXT records in a zone, by dynamic updates (RFC 2136) over TCP, signed with TSIG
//! (RFC 8945).
//!
//! ```text
//! <name>.<zone>                TXT "damm1 <edition> <pieces>" or "… <edition before> <its pieces>"
//! <n>.<edition>.<name>.<zone>  TXT 4 strings of up to 255 symbols each
//! ```
//!
//! The pieces, from 0, are the file in Base64; an edition is the start of its SHA-256. A resolver
//! keeps answers for a while, so a reader that was given the head of yesterday still finds the
//! pieces that it names: those of the edition before stay until the next write. One message changes
//! all of a file, which a server carries out whole or not at all, and only while its head is as it
//! was seen. A piece fits into an answer of 1,232 bytes, which passes everywhere without TCP.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use damm_clouds::Error;
use damm_clouds::traits::{Channel, Result};
use damm_fleet::Span;
use damm_vendors::SetupError;
use damm_vendors::credentials::{self, Secret};
use damm_vendors::http::TOTAL;
use damm_vendors::protocols::{PORT, Session, parse, seconds, signer};
use damm_vendors::wire::{Failure, Place};
use hickory_proto::op::{Message, OpCode, Query};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, TSigner};
use tokio::time::timeout;

use crate::head::{Edition, Head, PIECE, STRING, edition};

/// The longest file, in bytes: its message has to fit into 65,535.
const LONGEST: usize = 40_000;

/// TXT records in a zone.
pub struct Zone {
    place: Place,
    zone: Name,
    ttl: u32,
    signer: TSigner,
    name: String,
}

impl Zone {
    /// A zone at its primary server; nothing is called yet.
    ///
    /// # Errors
    ///
    /// When the server, the zone or the key is not as it should be.
    pub fn open(
        server: &str,
        zone: &str,
        ttl: Span,
        key: &Secret,
    ) -> std::result::Result<Self, SetupError> {
        let fields = credentials::fields(key, &["name", "key", "algorithm?"])?;
        let field = |name: &str| fields.get(name).map(Secret::expose);
        let algorithm = field("algorithm").unwrap_or("hmac-sha256");
        let (name, secret) = (field("name").unwrap_or_default(), field("key").unwrap_or_default());
        let wrong = |f: Failure| SetupError::Endpoint { endpoint: zone.to_owned(), why: f.words };
        Ok(Self {
            place: Place::tcp(server, Some(PORT))?,
            zone: parse(zone).map_err(wrong)?,
            ttl: (ttl.as_millis().div_ceil(1_000)).try_into().unwrap_or(u32::MAX),
            signer: signer(name, algorithm, secret)?,
            name: format!("dns:{}", zone.trim_end_matches('.')),
        })
    }

    /// One conversation, which ends in time.
    async fn call<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> std::result::Result<T, Failure>,
    ) -> Result<T> {
        let all = async {
            let stream = self.place.connect().await?;
            work(&mut Session::new(stream, self.signer.clone(), seconds())).await
        };
        let late = || Failure::unknown(format!("no answer within {} seconds", TOTAL.as_secs()));
        let done = timeout(TOTAL, all).await.unwrap_or_else(|_| Err(late()));
        done.map_err(|failure| Error {
            class: failure.class,
            provider: self.name.clone(),
            operation,
            message: failure.words,
            retry_after: None,
        })
    }

    /// Where a file's head stands.
    fn at(&self, name: &str) -> std::result::Result<Name, Failure> {
        let label = Name::from_ascii(name.to_ascii_lowercase());
        let whole = label.and_then(|label| label.append_domain(&self.zone));
        whole.map_err(|_| Failure::rejected("the name is too long for the zone"))
    }

    async fn head(
        &self,
        session: &mut Session,
        at: &Name,
    ) -> std::result::Result<Vec<Record>, Failure> {
        let mut message = Message::query();
        message.metadata.recursion_desired = false;
        message.add_query(Query::query(at.clone(), RecordType::TXT));
        let answer = session.ask(message).await?;
        if !answer.metadata.authoritative {
            let words = "the server does not answer for the zone itself: name its primary server";
            return Err(Failure::rejected(words));
        }
        let own = |r: &Record| r.name == *at && r.record_type() == RecordType::TXT;
        Ok(answer.answers.into_iter().filter(own).collect())
    }

    /// A message that changes something, while the head is as it was seen (RFC 2136, section 2.4).
    fn update(&self, at: &Name, seen: &[Record]) -> Message {
        let mut message = Message::query();
        message.metadata.op_code = OpCode::Update;
        message.metadata.recursion_desired = false;
        message.add_query(Query::query(self.zone.clone(), RecordType::SOA));
        let timeless = |record: &Record| {
            let mut record = record.clone();
            record.ttl = 0;
            record
        };
        message.add_answers(seen.iter().map(timeless));
        message.add_answers(seen.is_empty().then(|| all(at, DNSClass::NONE)));
        message
    }

    fn record(&self, at: Name, strings: Vec<&[u8]>) -> Record {
        Record::from_rdata(at, self.ttl, RData::TXT(TXT::from_bytes(strings)))
    }

    async fn put_file(
        &self,
        session: &mut Session,
        name: &str,
        bytes: &[u8],
    ) -> std::result::Result<(), Failure> {
        if bytes.len() > LONGEST {
            return Err(Failure::rejected("the catalog is too long for DNS: leave out doors"));
        }
        let at = self.at(name)?;
        let seen = self.head(session, &at).await?;
        let before = seen.iter().find_map(read_head);
        let text = BASE64_STANDARD.encode(bytes);
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(PIECE).collect();
        let new = Edition { id: edition(bytes), pieces: pieces.len() };
        let head = Head::after(before.as_ref(), new.clone());
        let mut message = self.update(&at, &seen);
        message.add_authority(all(&at, DNSClass::ANY));
        message.add_authority(self.record(at.clone(), vec![head.to_string().as_bytes()]));
        for (number, piece) in pieces.into_iter().enumerate() {
            let strings = piece.chunks(STRING).collect();
            message.add_authority(self.record(piece_at(&at, &new, number)?, strings));
        }
        // What no head names any more goes; a head in a cache names the edition before at most.
        for old in before.iter().flat_map(Head::editions).filter(|old| !head.names(old)) {
            message.add_authorities(self.gone(&at, old)?);
        }
        session.ask(message).await?;
        let stands = self.head(session, &at).await?;
        match stands.iter().find_map(read_head) == Some(head) {
            true => Ok(()),
            false => Err(Failure::unknown("the server says that it wrote, and gives another head")),
        }
    }

    fn gone(&self, at: &Name, old: &Edition) -> std::result::Result<Vec<Record>, Failure> {
        let piece = |number| Ok(all(&piece_at(at, old, number)?, DNSClass::ANY));
        (0..old.pieces).map(piece).collect()
    }

    async fn remove_file(
        &self,
        session: &mut Session,
        name: &str,
    ) -> std::result::Result<(), Failure> {
        let at = self.at(name)?;
        let seen = self.head(session, &at).await?;
        if seen.is_empty() {
            return Ok(());
        }
        let mut message = self.update(&at, &seen);
        message.add_authority(all(&at, DNSClass::ANY));
        for head in seen.iter().filter_map(read_head) {
            for old in head.editions() {
                message.add_authorities(self.gone(&at, old)?);
            }
        }
        session.ask(message).await?;
        match self.head(session, &at).await?.is_empty() {
            true => Ok(()),
            false => Err(Failure::unknown("the server says that it is gone, and still gives it")),
        }
    }

    /// The files whose head and all of whose pieces stand there.
    fn whole(&self, records: &[Record]) -> BTreeSet<String> {
        let texts = records.iter().filter(|r| r.record_type() == RecordType::TXT);
        let texts: BTreeMap<Name, &Record> = texts.map(|r| (r.name.to_lowercase(), r)).collect();
        let stands = |at: &Name, e: &Edition| {
            (0..e.pieces).all(|n| piece_at(at, e, n).is_ok_and(|p| texts.contains_key(&p)))
        };
        let one_below = self.zone.num_labels() + 1;
        let heads = texts.iter().filter(|(at, _)| at.num_labels() == one_below);
        let whole = heads.filter(|(at, r)| read_head(r).is_some_and(|h| stands(at, &h.now)));
        whole.filter_map(|(at, _)| label(at)).collect()
    }
}

/// The first label of a name.
fn label(at: &Name) -> Option<String> {
    at.iter().next().map(|label| String::from_utf8_lossy(label).into_owned())
}

/// All TXT records of a name: to be deleted (`ANY`), or not to be there (`NONE`).
fn all(at: &Name, class: DNSClass) -> Record {
    let mut record = Record::update0(at.clone(), 0, RecordType::TXT);
    record.dns_class = class;
    record
}

fn piece_at(at: &Name, edition: &Edition, number: usize) -> std::result::Result<Name, Failure> {
    let own = Name::from_ascii(edition.piece(number)).and_then(|own| own.append_domain(at));
    own.map_err(|_| Failure::rejected("the name is too long for the zone"))
}

fn read_head(record: &Record) -> Option<Head> {
    match &record.data {
        RData::TXT(text) => String::from_utf8(text.txt_data.concat()).ok()?.parse().ok(),
        _ => None,
    }
}

#[async_trait]
impl Channel for Zone {
    async fn names(&self) -> Result<BTreeSet<String>> {
        let work = async |session: &mut Session| session.transfer(&self.zone).await;
        Ok(self.whole(&self.call("list catalogs", work).await?))
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let work = async |session: &mut Session| self.put_file(session, name, bytes).await;
        self.call("put a catalog", work).await
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let work = async |session: &mut Session| self.remove_file(session, name).await;
        self.call("take a catalog away", work).await
    }
}
