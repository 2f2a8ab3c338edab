//! TLS under the operator's certificate: apps believe public authorities only.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::ServerError;

/// A certificate with its chain, and the key that belongs to it.
#[derive(Debug)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Certificate {
    /// Reads both from PEM.
    ///
    /// # Errors
    ///
    /// [`ServerError::ClientsCertificate`] when either is not what it should be.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, ServerError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|e| wrong(&e))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| wrong(&"it is no private key"))?;
        Ok(Self { chain, key })
    }

    /// TLS 1.2 too: some apps on old devices have no other.
    pub(super) fn config(self) -> Result<Arc<ServerConfig>, ServerError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| wrong(&e))?
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key);
        let mut config = config.map_err(|e| wrong(&e))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn wrong(why: &dyn std::fmt::Display) -> ServerError {
    ServerError::ClientsCertificate(why.to_string())
}
