//! TLS that trusts one key.

use std::sync::Arc;

use damm_protocol::Pin;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme,
};

/// Takes a certificate for its key alone.
#[derive(Debug)]
struct Pinned {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

/// TLS 1.3 to the one key with this pin.
pub(super) fn config(pin: Pin) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Pinned { pin, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider);
    let versions = builder.with_protocol_versions(&[&rustls::version::TLS13])?;
    let dangerous = versions.dangerous().with_custom_certificate_verifier(verifier);
    Ok(dangerous.with_no_client_auth())
}

/// What a key that is not the pinned one is refused with.
pub(super) fn is_wrong_key(error: &Error) -> bool {
    let wrong = CertificateError::ApplicationVerificationFailure;
    matches!(error, Error::InvalidCertificate(why) if *why == wrong)
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = ParsedCertificate::try_from(end_entity)?;
        match self.pin.matches(&leaf.subject_public_key_info()) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Not offered, so never asked.
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    /// Whoever shows the certificate holds its key: without this, anybody could copy it.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
