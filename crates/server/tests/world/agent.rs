//! A small agent: it joins, syncs and believes one key.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use damm_fleet::{NodeId, Span};
use damm_protocol::{
    AgentKey, Echo, JoinAnswer, JoinRequest, Pin, Refusal, Report, Secret32, Signed, SyncAnswer,
    SyncRequest,
};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

type Body = Full<bytes::Bytes>;

/// How a request ended: with an answer, or with a status and why.
pub type Answered<T> = Result<T, (StatusCode, Option<Refusal>)>;

pub struct Agent {
    pub node: NodeId,
    pub key: AgentKey,
    pub token: String,
    pub sequence: u64,
    http: SendRequest<Body>,
}

impl Agent {
    pub async fn connect(
        address: SocketAddr,
        pin: Pin,
        node: NodeId,
        key: u8,
        token: String,
    ) -> std::io::Result<Self> {
        let http = connect(address, pin).await?;
        let key = AgentKey::new(&Secret32::new([key; 32]));
        Ok(Self { node, key, token, sequence: 0, http })
    }

    pub fn join_request(&self) -> JoinRequest {
        JoinRequest {
            fleet: "example".to_owned(),
            node: self.node,
            token: self.token.clone(),
            identity: self.key.public(),
            overlay: Secret32::new([9; 32]).wireguard_public(),
            transports: BTreeMap::new(),
        }
    }

    pub fn sync_request(&self, sequence: u64) -> SyncRequest {
        SyncRequest {
            node: self.node,
            sequence,
            have: 0,
            report: None,
            transports: None,
            wait: Span::ZERO,
        }
    }

    pub async fn join(&mut self) -> Answered<JoinAnswer> {
        self.post(JoinRequest::PATH, &self.join_request()).await
    }

    pub async fn sync(&mut self, edit: impl FnOnce(&mut SyncRequest)) -> Answered<SyncAnswer> {
        self.sequence += 1;
        let mut request = self.sync_request(self.sequence);
        edit(&mut request);
        self.post(SyncRequest::PATH, &request).await
    }

    pub async fn report(&mut self, report: &Report) -> Answered<SyncAnswer> {
        self.sync(|r| r.report = Some(report.clone())).await
    }

    pub async fn echo(&mut self) -> Answered<Echo> {
        self.send(Method::GET, Echo::PATH, Vec::new(), String::new()).await
    }

    pub async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Answered<T> {
        let body = serde_json::to_vec(body).unwrap();
        let signature = self.key.sign(path, &body);
        self.send(Method::POST, path, body, signature).await
    }

    pub async fn send<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        signature: String,
    ) -> Answered<T> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(Signed::HEADER, signature).header("host", "controller");
        self.http.ready().await.unwrap();
        let answer = self.http.send_request(request.body(Full::new(body.into())).unwrap());
        let Ok(answer) = answer.await else {
            // The controller has stopped: an agent would ask again, and these end.
            return std::future::pending().await;
        };
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        match status {
            StatusCode::OK => Ok(serde_json::from_slice(&body).unwrap()),
            _ => Err((status, serde_json::from_slice(&body).ok())),
        }
    }
}

pub async fn connect(address: SocketAddr, pin: Pin) -> std::io::Result<SendRequest<Body>> {
    let stream = TcpStream::connect(address).await?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OneKey(pin)))
        .with_no_client_auth();
    let name = ServerName::try_from("controller").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let (http, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    Ok(http)
}

/// Believes a certificate whose key is the one.
#[derive(Debug)]
struct OneKey(Pin);

impl ServerCertVerifier for OneKey {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
        match self.0.matches(&parsed.subject_public_key_info()) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::General("another key".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = rustls::crypto::ring::default_provider();
        let algorithms = algorithms.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
