//! A real server behind a front.

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::answer::Answer;
use crate::asked::Asked;
use crate::front::Api;

/// Fields that are about one connection, or that are set anew.
const OWN: [&str; 6] =
    ["connection", "content-length", "expect", "keep-alive", "te", "transfer-encoding"];

/// A failure on the way.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A server that the test started, at a port of this machine: requests are passed on as they are,
/// `Host` included, so that signatures hold. Where its refusals have to look like its own, make an
/// [`Api`] of your own that answers with [`pass_on`](Self::pass_on).
#[derive(Debug, Clone)]
pub struct Upstream {
    authority: String,
}

impl Upstream {
    /// The server at a URL, as in `http://127.0.0.1:5010`, without a path.
    pub fn at(url: &str) -> Self {
        let authority = url.trim_start_matches("http://").trim_end_matches('/');
        Self { authority: authority.to_owned() }
    }

    /// Passes a request on; `502` where the server can't be reached.
    pub async fn pass_on(&self, asked: &Asked) -> Answer {
        let answer = self.exchange(asked).await;
        answer.unwrap_or_else(|e| Answer::text(502, format!("the server is not there: {e}")))
    }

    async fn exchange(&self, asked: &Asked) -> Result<Answer, Failure> {
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driving = tokio::spawn(connection);
        let response = sender.send_request(request(asked)?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        driving.abort();
        let fields = head.headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
        let fields = fields.filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        Ok(Answer { status: head.status.as_u16(), headers: fields.collect(), body })
    }
}

fn request(asked: &Asked) -> Result<Request<Full<Bytes>>, Failure> {
    let query = asked.raw_query.iter().map(|q| format!("?{q}"));
    let target = asked.path.clone() + &query.collect::<String>();
    let mut request =
        Request::builder().method(Method::from_bytes(asked.method.as_bytes())?).uri(target);
    for (name, value) in asked.headers.iter().filter(|(n, _)| !OWN.contains(&n.as_str())) {
        request = request.header(name, value);
    }
    Ok(request.body(Full::new(asked.body.clone()))?)
}

#[async_trait]
impl Api for Upstream {
    async fn answer(&self, asked: &Asked) -> Answer {
        self.pass_on(asked).await
    }
}
