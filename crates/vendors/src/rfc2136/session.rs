//! One connection to a server: signed messages, one after the other.

use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType, TSigner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::chain::Chain;
use crate::wire::{Failure, Stream};
use damm_fleet::FailureClass;

/// The longest zone that is transferred, in bytes.
const LARGEST: usize = 64 << 20;

/// A connection.
pub struct Session {
    stream: Box<dyn Stream>,
    signer: TSigner,
    now: u64,
}

impl Session {
    /// A connection whose messages are signed, by the moment in seconds since 1970.
    pub const fn new(stream: Box<dyn Stream>, signer: TSigner, now: u64) -> Self {
        Self { stream, signer, now }
    }

    /// Asks and returns the one answer. A name that is not there is an answer, too.
    pub async fn ask(&mut self, message: Message) -> Result<Message, Failure> {
        let query = message.metadata.op_code == OpCode::Query;
        let mut chain = self.send(message).await?;
        let answer = chain.read(&self.receive().await?)?;
        match answer.metadata.response_code {
            ResponseCode::NXDomain if query => Ok(answer),
            code => refusal(code).map_or(Ok(answer), Err),
        }
    }

    /// All records of a zone (RFC 5936): from its SOA record to the same again.
    pub async fn transfer(&mut self, zone: &Name) -> Result<Vec<Record>, Failure> {
        let mut message = Message::query();
        message.add_query(Query::query(zone.clone(), RecordType::AXFR));
        let mut chain = self.send(message).await?;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while !is_whole(&records) {
            let part = self.receive().await?;
            bytes += part.len();
            if bytes > LARGEST {
                let words = format!("the zone is larger than {} MiB", LARGEST >> 20);
                return Err(Failure::unknown(words));
            }
            let answer = chain.read(&part)?;
            if let Some(failure) = refusal(answer.metadata.response_code) {
                return Err(failure);
            }
            records.extend(answer.answers);
            let soa = |r: &Record| r.record_type() == RecordType::SOA && r.name == *zone;
            if !records.first().is_some_and(soa) {
                return Err(Failure::unknown("the transfer does not begin with the zone's SOA"));
            }
        }
        match chain.is_closed() {
            true => Ok(records),
            false => Err(Failure::unknown("the transfer's last message is not signed")),
        }
    }

    async fn send(&mut self, mut message: Message) -> Result<Chain, Failure> {
        let unfit = |_| Failure::rejected("the request is longer than a message can be");
        let (tsig, _) = self.signer.sign_message(&message, self.now).map_err(unfit)?;
        let code = tsig.data.mac.clone();
        message.set_signature(tsig);
        let bytes = message.to_vec().map_err(unfit)?;
        let length = u16::try_from(bytes.len());
        let length = length.map_err(|_| Failure::rejected("the request is too long"))?;
        let framed = [&length.to_be_bytes()[..], &bytes].concat();
        self.stream.write_all(&framed).await.map_err(|_| Failure::broken())?;
        Ok(Chain::after(self.signer.clone(), message.metadata.id, code, self.now))
    }

    async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let length = self.stream.read_u16().await.map_err(|_| Failure::broken())?;
        let mut bytes = vec![0; usize::from(length)];
        self.stream.read_exact(&mut bytes).await.map_err(|_| Failure::broken())?;
        Ok(bytes)
    }
}

/// Whether a transfer has come to its end: the SOA record again.
fn is_whole(records: &[Record]) -> bool {
    records.len() > 1 && records.last().is_some_and(|r| r.record_type() == RecordType::SOA)
}

/// What a response code means (RFC 2136, section 2.2); none for a success.
pub fn refusal(code: ResponseCode) -> Option<Failure> {
    use ResponseCode::{
        FormErr, NXDomain, NXRRSet, NoError, NotAuth, NotImp, NotZone, Refused, YXDomain, YXRRSet,
    };
    let (class, words) = match code {
        NoError => return None,
        YXDomain | YXRRSet | NXDomain | NXRRSet => {
            (FailureClass::Busy, "the records were changed by somebody else in between")
        }
        Refused => (FailureClass::Rejected, "the server refuses this to the key (REFUSED)"),
        NotAuth => (FailureClass::Rejected, "the server does not hold the zone (NOTAUTH)"),
        NotZone => (FailureClass::Rejected, "the name is not in the zone (NOTZONE)"),
        FormErr => (FailureClass::Rejected, "the server can't read the request (FORMERR)"),
        NotImp => (FailureClass::Rejected, "the server takes no dynamic updates (NOTIMP)"),
        _ => (FailureClass::Unknown, "the server failed (SERVFAIL or another code)"),
    };
    Some(Failure::new(class, words))
}
