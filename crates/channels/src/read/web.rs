//! Files below an address.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, Proxy, Url};
use rustls::{ClientConfig, RootCertStore};

use super::{Fetched, LONGEST, ReadError, odd, silent};

/// The longest that a fetch takes: the ways are slow where this is needed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Files below an address.
pub struct Web {
    client: Client,
    base: Url,
    place: String,
}

impl Web {
    /// Files below an address.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoChannel`] when it is no address, or TLS can't be set up.
    pub fn new(base: &str) -> Result<Self, ReadError> {
        let wrong = |why: String| ReadError::NoChannel { place: base.to_owned(), why };
        let base = format!("{}/", base.trim_end_matches('/'));
        let base = Url::parse(&base).map_err(|e| wrong(e.to_string()))?;
        let Some(place) = base.host_str().filter(|_| matches!(base.scheme(), "http" | "https"))
        else {
            return Err(wrong("it has to begin with https:// and a host".to_owned()));
        };
        let place = place.to_owned();
        let client = client(None)?;
        Ok(Self { client, base, place })
    }

    /// As [`Reader::fetch`](super::Reader::fetch).
    ///
    /// # Errors
    ///
    /// [`ReadError`] when no whole answer comes.
    pub async fn fetch(&self, name: &str, mark: Option<&str>) -> Result<Fetched, ReadError> {
        let url = self.base.join(name).map_err(|e| odd(&self.place, &e.to_string()))?;
        let mut request = self.client.get(url);
        if let Some(mark) = mark.and_then(|m| HeaderValue::from_str(m).ok()) {
            request = request.header(IF_NONE_MATCH, mark);
        }
        let lost = |e: reqwest::Error| silent(&self.place, &e.without_url().to_string());
        let mut response = request.send().await.map_err(lost)?;
        match response.status().as_u16() {
            200 => {}
            304 if mark.is_some() => return Ok(Fetched::Unchanged),
            // Who may not list a bucket is told 403 for what is not there.
            403 | 404 | 410 => return Ok(Fetched::Nothing),
            status => return Err(odd(&self.place, &format!("status {status}"))),
        }
        let mark = response.headers().get(ETAG).and_then(|m| m.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > LONGEST {
                return Err(odd(&self.place, "it is too long"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched::File { bytes, mark })
    }
}

/// What clients fetch with: TLS under the machine's authorities, no redirects, and a proxy where
/// one is given.
///
/// # Errors
///
/// [`ReadError::NoChannel`] when TLS can't be set up, or the proxy is none.
pub fn client(proxy: Option<&str>) -> Result<Client, ReadError> {
    let wrong = |why: String| {
        let place = proxy.unwrap_or("HTTPS").to_owned();
        ReadError::NoChannel { place, why }
    };
    let builder = Client::builder()
        .tls_backend_preconfigured(tls().map_err(|e| wrong(e.to_string()))?)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE);
    let builder = match proxy {
        Some(url) => {
            let proxy = Proxy::all(url).map_err(|e| wrong(e.without_url().to_string()))?;
            builder.proxy(proxy)
        }
        // What the environment says of proxies is not for this: it would see what is asked for.
        None => builder.no_proxy(),
    };
    builder.build().map_err(|e| wrong(e.without_url().to_string()))
}

/// The machine's authorities. What is fetched proves itself, so this only hides what is asked for.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider);
    let versions = versions.with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
