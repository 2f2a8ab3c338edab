//! Signatures of requests (AWS Signature Version 4).

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use damm_fleet::Timestamp;
use sha2::{Digest, Sha256};

use crate::credentials::{self, Secret};
use crate::error::SetupError;
use crate::http::Ask;

/// The names of a key's parts in an account's credentials.
const NAMES: [&str; 3] = ["access_key_id", "secret_access_key", "session_token?"];

/// One account's key.
#[derive(Clone)]
pub struct Key {
    id: Secret,
    secret: Secret,
    session: Option<Secret>,
}

/// For what a request is signed.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The service's name in signatures, as in `ec2`.
    pub service: &'static str,
    /// The region's.
    pub region: String,
}

impl Key {
    /// Reads an account's credentials.
    ///
    /// # Errors
    ///
    /// When a part is missing, or can't stand in a header.
    pub fn read(secret: &Secret) -> Result<Self, SetupError> {
        let mut fields = credentials::fields(secret, &NAMES)?;
        let mut take = |name: &str| match fields.remove(name) {
            Some(part) if part.expose().bytes().all(|b| b.is_ascii_graphic()) => Ok(part),
            Some(_) => Err(SetupError::Credentials(format!("`{name}` holds odd symbols"))),
            None => Err(SetupError::Credentials(format!("`{name}` is missing"))),
        };
        let (id, secret) = (take("access_key_id")?, take("secret_access_key")?);
        let session = take("session_token").ok().filter(|t| !t.expose().is_empty());
        Ok(Self { id, secret, session })
    }

    /// Signs a request to a host, as in `https://ec2.eu-north-1.amazonaws.com`. Its path and query
    /// have to be as they are sent. None where they are no part of an address.
    pub fn sign(&self, ask: Ask, host: &str, scope: &Scope, now: Timestamp) -> Option<Ask> {
        let body = ask.body.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        // The hash and not the body: it holds secrets, and the signer writes a trace.
        let body = SignableBody::Precomputed(hex(&Sha256::digest(body)));
        let at = format!("{host}{}", ask.path);
        let request = SignableRequest::new(ask.method.as_str(), at, [].into_iter(), body).ok()?;
        let identity = self.credentials().into();
        let mut settings = SigningSettings::default();
        if scope.service == "s3" {
            // S3 wants the body's hash in a header field too.
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&scope.region)
            .name(scope.service)
            .time(moment(now))
            .settings(settings)
            .build()
            .ok()?
            .into();
        let (instructions, _) = sign(request, &params).ok()?.into_parts();
        let (fields, _) = instructions.into_parts();
        let mut ask = self.hide(ask);
        ask.headers.extend(fields.iter().map(|f| (f.name(), f.value().to_owned())));
        Some(ask)
    }

    /// The request with all that no error may repeat.
    fn hide(&self, mut ask: Ask) -> Ask {
        let parts = [Some(&self.id), Some(&self.secret), self.session.as_ref()];
        ask.private.extend(parts.into_iter().flatten().map(|p| p.expose().to_owned()));
        ask
    }

    fn credentials(&self) -> Credentials {
        let session = self.session.as_ref().map(|s| s.expose().to_owned());
        Credentials::new(self.id.expose(), self.secret.expose(), session, None, "damm")
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn moment(now: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(now.as_millis().try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS's own documentation of Signature Version 4 (`get-vanilla-query`), whose
    /// signature is published with it.
    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let text = "access_key_id = AKIDEXAMPLE\n\
                    secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = Key::read(&Secret::new(text)).unwrap();
        let scope = Scope { service: "service", region: "us-east-1".to_owned() };
        // 2015-08-30T12:36:00Z
        let now = Timestamp::from_millis(1_440_938_160_000);
        let ask = Ask::get("try", "/");
        let ask = key.sign(ask, "https://example.amazonaws.com", &scope, now).unwrap();
        let signed = ask.headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert!(signed.1.ends_with(signature), "{}", signed.1);
    }

    #[test]
    fn nothing_of_a_key_is_shown() {
        let text = "access_key_id=AKID\nsecret_access_key=hun ter2";
        let error = Key::read(&Secret::new(text)).err().unwrap().to_string();
        assert!(error.contains("secret_access_key") && !error.contains("ter2"), "{error}");
    }
}
