//! The witness: shows that a client came through, as a process of its own: `damm node witness
//! --config FILE`.
//!
//! It is a small web server inside the tunnel, at the server's end of it, and answers one question:
//! a client's [token](damm_protocol::evidence::Token) with the node's
//! [receipt](damm_protocol::evidence::Receipt) for it.
//!
//! # Guarantees
//!
//! - It signs for doors of its own node, and for the present: nobody can put receipts by for a time
//!   when the door is blocked.
//! - It keeps nothing and writes nothing down, neither who asked nor what.
//! - It begins no connection, and the packet filter lets it begin none.
//! - What it can be made to hold is bounded; what it lacks is lacking to questions alone.
//!
//! It can't see by which of its node's doors a client came: a receipt proves the node.

mod settings;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use damm_fleet::Timestamp;
use damm_protocol::Question;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::SignalKind;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

pub use self::settings::Settings;
use crate::service::{ServiceError, files};
use crate::transport::listening::listen_at;
use crate::transport::relay::{accept, caught};

/// Connections at once. A question takes two round trips, so this is thousands a second.
const CONNECTIONS: usize = 512;

/// How long a client may take, from the first packet to the last.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is read of a request at most, in bytes: the least that hyper can do with. A question has a
/// hundred.
const HEAD: usize = 8 << 10;

/// Answers clients until it is told to end (SIGTERM). On SIGHUP it reads its file again.
///
/// # Errors
///
/// When the file can't be read, or the port is another's.
pub async fn serve(config: &Path) -> Result<(), ServiceError> {
    let settings: Settings = files::settings(config)?;
    let listeners = listeners(&settings.at).map_err(|e| ServiceError::field(config, "at", e))?;
    let (news, current) = watch::channel(Arc::new(settings));
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let mut doing = JoinSet::new();
    for listener in listeners {
        doing.spawn(attend(listener, Arc::clone(&connections), current.clone()));
    }
    let (mut again, mut end) = (caught(SignalKind::hangup())?, caught(SignalKind::terminate())?);
    loop {
        tokio::select! {
            _ = again.recv() => match files::settings::<Settings>(config) {
                Ok(settings) => drop(news.send(Arc::new(settings))),
                Err(error) => tracing::error!("{error}"),
            },
            _ = end.recv() => return Ok(()),
        }
    }
}

/// A listener at each address that can be had: where the kernel has no IPv6, one is enough.
fn listeners(at: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let (mut listeners, mut last) = (Vec::new(), io::ErrorKind::InvalidInput.into());
    for at in at {
        match listen_at(*at) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => last = error,
        }
    }
    if listeners.is_empty() { Err(last) } else { Ok(listeners) }
}

/// Takes connections, so many at once; others wait their turn.
async fn attend(
    listener: TcpListener,
    connections: Arc<Semaphore>,
    current: watch::Receiver<Arc<Settings>>,
) {
    // It is never closed.
    while let Ok(room) = Arc::clone(&connections).acquire_owned().await {
        let stream = accept(&listener).await;
        let settings = Arc::clone(&current.borrow());
        tokio::spawn(async move {
            // How it ended says nothing that anybody could act on.
            drop(tokio::time::timeout(PATIENCE, attend_one(stream, &settings)).await);
            drop(room);
        });
    }
}

async fn attend_one(stream: TcpStream, settings: &Settings) -> hyper::Result<()> {
    let service = service_fn(|request| {
        std::future::ready(Ok::<_, Infallible>(answer(settings, &request, now())))
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).keep_alive(false).max_buf_size(HEAD).auto_date_header(false);
    server.serve_connection(TokioIo::new(stream), service).await
}

/// The receipt, or that there is nothing here: the same whatever is wrong with the question.
fn answer<B>(settings: &Settings, request: &Request<B>, now: Timestamp) -> Response<String> {
    let asked = (request.method() == Method::GET).then(|| request.uri().path_and_query());
    let question = asked.flatten().and_then(|path| Question::from_path(path.as_str()));
    let own = |q: &Question| settings.doors.contains(&q.door) && q.epoch.is_taken(now);
    let receipt = question.filter(own).map(|q| q.receipt(&settings.key).to_string());
    let status = if receipt.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let mut response = Response::new(receipt.unwrap_or_default());
    *response.status_mut() = status;
    for (name, value) in [(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, "text/plain")] {
        response.headers_mut().insert(name, hyper::header::HeaderValue::from_static(value));
    }
    response
}

/// A clock that is wrong by more than an epoch gives no receipts that count.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
