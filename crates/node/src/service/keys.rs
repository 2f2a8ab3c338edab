//! Keys of transports: made on this server, and never leaving it.

use std::path::Path;

use damm_protocol::Secret32;

use super::{ServiceError, files};

/// This server's own keys.
#[derive(Debug)]
pub(super) struct Keys {
    pub wireguard: Secret32,
    pub shadowsocks: Secret32,
    /// Twelve letters, for names that must not be the same everywhere.
    pub seed: String,
}

impl Keys {
    /// Those of the state directory; what is missing is made.
    pub fn open(state: &Path) -> Result<Self, ServiceError> {
        let dir = state.join("transports");
        files::directory(&dir)?;
        Ok(Self {
            wireguard: secret(&dir.join("wireguard.key"))?,
            shadowsocks: secret(&dir.join("shadowsocks.key"))?,
            seed: seed(&secret(&dir.join("seed.key"))?),
        })
    }
}

fn secret(path: &Path) -> Result<Secret32, ServiceError> {
    if let Some(text) = files::read(path)? {
        let text = String::from_utf8_lossy(&text);
        let unread = |e| ServiceError::field(path, "key", format!("{e}: put it back or remove it"));
        return text.trim().parse().map_err(unread);
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(ServiceError::Random)?;
    let secret = Secret32::new(bytes);
    files::write(path, 0, secret.expose().as_bytes())?;
    Ok(secret)
}

/// Letters that follow from a secret and say nothing of it: each has less than five bits of a hash.
fn seed(secret: &Secret32) -> String {
    let hash = blake3::hash(secret.as_bytes());
    hash.as_bytes().iter().take(12).map(|b| char::from(b'a' + b % 26)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keys::open(dir.path()).unwrap();
        let again = Keys::open(dir.path()).unwrap();
        assert_eq!((&first.wireguard, &first.seed), (&again.wireguard, &again.seed));
        assert_ne!(first.wireguard, first.shadowsocks);
        assert_eq!(first.seed.len(), 12);
    }

    #[test]
    fn a_damaged_key_is_no_reason_to_make_another() {
        let dir = tempfile::tempdir().unwrap();
        Keys::open(dir.path()).unwrap();
        let path = dir.path().join("transports/wireguard.key");
        std::fs::write(&path, "half").unwrap();
        let error = Keys::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("wireguard.key") && !error.contains("half"), "{error}");
    }
}
