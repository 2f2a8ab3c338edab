//! Whom an account's API is trusted by.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::SetupError;

/// The machine's authorities, read once: there are a hundred and more, and a topology may name many
/// accounts. A machine without any still calls plain HTTP; HTTPS says there that it trusts nobody.
static OF_MACHINE: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// TLS as clients of vendors speak it: the machine's authorities, or those of a file instead.
///
/// # Errors
///
/// When a file is named that holds none.
pub fn config(ca: Option<&Path>) -> Result<ClientConfig, SetupError> {
    let roots = match ca {
        Some(file) => Arc::new(of_file(file)?),
        None => OF_MACHINE.clone(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|e| SetupError::Tls(e.to_string()))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

fn of_file(file: &Path) -> Result<RootCertStore, SetupError> {
    let unreadable = |why: String| SetupError::Ca { file: file.to_owned(), why };
    let pem = fs::read(file).map_err(|e| unreadable(e.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| unreadable(e.to_string()))?;
        roots.add(certificate).map_err(|e| unreadable(e.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(unreadable("it holds no certificate in PEM".to_owned())),
        false => Ok(roots),
    }
}
