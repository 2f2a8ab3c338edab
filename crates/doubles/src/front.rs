//! The server before a double.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use damm_conformance::{Aim, Trouble};
use damm_fleet::Span;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::asked::{Asked, Luck, pairs};
use crate::broken::{BrokenOff, Sent};
use crate::description::{Described, Description};
use crate::dial::{Fault, Odds, Setting};
use crate::journal::Line;

/// Whether clients have gone is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What a vendor asks for when it says when to come back.
const RETRY_AFTER: Span = Span::from_secs(2);

/// No request is larger.
const BODY: usize = 32 << 20;

/// What proxies before a vendor say when it does not answer.
const FAILURES: [(u16, &str); 4] = [
    (503, "Service Temporarily Unavailable"),
    (502, "Bad Gateway"),
    (500, "Internal Server Error"),
    (504, "Gateway Time-out"),
];

/// What a request is about: faults are aimed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// It changes nothing.
    Read,
    /// It may change something.
    Write,
    /// It is no part of what adapters are tested for, a login for instance: no fault comes to it.
    Aside,
}

/// A vendor's server, as its double plays it.
#[async_trait]
pub trait Api: Send + Sync {
    /// Carries out a request and answers it.
    async fn answer(&self, asked: &Asked) -> Answer;

    /// What a request is about. By default `GET` and `HEAD` read and all else writes.
    fn concern(&self, asked: &Asked) -> Concern {
        match asked.method.as_str() {
            "GET" | "HEAD" => Concern::Read,
            _ => Concern::Write,
        }
    }

    /// "Too many requests", with the time to come back or without.
    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        let answer = Answer::text(429, "Too many requests");
        match retry_after {
            Some(span) => answer.with("retry-after", span.as_millis().div_ceil(1_000)),
            None => answer,
        }
    }

    /// The credential is refused.
    fn unauthorized(&self) -> Answer {
        Answer::text(401, "Unauthorized")
    }

    /// "Locked, try again", where the vendor says that to such a request.
    fn busy(&self, _asked: &Asked) -> Option<Answer> {
        None
    }

    /// The vendor's own description of its API, to which the double and its clients are held where
    /// [it can be had](crate::description::FOLDER).
    fn described(&self) -> &'static [Described] {
        &[]
    }

    /// A refusal in these words.
    fn refused(&self, words: &str) -> Answer {
        Answer::json(400, &serde_json::json!({ "message": words, "error": words }))
    }
}

/// A server on a port of the loopback interface, with a fault dial and a journal. It runs in a
/// thread of its own, so that tests may block, and ends when it is dropped.
pub struct Front {
    address: SocketAddr,
    desk: Arc<Desk>,
    /// Dropped to end it.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What connections share.
struct Desk {
    api: Arc<dyn Api>,
    descriptions: Vec<Arc<Description>>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    setting: Setting,
    /// Who is connected.
    connected: BTreeSet<SocketAddr>,
    requests: u64,
    journal: Vec<Line>,
    keeps_bodies: bool,
    /// What was not as the vendor describes it.
    complaints: BTreeSet<String>,
}

/// How an answer leaves.
enum Leaving {
    Whole(Answer),
    Half(Answer),
    Never,
}

impl Front {
    /// Serves a double.
    ///
    /// # Panics
    ///
    /// When the loopback interface has no port left or no thread can be started.
    pub fn over(api: Arc<dyn Api>) -> Self {
        let descriptions = api.described().iter().filter_map(Description::of).collect();
        let desk = Arc::new(Desk { api, descriptions, book: Mutex::default() });
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
        let listener = listener.unwrap_or_else(|e| panic!("no port on the loopback: {e}"));
        let address = listener.local_addr().unwrap_or_else(|e| panic!("no port: {e}"));
        let (end, ended) = oneshot::channel();
        let shared = desk.clone();
        let thread = std::thread::spawn(move || run(listener, &shared, ended));
        Self { address, desk, end: Some(end), thread: Some(thread) }
    }

    /// Where it listens, as in `http://127.0.0.1:4000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// This trouble, and no other, for requests from now on.
    pub fn trouble(&self, trouble: Trouble, aim: Aim) {
        self.desk.lock().setting = Setting::One(trouble, aim, 0);
    }

    /// These odds for requests from now on. Requests are counted from the front's start, so the
    /// same requests in the same order meet the same faults.
    pub fn odds(&self, odds: Odds) {
        self.desk.lock().setting = Setting::Odds(odds);
    }

    /// All requests so far, in the order in which they came to their end.
    pub fn journal(&self) -> Vec<Line> {
        self.desk.lock().journal.clone()
    }

    /// Takes the journal, which begins anew.
    pub fn take_journal(&self) -> Vec<Line> {
        std::mem::take(&mut self.desk.lock().journal)
    }

