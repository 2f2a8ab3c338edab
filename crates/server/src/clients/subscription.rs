//! A client's catalog, in the format that its app reads.

use bytes::Bytes;
use damm_catalog::SubscriptionPath;
use damm_fleet::RegionName;
use damm_formats::{Document, Format, Identity, Subscription, Wanted};
use damm_protocol::{Credential, CredentialId};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::routes::Denied;
use super::{Client, ClientsEndpoint};
use crate::reply::{Reply, empty};

impl ClientsEndpoint {
    /// The client whose path it is, when it is let in.
    pub(super) async fn client(
        &self,
        path: &SubscriptionPath,
    ) -> Result<(Credential, Client), Denied> {
        let number = self.paths.number(path).and_then(CredentialId::new).ok_or(Denied::NotFound)?;
        self.parts.store.client(number).await?.ok_or(Denied::NotFound)
    }

    pub(super) async fn subscription(
        &self,
        path: &SubscriptionPath,
        request: &Request<Incoming>,
    ) -> Result<Reply, Denied> {
        let (credential, client) = self.client(path).await?;
        let query = request.uri().query().unwrap_or_default();
        let app = text(request, header::USER_AGENT);
        let wanted = match Wanted::new(query, app) {
            Ok(wanted) => wanted,
            // Whoever comes this far knows the path, so it may be told.
            Err(wish) => return Ok(said(StatusCode::BAD_REQUEST, wish.to_string())),
        };
        let document = self.document(credential, &client, wanted, region(query)).await?;
        let known = text(request, header::IF_NONE_MATCH);
        Ok(reply(document, known))
    }

    async fn document(
        &self,
        credential: Credential,
        client: &Client,
        wanted: Wanted,
        region: Option<RegionName>,
    ) -> Result<Document, Denied> {
        let (number, population) = (credential.id.number(), &client.population);
        let standing = self.standing(number, population, region.as_ref()).await?;
        // What is signed goes as it is: its reader sees by its version whether it is the newest.
        let told = match wanted.format {
            Format::Damm => standing.catalog,
            _ => self.told(&standing.catalog, population).await?,
        };
        let subscription = Subscription {
            catalog: &told,
            signed: &standing.signed,
            identity: &Identity::of_credential(credential),
            settings: &self.parts.settings,
        };
        subscription.render(wanted, self.parts.clock.now()).map_err(|_| Denied::Nothing)
    }
}

fn text(request: &Request<Incoming>, name: HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// The region that a query asks for. Names of regions need no escapes.
fn region(query: &str) -> Option<RegionName> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("region="));
    RegionName::new(values.next()?).ok()
}

fn reply(document: Document, known: Option<&str>) -> Reply {
    let mut reply = match known.is_some_and(|known| document.is_known(known)) {
        true => empty(StatusCode::NOT_MODIFIED),
        false => {
            let mut reply = Response::new(Full::new(Bytes::from(document.bytes)));
            let media_type = HeaderValue::from_static(document.media_type);
            reply.headers_mut().insert(header::CONTENT_TYPE, media_type);
            reply
        }
    };
    for (name, value) in document.headers {
        // What formats write is printable ASCII.
        if let Ok(value) = HeaderValue::from_str(&value) {
            reply.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    reply
}

pub(super) fn said(status: StatusCode, text: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, plain);
    reply
}
