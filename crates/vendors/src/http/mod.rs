//! The one HTTP layer of all adapters.
//!
//! # Guarantees
//!
//! - One [`Ask`] is at most one request: nothing is sent again, and no redirect is followed.
//! - Every call ends in time, whatever the other side does: within [`TOTAL`] seconds.
//! - A failure is classed as [`FailureClass::Unknown`] unless the answer proves that nothing was
//!   done. Bodies of any kind are survived.
//! - No error, and no trace event, holds a secret of the account, user data, or a body.
//! - Proxies are taken from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.

mod ask;
mod dialect;
mod pace;
mod tls;
mod words;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use damm_clouds::{Clock, Error};
use damm_fleet::{FailureClass, ProviderName, Span, Timestamp};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Request, Url};
use serde::de::DeserializeOwned;

pub use ask::{Ask, Reply};
pub use dialect::{ByStatus, Dialect, by_status};
pub use pace::{Pace, Reset};
pub use reqwest::Method;
#[cfg(any(feature = "rfc2136", feature = "haproxy"))]
pub(crate) use words::fit;

use crate::credentials::Secret;
use crate::error::SetupError;

/// The longest that a connection takes to stand.
pub const CONNECT: Duration = Duration::from_secs(10);

/// The longest that a call takes unless told otherwise. Vendors' gateways give up after 30 to 60
/// seconds, and the engine gives up after 60.
pub const TOTAL: Duration = Duration::from_secs(45);

/// The largest body that is read: the longest pages of vendors are a hundredth of it.
const LARGEST: usize = 32 << 20;

/// What is put into every request to show whose it is.
#[derive(Clone)]
pub enum Auth {
    /// Nothing; the adapter signs requests itself, or nothing is needed.
    None,
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer(Secret),
    /// A header field of the vendor's own.
    Header(&'static str, Secret),
}

/// What an account's way to its vendor is made of.
#[derive(Clone)]
pub struct HttpParts {
    /// The account's name in the topology, for errors.
    pub account: ProviderName,
    /// The API's base, without a trailing slash.
    pub base: String,
    /// How requests show whose they are.
    pub auth: Auth,
    /// How the vendor tells what is left of its rate, if it does.
    pub pace: Option<Pace>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Authorities to trust instead of the machine's.
    pub ca: Option<PathBuf>,
    /// The longest that a call takes; [`TOTAL`] but for tests.
    pub patience: Duration,
}

/// One account's way to one vendor's API.
pub struct Http {
    client: Client,
    base: Url,
    parts: HttpParts,
    paused_until: Mutex<Timestamp>,
}

impl Http {
    /// Prepares calls; nothing is called yet.
    ///
    /// # Errors
    ///
    /// When the base is no address of HTTP, or the authorities can't be read.
    pub fn new(parts: HttpParts) -> Result<Self, SetupError> {
        let base = base_of(&parts)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls::config(parts.ca.as_deref())?)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .timeout(parts.patience)
            .user_agent(concat!("damm/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| SetupError::Tls(e.without_url().to_string()))?;
        Ok(Self { client, base, parts, paused_until: Mutex::new(Timestamp::EPOCH) })
    }

    /// The same account's way to another API, for vendors whose services have addresses of their
    /// own: with the same authorities, and with pauses of its own.
    ///
    /// # Errors
    ///
    /// When the base is no address of HTTP.
    pub fn beside(&self, base: &str) -> Result<Self, SetupError> {
        let parts = HttpParts { base: base.to_owned(), ..self.parts.clone() };
        let base = base_of(&parts)?;
        let paused_until = Mutex::new(Timestamp::EPOCH);
        Ok(Self { client: self.client.clone(), base, parts, paused_until })
    }

    /// The account's name in the topology.
    pub const fn account(&self) -> &ProviderName {
        &self.parts.account
    }

    /// The clock that pauses are counted by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.parts.clock
    }