    /// Returns when all that was sent is served or given up, and nobody is connected: for a client
    /// that died with requests under way. One that keeps its connections is waited for without end.
    ///
    /// # Panics
    ///
    /// When the front can't be reached.
    pub async fn idle(&self) {
        // Connections are accepted in their order: once this one is, all earlier ones are.
        let own = TcpStream::connect(self.address).await;
        let own = own.unwrap_or_else(|e| panic!("the front is not there: {e}"));
        let own_name = own.local_addr().unwrap_or_else(|e| panic!("the front is gone: {e}"));
        let alone = BTreeSet::from([own_name]);
        while self.desk.lock().connected != alone {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Keeps requests' bodies in the journal from now on.
    pub fn keep_bodies(&self) {
        self.desk.lock().keeps_bodies = true;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic in a double has failed its request, and so the test, already.
            drop(thread.join());
        }
        let complaints = std::mem::take(&mut self.desk.lock().complaints);
        let all: Vec<_> = complaints.into_iter().collect();
        // A test that has failed already says why by itself.
        let right = all.is_empty() || std::thread::panicking();
        assert!(right, "not as the vendor describes it:\n{}", all.join("\n"));
    }
}

/// Serves until the other end is dropped; then all connections are closed.
fn run(listener: std::net::TcpListener, desk: &Arc<Desk>, ended: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|e| panic!("no runtime: {e}"));
    runtime.block_on(async {
        let nonblocking = listener.set_nonblocking(true);
        let listener = nonblocking.and_then(|()| TcpListener::from_std(listener));
        let listener = listener.unwrap_or_else(|e| panic!("the port can't be listened on: {e}"));
        tokio::select! {
            () = accept(listener, desk) => {}
            _ = ended => {}
        }
    });
}

async fn accept(listener: TcpListener, desk: &Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, peer)) = listener.accept() => {
                // Answers are single writes; where it can't be set they are late at worst.
                drop(stream.set_nodelay(true));
                let desk = desk.clone();
                desk.lock().connected.insert(peer);
                connections.spawn(async move {
                    let service = service_fn(|request| desk.serve(request));
                    let connection = http1::Builder::new();
                    // How a connection ends is part of the play.
                    drop(connection.serve_connection(TokioIo::new(stream), service).await);
                    desk.lock().connected.remove(&peer);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Book> {
        // Each change is one assignment or one push; a panic elsewhere can't tear it.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request. The error closes the connection without an answer.
    async fn serve(&self, request: Request<Incoming>) -> Result<Response<Sent>, BrokenOff> {
        let mut asked = read(request).await?;
        let concern = self.api.concern(&asked);
        let (fault, number) = {
            let mut book = self.lock();
            book.requests += 1;
            let number = book.requests;
            let (fault, luck) = book.setting.draw(concern, number);
            asked.luck = luck;
            (fault, number)
        };
        let (leaving, served) = self.meet(&asked, fault, number).await;
        self.note(&asked, &leaving, served);
        match leaving {
            Leaving::Whole(answer) => {
                let body = Sent::whole(answer.body.clone());
                sent(&answer, body)
            }
            Leaving::Half(answer) if answer.body.len() > 1 => {
                let body = Sent::half(&answer.body);
                sent(&answer, body)
            }
            // Half of nothing is nothing: the connection is closed.
            Leaving::Half(_) | Leaving::Never => Err(BrokenOff),
        }
    }

    /// The answer to a request that meets a fault, and whether the double saw it.
    async fn meet(&self, asked: &Asked, fault: Option<Fault>, number: u64) -> (Leaving, bool) {
        let instead = match fault {
            Some(Fault::FailsBefore) => Some(failure(number)),
            Some(Fault::Throttled(told)) => Some(self.api.throttled(told.then_some(RETRY_AFTER))),
            Some(Fault::Unauthorized) => Some(self.api.unauthorized()),
            Some(Fault::Busy) => self.api.busy(asked),
            Some(Fault::Echoes) => Some(self.api.refused(&asked.quoted())),
            _ => None,
        };
        if let Some(answer) = instead {
            return (Leaving::Whole(answer), false);
        }
        let answer = self.api.answer(asked).await;
        if let Some(description) = self.descriptions.iter().find(|d| d.is_of(asked)) {
            self.lock().complaints.extend(description.complaints(asked, &answer));
        }
        let leaving = match fault {
            Some(Fault::Lost) => Leaving::Never,
            Some(Fault::FailsAfter) => Leaving::Whole(failure(number)),
            Some(Fault::Truncated) => Leaving::Half(answer),
            Some(Fault::Garbled) => Leaving::Whole(garbled(answer, number)),
            _ => Leaving::Whole(answer),
        };
        (leaving, true)
    }

    fn note(&self, asked: &Asked, leaving: &Leaving, served: bool) {
        let status = match leaving {
            Leaving::Whole(answer) | Leaving::Half(answer) => Some(answer.status),
            Leaving::Never => None,
        };
        let query = asked.raw_query.iter().map(|q| format!("?{q}"));
        let path = asked.path.clone() + &query.collect::<String>();
        let mut book = self.lock();
        let body = book.keeps_bodies.then(|| asked.body.clone());
        book.journal.push(Line { method: asked.method.clone(), path, status, served, body });
    }
}

async fn read(request: Request<Incoming>) -> Result<Asked, BrokenOff> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY).collect().await.map_err(|_| BrokenOff)?;
    let named = head.headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    let raw_query = head.uri.query().map(str::to_owned);
    Ok(Asked {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: raw_query.as_deref().map(pairs).unwrap_or_default(),
        headers: named.collect(),
        body: body.to_bytes(),
        luck: Luck::default(),
        raw_query,
    })
}

/// An answer with the length that its body should have.
fn sent(answer: &Answer, body: Sent) -> Result<Response<Sent>, BrokenOff> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    if answer.status != 204 {
        response = response.header(CONTENT_LENGTH, answer.body.len());
    }
    response.body(body).map_err(|_| BrokenOff)
}

fn failure(number: u64) -> Answer {
    let (status, title) = FAILURES[number as usize % FAILURES.len()];
    Answer::html(status, title)
}

/// A success that is not what it should be: a web page, nothing, or half of it.
fn garbled(answer: Answer, number: u64) -> Answer {
    match number % 3 {
        0 => Answer::html(200, "OK"),
        1 => Answer { status: 200, body: Bytes::new(), ..answer },
        _ => {
            let half = answer.body.slice(..answer.body.len() / 2);
            Answer { status: 200, body: half, ..answer }
        }
    }
}
