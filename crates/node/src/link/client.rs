//! The requests that an agent makes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use damm_protocol::{AgentKey, Echo, JoinAnswer, JoinRequest, Pin, SyncAnswer, SyncRequest};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::exchange::Connection;
use super::{LinkError, Place};

/// How long an answer may take that is not held back: several round trips to the other side of the
/// earth over a lossy line.
const PATIENCE: Duration = Duration::from_secs(20);

/// The way to the controller.
#[derive(Clone)]
pub struct Link {
    place: Place,
    tls: Arc<ClientConfig>,
    /// Kept between requests; taken out while one is under way, so that a request that is given
    /// up takes its connection with it.
    kept: Arc<tokio::sync::Mutex<Option<Connection>>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.place)
    }
}

impl Link {
    /// The way to the controller at `place` that holds the key of `pin`. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`LinkError::Unreachable`] when TLS can't be set up.
    pub fn new(place: Place, pin: Pin) -> Result<Self, LinkError> {
        let tls = super::pinned::config(pin).map_err(LinkError::unreachable)?;
        Ok(Self { place, tls: Arc::new(tls), kept: Arc::default() })
    }

    /// Joins.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub async fn join(
        &self,
        key: &AgentKey,
        request: &JoinRequest,
    ) -> Result<JoinAnswer, LinkError> {
        self.tell(key, JoinRequest::PATH, request, PATIENCE).await
    }

    /// Says what is, and waits for news for as long as the request allows.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub async fn sync(
        &self,
        key: &AgentKey,
        request: &SyncRequest,
    ) -> Result<SyncAnswer, LinkError> {
        let patience = request.wait.to_std() + PATIENCE;
        self.tell(key, SyncRequest::PATH, request, patience).await
    }

    /// How the controller sees what comes from one of this server's addresses.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub async fn echo(&self, source: IpAddr) -> Result<IpAddr, LinkError> {
        let asked = async {
            let mut connection = Connection::open(&self.place, &self.tls, Some(source)).await?;
            connection.ask(&self.place, Echo::PATH, None).await
        };
        let echo: Echo = parse(&in_time(PATIENCE, asked).await?)?;
        Ok(echo.address.to_canonical())
    }

    async fn tell<T: Serialize, A: DeserializeOwned>(
        &self,
        key: &AgentKey,
        path: &str,
        said: &T,
        patience: Duration,
    ) -> Result<A, LinkError> {
        let body = serde_json::to_vec(said).map_err(|e| LinkError::Unreadable(e.to_string()))?;
        let signature = key.sign(path, &body);
        parse(&in_time(patience, self.exchange(path, body, signature)).await?)
    }

    async fn exchange(
        &self,
        path: &str,
        body: Vec<u8>,
        signature: String,
    ) -> Result<Vec<u8>, LinkError> {
        let kept = self.kept.lock().await.take().filter(Connection::stands);
        let mut connection = match kept {
            Some(connection) => connection,
            None => Connection::open(&self.place, &self.tls, None).await?,
        };
        let answer = connection.ask(&self.place, path, Some((body, signature))).await;
        if !matches!(answer, Err(LinkError::Unreachable(_))) {
            *self.kept.lock().await = Some(connection);
        }
        answer
    }
}

fn parse<A: DeserializeOwned>(body: &[u8]) -> Result<A, LinkError> {
    // serde_json's messages show at most ids and keys of the overlay's other ends.
    serde_json::from_slice(body).map_err(|e| LinkError::Unreadable(e.to_string()))
}

async fn in_time<T>(
    patience: Duration,
    asked: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    tokio::time::timeout(patience, asked).await.unwrap_or(Err(LinkError::Late))
}
