//! TLS under the key that agents were told of.

use std::sync::Arc;

use damm_engine::Keys;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;

use crate::error::ServerError;

/// TLS 1.3 alone. The certificate is made anew at each start: agents look at its key only.
pub(super) fn config(keys: &Keys) -> Result<Arc<ServerConfig>, ServerError> {
    let wrong = |e: &dyn std::fmt::Display| ServerError::Certificate(e.to_string());
    let pkcs8 = keys.controller().pkcs8();
    let der = PrivatePkcs8KeyDer::from(pkcs8.to_vec());
    let pair = KeyPair::try_from(&der).map_err(|e| wrong(&e))?;
    // It says nothing of what serves here.
    let params = CertificateParams::new(Vec::<String>::new()).map_err(|e| wrong(&e))?;
    let certificate = params.self_signed(&pair).map_err(|e| wrong(&e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| wrong(&e))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(der));
    let mut config = config.map_err(|e| wrong(&e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Agents keep their connections open; what could resume one is not worth its memory.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
