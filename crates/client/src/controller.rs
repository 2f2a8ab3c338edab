//! A controller, as its clients reach it.

use std::time::Duration;

use damm_channels::read::{ReadError, web_client};
use damm_fleet::Span;
use damm_protocol::evidence::Report;
use damm_protocol::{Assignment, Enrol};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};

use crate::error::Error;

/// No assignment is longer.
const LONGEST: usize = 256 * 1024;

/// A controller that says nothing of when to come again means about this.
const LATER: Span = Span::from_mins(1);

/// The longest that an exchange takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A controller at an address.
#[derive(Debug, Clone)]
pub struct Controller {
    client: Client,
    base: Url,
    host: String,
}

impl Controller {
    /// A controller at an address, such as `https://controller.example`, through a proxy where one
    /// is given: `http://127.0.0.1:2080`, which an app's own engine listens on.
    ///
    /// # Errors
    ///
    /// [`Error::NoController`] when it is no address.
    pub fn new(url: &str, proxy: Option<&str>) -> Result<Self, Error> {
        let none = || Error::NoController { url: url.to_owned() };
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/'))).map_err(|_| none())?;
        let host = base.host_str().filter(|_| matches!(base.scheme(), "http" | "https"));
        let host = host.ok_or_else(none)?.to_owned();
        let silent = |e: ReadError| Error::Silent { controller: host.clone(), why: e.to_string() };
        let client = web_client(proxy).map_err(silent)?;
        Ok(Self { client, base, host })
    }

    /// Enrols.
    ///
    /// # Errors
    ///
    /// [`Error::NotInvited`], [`Error::Later`], [`Error::Silent`], [`Error::Odd`].
    pub async fn enrol(&self, asked: &Enrol) -> Result<Assignment, Error> {
        let body = serde_json::to_vec(asked).map_err(|e| self.odd(e.to_string()))?;
        let response = self.post(Enrol::PATH, "application/json", body).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(Error::NotInvited { controller: self.host.clone() });
            }
            status => return Err(self.refused(status, &response)),
        }
        let body = self.body(response).await?;
        // What is wrong with it is not said: the message would hold a part of it.
        serde_json::from_slice(&body).map_err(|_| self.odd("it is no assignment".to_owned()))
    }

    /// Sends a report.
    ///
    /// # Errors
    ///
    /// [`Error::Silent`], [`Error::Later`], [`Error::Odd`].
    pub async fn report(&self, report: &Report) -> Result<(), Error> {
        let response = self.post(Report::PATH, "application/cbor", report.to_cbor()).await?;
        match response.status() {
            StatusCode::ACCEPTED => Ok(()),
            status => Err(self.refused(status, &response)),
        }
    }

    async fn post(&self, path: &str, kind: &str, body: Vec<u8>) -> Result<Response, Error> {
        let url = self.base.join(path.trim_start_matches('/'));
        let url = url.map_err(|e| self.odd(e.to_string()))?;
        let request = self.client.post(url).header(CONTENT_TYPE, kind).body(body);
        request.timeout(PATIENCE).send().await.map_err(|e| self.silent(e))
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.silent(e))? {
            if bytes.len() + chunk.len() > LONGEST {
                return Err(self.odd("it is too long".to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn refused(&self, status: StatusCode, response: &Response) -> Error {
        let seconds = response.headers().get(RETRY_AFTER);
        let seconds = seconds.and_then(|s| s.to_str().ok()?.parse().ok());
        let after = seconds.map_or(LATER, Span::from_secs);
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Error::Later { controller: self.host.clone(), after }
            }
            status => self.odd(format!("status {}", status.as_u16())),
        }
    }

    fn silent(&self, error: reqwest::Error) -> Error {
        // Its address may hold the client's own path.
        let why = error.without_url().to_string();
        Error::Silent { controller: self.host.clone(), why }
    }

    fn odd(&self, why: String) -> Error {
        Error::Odd { controller: self.host.clone(), why }
    }
}