    /// Makes one request and returns the reply, whatever its status.
    ///
    /// # Errors
    ///
    /// `Throttled` while the account has to be left alone: nothing was sent then. `Busy` when no
    /// connection came to stand: nothing was sent either. `Unknown` when the answer is lost.
    pub async fn send(&self, ask: Ask) -> Result<Reply, Error> {
        self.wait_over(&ask)?;
        let request = self.request(&ask)?;
        let path = request.url().path().to_owned();
        let begun = std::time::Instant::now();
        let outcome = self.exchange(request).await;
        let took = begun.elapsed().as_millis() as u64;
        match &outcome {
            Ok(reply) => tracing::debug!(
                account = %self.parts.account, operation = ask.operation,
                method = %ask.method, path,
                status = reply.status, took, request = reply.request_id().unwrap_or("-"), "call"
            ),
            Err(failure) => tracing::debug!(
                account = %self.parts.account, operation = ask.operation,
                method = %ask.method, path,
                took, failure = failure.words(), "call"
            ),
        }
        let reply = outcome.map_err(|f| self.failed(&ask, f.class(), &f.words(), None))?;
        self.mind_pace(&reply);
        Ok(reply)
    }

    /// Makes one request and returns the reply if it is a success.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and the class that the dialect gives a refusal.
    pub async fn call(&self, ask: Ask, dialect: &dyn Dialect) -> Result<Reply, Error> {
        let short = Ask { body: None, ..ask.clone() };
        let reply = self.send(ask).await?;
        match reply.is_success() {
            true => Ok(reply),
            false => Err(self.refusal(&short, &reply, dialect)),
        }
    }

    /// Makes one request and reads the reply as JSON.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call), and `Unknown` when a success can't be read.
    pub async fn json<T: DeserializeOwned>(
        &self,
        ask: Ask,
        dialect: &dyn Dialect,
    ) -> Result<T, Error> {
        let short = Ask { body: None, ..ask.clone() };
        let reply = self.call(ask, dialect).await?;
        self.read(&short, &reply)
    }

    /// Reads the JSON of a success.
    ///
    /// # Errors
    ///
    /// `Unknown` when it is not what it should be: the thing was done, and what was made has to be
    /// looked for.
    pub fn read<T: DeserializeOwned>(&self, ask: &Ask, reply: &Reply) -> Result<T, Error> {
        serde_json::from_slice(&reply.body).map_err(|e| {
            // serde's words may quote a value, so only the place is told.
            let (line, column) = (e.line(), e.column());
            let words = format!("the answer can't be read at line {line}, column {column}");
            self.failed(ask, FailureClass::Unknown, &words, Some(reply))
        })
    }

    /// The error that a refusal is.
    pub fn refusal(&self, ask: &Ask, reply: &Reply, dialect: &dyn Dialect) -> Error {
        let class = dialect.class(reply).unwrap_or_else(|| by_status(reply.status));
        let words = dialect.words(reply).unwrap_or_else(|| words::of(reply));
        self.failed(ask, class, &words, Some(reply))
    }

    /// An error of this account, with no secret in it.
    pub fn failed(
        &self,
        ask: &Ask,
        class: FailureClass,
        words: &str,
        reply: Option<&Reply>,
    ) -> Error {
        let now = self.parts.clock.now();
        let asked = reply.and_then(|r| pace::retry_after(r, now));
        let told = asked.filter(|at| *at > now).map(|at| at.since(now));
        let mut message = words::fit(words, &self.secrets(ask));
        if let Some(id) = reply.and_then(Reply::request_id) {
            message = format!("{message} (request {})", words::fit(id, &self.secrets(ask)));
        }
        let waits = matches!(class, FailureClass::Throttled | FailureClass::Busy);
        let paused = (class == FailureClass::Throttled).then(|| self.pause()).flatten();
        Error {
            class,
            provider: self.parts.account.to_string(),
            operation: ask.operation,
            message,
            retry_after: told.filter(|_| waits).or(paused),
        }
    }

    fn secrets<'a>(&'a self, ask: &'a Ask) -> Vec<&'a str> {
        let own = match &self.parts.auth {
            Auth::None => None,
            Auth::Bearer(secret) | Auth::Header(_, secret) => Some(secret.expose()),
        };
        own.into_iter().chain(ask.private.iter().map(String::as_str)).collect()
    }

