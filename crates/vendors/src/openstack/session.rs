//! Tokens: asked for with the application credential, kept, renewed.

use std::collections::BTreeMap;
use std::sync::Arc;

use damm_clouds::Error;
use damm_clouds::traits::Result;
use damm_fleet::{FailureClass, Span, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Mutex;

use super::MICROVERSION;
use super::catalog::{Catalog, Entry, Service};
use super::said::{Login, Said};
use crate::credentials::Secret;
use crate::error::SetupError;
use crate::http::{Ask, Auth, Http, Reply};
use crate::moments::moment;
use crate::registry::Account;

/// A token is renewed this long before it ends: no call takes longer, and clocks differ.
const MARGIN: Span = Span::from_mins(5);

/// What a cloud says when it gives a token.
#[derive(Deserialize)]
struct Given {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    #[serde(deserialize_with = "moment")]
    expires_at: Timestamp,
    project: Project,
    #[serde(default)]
    catalog: Vec<Entry>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

/// What a token opens.
struct Session {
    token: Secret,
    expires_at: Timestamp,
    project: String,
    catalog: Catalog,
}

/// What is shared by all calls.
#[derive(Default)]
struct Held {
    session: Option<Arc<Session>>,
    /// Ways to services, by their base: the pauses that a service asks for outlive a token.
    ways: BTreeMap<String, Arc<Http>>,
}

/// The identity service, and the ways that its tokens open.
pub struct Keystone {
    http: Http,
    endpoint: String,
    region: Option<String>,
    id: Secret,
    secret: Secret,
    /// Locked while a token is asked for, so that calls beside each other ask once.
    held: Mutex<Held>,
}

/// A request that was answered: by whom, without its body, and how.
pub struct Exchange {
    http: Arc<Http>,
    ask: Ask,
    /// The answer.
    pub reply: Reply,
}

impl Exchange {
    /// The answer, if it is a success.
    pub fn done(self) -> Result<Reply> {
        match self.reply.is_success() {
            true => Ok(self.reply),
            false => Err(self.refusal()),
        }
    }

    /// What a refusal means.
    pub fn refusal(&self) -> Error {
        self.http.refusal(&self.ask, &self.reply, &Said)
    }

    /// The JSON of a success.
    pub fn read<T: DeserializeOwned>(self) -> Result<T> {
        match self.reply.is_success() {
            true => self.http.read(&self.ask, &self.reply),
            false => Err(self.refusal()),
        }
    }
}

impl Keystone {
    /// Prepares calls; nothing is called yet.
    pub fn new(
        account: &Account,
        id: &Secret,
        secret: &Secret,
    ) -> std::result::Result<Self, SetupError> {
        let (http, endpoint) = (account.http(Auth::None, None)?, account.endpoint());
        let region = account.setting("region").map(str::to_owned);
        let (id, secret) = (id.clone(), secret.clone());
        Ok(Self { http, endpoint, region, id, secret, held: Mutex::default() })
    }

    /// The account's time.
    pub fn now(&self) -> Timestamp {
        self.http.clock().now()
    }

    /// A refusal of our own.
    pub fn refuse(&self, operation: &'static str, class: FailureClass, words: &str) -> Error {
        self.http.failed(&Ask::get(operation, "/"), class, words, None)
    }

    /// The project that the credential is of.
    pub async fn project(&self) -> Result<String> {
        Ok(self.session(None).await?.project.clone())
    }

    /// Makes a request of a service, and returns the reply if it is a success.
    pub async fn call(&self, service: Service, ask: Ask) -> Result<Reply> {
        self.exchange(service, ask).await?.done()
    }

    /// Makes a request of a service, and reads the reply as JSON.
    pub async fn json<T: DeserializeOwned>(&self, service: Service, ask: Ask) -> Result<T> {
        self.exchange(service, ask).await?.read()
    }

    /// Makes a request of a service. One that is refused as unauthorized is made once more, with a
    /// new token: it did nothing, and clouds withdraw tokens before their time.
    pub async fn exchange(&self, service: Service, ask: Ask) -> Result<Exchange> {
        let session = self.session(None).await?;
        let first = self.once(&session, service, ask.clone()).await?;
        if first.reply.status != 401 {
            return Ok(first);
        }
        let fresh = self.session(Some(&session)).await?;
        self.once(&fresh, service, ask).await
    }

    async fn once(&self, session: &Session, service: Service, ask: Ask) -> Result<Exchange> {
        let http = self.way(session, service, ask.operation).await?;
        let token = session.token.expose();
        let ask = ask.private(token).header("x-auth-token", token);
        let ask = match service {
            Service::Compute => ask.header("openstack-api-version", MICROVERSION),
            _ => ask,
        };
        let short = Ask { body: None, headers: Vec::new(), ..ask.clone() };
        let reply = http.send(ask).await?;
        Ok(Exchange { http, ask: short, reply })
    }

    async fn way(
        &self,
        session: &Session,
        service: Service,
        operation: &'static str,
    ) -> Result<Arc<Http>> {
        let rejected = |words: String| self.refuse(operation, FailureClass::Rejected, &words);
        let (region, identity) = (self.region.as_deref(), &self.endpoint);
        let base = session.catalog.base(service, region, identity).map_err(rejected)?;
        let mut held = self.held.lock().await;
        if let Some(way) = held.ways.get(&base) {
            return Ok(way.clone());
        }
        let way = self.http.beside(&base).map(Arc::new).map_err(|e| rejected(e.to_string()))?;
        held.ways.insert(base, way.clone());
        Ok(way)
    }

    /// A token that holds; another than the `spent` one.
    async fn session(&self, spent: Option<&Arc<Session>>) -> Result<Arc<Session>> {
        let mut held = self.held.lock().await;
        let now = self.now();
        let good = |s: &&Arc<Session>| {
            s.expires_at > now + MARGIN && spent.is_none_or(|old| !Arc::ptr_eq(s, old))
        };
        if let Some(session) = held.session.as_ref().filter(good) {
            return Ok(session.clone());
        }
        let session = Arc::new(self.log_in().await?);
        held.session = Some(session.clone());
        Ok(session)
    }

    /// Asks for a token (`POST /v3/auth/tokens`).
    async fn log_in(&self) -> Result<Session> {
        let (id, secret) = (self.id.expose(), self.secret.expose());
        let credential = json!({ "id": id, "secret": secret });
        let method = "application_credential";
        let identity = json!({ "methods": [method], method: credential });
        let body = json!({ "auth": { "identity": identity } });
        let ask = Ask::post("log in", "/auth/tokens", &body).private(id).private(secret);
        let short = Ask { body: None, ..ask.clone() };
        let reply = self.http.call(ask, &Login).await?;
        let given: Given = self.http.read(&short, &reply)?;
        let words = "the answer holds no token";
        let none = || self.http.failed(&short, FailureClass::Unknown, words, Some(&reply));
        let token = reply.header("x-subject-token").filter(|t| !t.is_empty()).ok_or_else(none)?;
        Ok(Session {
            token: Secret::new(token),
            expires_at: given.token.expires_at,
            project: given.token.project.id,
            catalog: Catalog(given.token.catalog),
        })
    }
}
