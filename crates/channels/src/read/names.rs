//! Files in TXT records, as the DNS channel writes them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::{Fetched, ReadError, odd, silent};
use crate::head::{Head, edition};

/// The longest that one answer is waited for; a datagram may be lost, so it is asked for again.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;

/// What an answer over UDP may take; it passes everywhere.
const DATAGRAM: usize = 1_232;

/// Files in a zone's TXT records, by a resolver.
pub struct Names {
    zone: Name,
    resolver: SocketAddr,
    place: String,
}

impl Names {
    /// A zone, asked of a resolver.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoChannel`] when it is no zone.
    pub fn new(zone: &str, resolver: SocketAddr) -> Result<Self, ReadError> {
        let wrong = |why: String| ReadError::NoChannel { place: zone.to_owned(), why };
        let mut name = Name::from_ascii(zone).map_err(|e| wrong(e.to_string()))?;
        name.set_fqdn(true);
        Ok(Self { zone: name, resolver, place: format!("the zone {zone}") })
    }

    /// As [`Reader::fetch`](super::Reader::fetch).
    ///
    /// # Errors
    ///
    /// [`ReadError`] when no whole answer comes, or the pieces are not those that the head names.
    pub async fn fetch(&self, name: &str, mark: Option<&str>) -> Result<Fetched, ReadError> {
        let Some(text) = self.text(name).await? else {
            return Ok(Fetched::Nothing);
        };
        let head: Result<Head, _> = text.parse();
        let now = head.map_err(|_| odd(&self.place, "the record is no head"))?.now;
        if mark == Some(now.id.as_str()) {
            return Ok(Fetched::Unchanged);
        }
        let mut all = String::new();
        for number in 0..now.pieces {
            let piece = self.text(&format!("{}.{name}", now.piece(number))).await?;
            all.push_str(&piece.ok_or_else(|| silent(&self.place, "a piece is missing"))?);
        }
        let bytes = BASE64_STANDARD.decode(all).ok().filter(|b| edition(b) == now.id);
        let bytes =
            bytes.ok_or_else(|| odd(&self.place, "the pieces are not those of the head"))?;
        Ok(Fetched::File { bytes, mark: Some(now.id) })
    }

    /// The text of a name; none where there is no such name.
    async fn text(&self, name: &str) -> Result<Option<String>, ReadError> {
        let at = Name::from_ascii(name).and_then(|own| own.append_domain(&self.zone));
        let at = at.map_err(|e| odd(&self.place, &e.to_string()))?;
        let mut why = String::new();
        for _ in 0..TRIES {
            match timeout(PATIENCE, self.ask(&at)).await {
                Ok(Ok(answer)) => return self.read(&answer),
                Ok(Err(e)) => why = e.to_string(),
                Err(_) => "no answer in time".clone_into(&mut why),
            }
        }
        Err(silent(&self.place, &why))
    }

    fn read(&self, answer: &Message) -> Result<Option<String>, ReadError> {
        match answer.metadata.response_code {
            ResponseCode::NoError => {}
            ResponseCode::NXDomain => return Ok(None),
            code => return Err(odd(&self.place, &code.to_string())),
        }
        let text = answer.answers.iter().find_map(|record| match &record.data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        });
        let text = text.map(String::from_utf8).transpose();
        text.map_err(|_| odd(&self.place, "the record is no text"))
    }

    /// Asks once, by UDP, and by TCP where that is too short.
    async fn ask(&self, at: &Name) -> std::io::Result<Message> {
        let mut question = Message::query();
        question.add_query(Query::query(at.clone(), RecordType::TXT));
        question.edns.get_or_insert_default().set_max_payload(DATAGRAM as u16);
        let bytes = question.to_vec().map_err(std::io::Error::other)?;
        let own: SocketAddr = match self.resolver {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(own).await?;
        socket.connect(self.resolver).await?;
        socket.send(&bytes).await?;
        let mut buffer = [0; 4_096];
        loop {
            let length = socket.recv(&mut buffer).await?;
            // Whoever guesses the port may send what it likes: what is no answer is passed over.
            match answer(&buffer[..length], &question) {
                Some(answer) if answer.metadata.truncation => break,
                Some(answer) => return Ok(answer),
                None => {}
            }
        }
        let mut stream = TcpStream::connect(self.resolver).await?;
        stream.write_all(&(bytes.len() as u16).to_be_bytes()).await?;
        stream.write_all(&bytes).await?;
        let mut whole = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut whole).await?;
        answer(&whole, &question).ok_or_else(|| std::io::Error::other("it is no answer"))
    }
}

/// The answer to a question; none where it is to another one, or none at all.
fn answer(bytes: &[u8], question: &Message) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let (its, ours) = (&answer.metadata, &question.metadata);
    let same = its.message_type == MessageType::Response && its.id == ours.id;
    (same && answer.queries == question.queries).then_some(answer)
}
