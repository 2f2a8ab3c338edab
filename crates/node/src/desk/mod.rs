//! A controller for tests, in the test's own process: TLS, joins, long polls and echoes, as strict
//! as the real one.

mod serve;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use damm_protocol::{AgentPublicKey, JoinRequest, NodeConfig, Pin, Refusal, SyncRequest};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::link::{Link, Place};

/// What the controller knows, and how it behaves.
#[derive(Debug, Default)]
pub struct Books {
    /// The token that joins.
    pub token: String,
    /// Refuses every join with this.
    pub closed: Option<Refusal>,
    /// The key that joined.
    pub identity: Option<AgentPublicKey>,
    /// The greatest number seen.
    pub sequence: u64,
    /// What the node should do.
    pub config: Option<NodeConfig>,
    /// Sends this once instead, whatever the agent has.
    pub slip: Option<NodeConfig>,
    /// Joins that were let in.
    pub joins: Vec<JoinRequest>,
    /// Syncs that were let in.
    pub syncs: Vec<SyncRequest>,
    /// What was refused.
    pub refused: Vec<Refusal>,
    /// What echoes say instead of the truth.
    pub seen_as: Option<IpAddr>,
}

/// A controller at an address of this machine.
pub struct Desk {
    key: Arc<KeyPair>,
    address: SocketAddr,
    inner: Arc<Inner>,
    serving: Option<JoinHandle<()>>,
}

struct Inner {
    books: Mutex<Books>,
    news: Notify,
    bytes: AtomicU64,
    connections: AtomicU64,
}

impl Inner {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }
}

impl Desk {
    /// A controller with a key of its own.
    pub async fn open(token: &str) -> Self {
        let key = Arc::new(KeyPair::generate_for(&PKCS_ED25519).unwrap());
        let books = Mutex::new(Books { token: token.to_owned(), ..Books::default() });
        let (bytes, connections) = (AtomicU64::new(0), AtomicU64::new(0));
        let inner = Arc::new(Inner { books, news: Notify::new(), bytes, connections });
        let address = "127.0.0.1:0".parse().unwrap();
        let mut desk = Self { key, address, inner, serving: None };
        desk.start().await;
        desk
    }

    /// Serves, at the same address as before.
    pub async fn start(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(self.tls()));
        let inner = Arc::clone(&self.inner);
        self.serving = Some(tokio::spawn(serve::listen(listener, acceptor, inner)));
    }

    /// Goes away, with every connection.
    pub async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            drop(serving.await);
        }
    }

    /// Changes what it knows, and tells those who wait.
    pub fn change(&self, change: impl FnOnce(&mut Books)) {
        change(&mut self.inner.books());
        self.inner.news.notify_waiters();
    }

    /// Looks at what it knows.
    pub fn look<T>(&self, look: impl FnOnce(&Books) -> T) -> T {
        look(&self.inner.books())
    }

    /// Where it is, for a seat.
    pub fn place(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Its key's pin.
    pub fn pin(&self) -> Pin {
        Pin::of(&rcgen::PublicKeyData::subject_public_key_info(&*self.key))
    }

    /// The way to it.
    pub fn link(&self) -> Link {
        let place: Place = self.place().parse().unwrap();
        Link::new(place, self.pin()).unwrap()
    }

    /// Bytes that went over its connections, both ways, with TLS.
    pub fn bytes(&self) -> u64 {
        self.inner.bytes.load(Ordering::Relaxed)
    }

    /// Connections that were opened.
    pub fn connections(&self) -> u64 {
        self.inner.connections.load(Ordering::Relaxed)
    }

    fn tls(&self) -> ServerConfig {
        // Neither its name nor its dates are right: nobody is to look at them.
        let params = CertificateParams::new(vec!["wrong.example".to_owned()]).unwrap();
        let cert = params.self_signed(&*self.key).unwrap();
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
        builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}
