//! What the test's controller answers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use damm_protocol::{
    Echo, JoinAnswer, JoinRequest, NodeConfig, Refusal, Signed, SyncAnswer, SyncRequest,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Books, Inner};

/// Takes connections until it is aborted, which closes them all.
pub(super) async fn listen(listener: TcpListener, acceptor: TlsAcceptor, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, peer)) = listener.accept().await {
        inner.connections.fetch_add(1, Ordering::Relaxed);
        connections.spawn(connection(stream, peer, acceptor.clone(), Arc::clone(&inner)));
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor, inner: Arc<Inner>) {
    let counted = Counted { stream, inner: Arc::clone(&inner) };
    let Ok(tls) = acceptor.accept(counted).await else { return };
    let service = service_fn(move |request| answer(request, peer, Arc::clone(&inner)));
    drop(http1::Builder::new().serve_connection(TokioIo::new(tls), service).await);
}

type Answer = Result<Response<Full<Bytes>>, hyper::Error>;

async fn answer(request: Request<Incoming>, peer: SocketAddr, inner: Arc<Inner>) -> Answer {
    let path = request.uri().path().to_owned();
    let signature = request.headers().get(Signed::HEADER).cloned();
    let body = request.into_body().collect().await?.to_bytes();
    let signature = signature.as_ref().and_then(|s| s.to_str().ok()).unwrap_or_default();
    let signed = Signed { path: &path, body: &body, signature };
    Ok(match path.as_str() {
        Echo::PATH => {
            let address = inner.books().seen_as.unwrap_or(peer.ip());
            said(Ok(Echo { address }), &inner)
        }
        JoinRequest::PATH => said(join(&inner, &signed), &inner),
        SyncRequest::PATH => said(sync(&inner, &signed).await, &inner),
        _ => Response::default(),
    })
}

fn said<T: Serialize>(answer: Result<T, Refusal>, inner: &Inner) -> Response<Full<Bytes>> {
    let (status, text) = match answer {
        Ok(answer) => (200, serde_json::to_vec(&answer)),
        Err(refusal) => {
            inner.books().refused.push(refusal.clone());
            (403, serde_json::to_vec(&refusal))
        }
    };
    Response::builder().status(status).body(Full::new(text.unwrap().into())).unwrap()
}

fn join(inner: &Inner, signed: &Signed<'_>) -> Result<JoinAnswer, Refusal> {
    let request: JoinRequest = serde_json::from_slice(signed.body).unwrap();
    signed.verify(&request.identity).map_err(|_| Refusal::Signature)?;
    let mut books = inner.books();
    if let Some(refusal) = &books.closed {
        return Err(refusal.clone());
    }
    if request.token != books.token {
        return Err(Refusal::Token);
    }
    if books.identity.is_some_and(|known| known != request.identity) {
        return Err(Refusal::Used);
    }
    books.identity = Some(request.identity);
    books.joins.push(request);
    Ok(JoinAnswer { config: books.config.clone() })
}

async fn sync(inner: &Inner, signed: &Signed<'_>) -> Result<SyncAnswer, Refusal> {
    let request: SyncRequest = serde_json::from_slice(signed.body).unwrap();
    let (wait, have) = (request.wait.to_std(), request.have);
    admit(&mut inner.books(), signed, request)?;
    let news = async {
        loop {
            let notified = inner.news.notified();
            if let Some(config) = newer(&mut inner.books(), have) {
                return config;
            }
            notified.await;
        }
    };
    Ok(SyncAnswer { config: tokio::time::timeout(wait, news).await.ok() })
}

fn admit(books: &mut Books, signed: &Signed<'_>, request: SyncRequest) -> Result<(), Refusal> {
    let key = books.identity.ok_or(Refusal::Unknown)?;
    signed.verify(&key).map_err(|_| Refusal::Signature)?;
    if request.sequence <= books.sequence {
        return Err(Refusal::Replayed { above: books.sequence });
    }
    books.sequence = request.sequence;
    books.syncs.push(request);
    Ok(())
}

fn newer(books: &mut Books, have: u64) -> Option<NodeConfig> {
    books.slip.take().or_else(|| books.config.clone().filter(|c| c.generation > have))
}

/// Counts what goes through.
struct Counted {
    stream: TcpStream,
    inner: Arc<Inner>,
}

impl Counted {
    fn count(&self, bytes: usize) {
        self.inner.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.count(buf.filled().len() - before);
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = &written {
            self.count(*bytes);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
