//! What stands between an adapter and a real server that speaks no HTTP, and makes trouble.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use damm_conformance::{Aim, Trouble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// How requests and answers follow each other on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// DNS over TCP: messages with their length before them (RFC 1035, section 4.2.2).
    Dns,
    /// One line, answered by all that comes until the connection is closed.
    Line,
}

/// A port of this machine whose connections lead to a server. It ends with the test's runtime.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    dial: Arc<Mutex<(Trouble, Aim)>>,
}

impl Relay {
    /// Leads to the server at a port.
    pub async fn to(server: SocketAddr, speech: Speech) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let dial = Arc::new(Mutex::new((Trouble::None, Aim::All)));
        let shared = dial.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server, speech, shared.clone()));
            }
        });
        Self { address, dial }
    }

    /// This trouble, and no other, from now on.
    pub fn trouble(&self, trouble: Trouble, aim: Aim) {
        *self.dial.lock().unwrap() = (trouble, aim);
    }
}

type Fault = Arc<Mutex<Trouble>>;

/// One connection, until either side closes it.
async fn carry(
    client: TcpStream,
    server: SocketAddr,
    speech: Speech,
    dial: Arc<Mutex<(Trouble, Aim)>>,
) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut asked, answers) = client.into_split();
    let (server, mut served) = server.into_split();
    let fault: Fault = Arc::new(Mutex::new(Trouble::None));
    let back = tokio::spawn(give_back(server, answers, speech, fault.clone()));
    while let Some(mut request) = speech.request(&mut asked).await {
        let (trouble, aim) = *dial.lock().unwrap();
        let trouble = match aim == Aim::All || speech.writes(&request) {
            true => trouble,
            false => Trouble::None,
        };
        *fault.lock().unwrap() = trouble;
        match trouble {
            Trouble::FailedRequests => {
                back.abort();
                break;
            }
            // The last bytes are of the signature or after it: the server refuses the message.
            Trouble::ExpiredCredential => speech.forge(&mut request),
            _ => {}
        }
        if served.write_all(&request).await.is_err() {
            break;
        }
    }
    // A client that says no more may still listen.
    drop(back.await);
}

async fn give_back(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    speech: Speech,
    fault: Fault,
) {
    while let Some(answer) = speech.answer(&mut server).await {
        let trouble = *fault.lock().unwrap();
        let sent = match trouble {
            Trouble::LostAnswers => return,
            Trouble::TruncatedAnswers => answer[..answer.len() / 2].to_vec(),
            Trouble::GarbledAnswers => speech.garbled(&answer),
            Trouble::FailedAnswers => speech.failure(&answer),
            _ => answer,
        };
        let written = client.write_all(&sent).await;
        if written.is_err() || trouble == Trouble::TruncatedAnswers {
            return;
        }
    }
}

impl Speech {
    async fn request(self, from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
        match self {
            Self::Dns => message(from).await,
            Self::Line => {
                let mut line = Vec::new();
                while line.last() != Some(&b'\n') {
                    line.push(from.read_u8().await.ok()?);
                }
                Some(line)
            }
        }
    }

    async fn answer(self, from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
        match self {
            Self::Dns => message(from).await,
            Self::Line => {
                let mut all = Vec::new();
                from.read_to_end(&mut all).await.ok()?;
                (!all.is_empty()).then_some(all)
            }
        }
    }

    /// Whether a request changes something: the operation code of DNS, or words of HAProxy.
    fn writes(self, request: &[u8]) -> bool {
        match self {
            Self::Dns => (request[4] >> 3) & 15 == 5,
            Self::Line => {
                let line = String::from_utf8_lossy(request);
                ["add server", "set server", "del server"].iter().any(|w| line.contains(w))
            }
        }
    }

    /// Spoils the signature: its code stands before the last six bytes of a request.
    fn forge(self, request: &mut [u8]) {
        let at = request.len() - 7;
        request[at] ^= 1;
    }

    /// Something else of the same length.
    fn garbled(self, answer: &[u8]) -> Vec<u8> {
        let head = if self == Self::Dns { 2 } else { 0 };
        let rest = b"<html></html>".iter().cycle().take(answer.len() - head);
        answer[..head].iter().chain(rest).copied().collect()
    }

    /// What a server says that failed within: SERVFAIL, without a signature.
    fn failure(self, answer: &[u8]) -> Vec<u8> {
        let (id, flags) = (&answer[2..4], [0x80 | answer[4] & 0x78, 2]);
        [&[0, 12], id, &flags, &[0; 8]].concat()
    }
}

async fn message(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let length = from.read_u16().await.ok()?;
    let mut message = vec![0; usize::from(length)];
    from.read_exact(&mut message).await.ok()?;
    Some([&length.to_be_bytes()[..], &message].concat())
}
