//! What one client proves itself with.

use damm_protocol::{ClientSecret, Credential, CredentialId, Secret32};

/// What one client proves itself with, as far as whoever writes for it knows.
///
/// It has no debug output of its own beyond the credential's number.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(crate) credential: Credential,
    pub(crate) wireguard: Option<Secret32>,
}

impl Identity {
    /// All of it: of the client itself, or of who was just handed its secret.
    pub fn of_client(secret: &ClientSecret, id: CredentialId) -> Self {
        Self { credential: secret.credential(id), wireguard: Some(secret.wireguard()) }
    }

    /// What the controller keeps of a client. It lacks the private key of WireGuard, so WireGuard's
    /// doors are left out of what is written with it.
    pub const fn of_credential(credential: Credential) -> Self {
        Self { credential, wireguard: None }
    }
}