    /// How much longer the account has to be left alone.
    fn pause(&self) -> Option<Span> {
        let until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.parts.clock.now();
        (until > now).then(|| until.since(now))
    }

    fn wait_over(&self, ask: &Ask) -> Result<(), Error> {
        match self.pause() {
            None => Ok(()),
            Some(wait) => {
                let words = format!("not sent: the account's calls are used up for {wait}");
                Err(self.failed(ask, FailureClass::Throttled, &words, None))
            }
        }
    }

    fn mind_pace(&self, reply: &Reply) {
        let now = self.parts.clock.now();
        if let Some(until) = pace::pause(reply, self.parts.pace.as_ref(), now) {
            let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
            *paused = (*paused).max(until);
        }
    }

    fn request(&self, ask: &Ask) -> Result<Request, Error> {
        let wrong = |words: &str| self.failed(ask, FailureClass::Rejected, words, None);
        let url = self.address(ask).ok_or_else(|| wrong("the path is no part of the API"))?;
        let mut request = Request::new(ask.method.clone(), url);
        let headers = request.headers_mut();
        for (name, value) in &ask.headers {
            let value = HeaderValue::from_str(value);
            let value = value.map_err(|_| wrong("a header field can't be sent"))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        self.identify(headers).ok_or_else(|| wrong("the credentials can't be sent in a header"))?;
        if let Some((content_type, body)) = &ask.body {
            let value = HeaderValue::from_static(content_type);
            headers.insert(reqwest::header::CONTENT_TYPE, value);
            *request.body_mut() = Some(body.clone().into());
        }
        Ok(request)
    }

    fn identify(&self, headers: &mut HeaderMap) -> Option<()> {
        let (name, text) = match &self.parts.auth {
            Auth::None => return Some(()),
            Auth::Bearer(token) => ("authorization", format!("Bearer {}", token.expose())),
            Auth::Header(name, token) => (*name, token.expose().to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
        Some(())
    }

    /// The address of a request: below the base, or a next page that lies below it. Secrets never
    /// go to another host because a body says so.
    fn address(&self, ask: &Ask) -> Option<Url> {
        let mut url = match ask.path.starts_with('/') {
            true => Url::parse(&format!("{}{}", self.parts.base, ask.path)).ok()?,
            false => Url::parse(&ask.path).ok()?,
        };
        if url.origin() != self.base.origin() || !url.path().starts_with(self.base.path()) {
            return None;
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        Some(url)
    }

    async fn exchange(&self, request: Request) -> Result<Reply, Lost> {
        let mut response = self.client.execute(request).await.map_err(Lost::of)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Lost::of)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Lost::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body: body.into() })
    }
}

fn base_of(parts: &HttpParts) -> Result<Url, SetupError> {
    let why = |why: String| SetupError::Endpoint { endpoint: parts.base.clone(), why };
    let base = Url::parse(&parts.base).map_err(|e| why(e.to_string()))?;
    match matches!(base.scheme(), "http" | "https") && base.host_str().is_some() {
        true => Ok(base),
        false => Err(why("it has to begin with https:// and a host".to_owned())),
    }
}

/// A request without a whole answer.
enum Lost {
    /// No connection came to stand, so nothing was sent.
    Unsent,
    /// No answer in time.
    Late,
    /// The connection broke.
    Broken,
    /// The answer is larger than any answer is.
    TooLarge,
}

impl Lost {
    fn of(error: reqwest::Error) -> Self {
        match (error.is_connect(), error.is_timeout()) {
            (true, _) => Self::Unsent,
            (_, true) => Self::Late,
            _ => Self::Broken,
        }
    }

    const fn class(&self) -> FailureClass {
        match self {
            Self::Unsent => FailureClass::Busy,
            _ => FailureClass::Unknown,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Unsent => "no connection: see that the endpoint is right, can be reached from \
                             here, and that its certificate is trusted (`ca`)"
                .to_owned(),
            Self::Late => "no answer in time".to_owned(),
            Self::Broken => "the connection broke before the answer was whole".to_owned(),
            Self::TooLarge => format!("the answer is larger than {} MiB", LARGEST >> 20),
        }
    }
}
