//! Who may connect, and how often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aes::Aes256;
use aes::cipher::{BlockDecrypt as _, KeyInit as _};
use damm_protocol::Secret32;
use shadowsocks::config::{ServerUser, ServerUserManager};

use super::settings::Settings;

/// What is at the front of a connection, and has to be there before it is judged: salt, identity
/// header, and the sealed head of a request (SIP022, "3.1.3"; SIP023, "2.1").
pub(super) const HEAD: usize = 32 + 16 + 11 + 16;

/// Connections, or associations of UDP, that a user may have at once: more than a browser with all
/// its tabs, and few enough that one client can't use up a server.
const AT_ONCE: u32 = 1024;

/// A user, as the protocol names it: the first half of the BLAKE3 hash of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct User(pub [u8; 16]);

/// The users of one version of the settings.
pub(super) struct Users {
    server_key: Secret32,
    manager: Arc<ServerUserManager>,
}

impl Users {
    pub fn new(settings: &Settings) -> Self {
        let mut manager = ServerUserManager::new();
        for key in settings.users.values() {
            // The name is never looked at: nothing in this process tells a user's number.
            manager.add_user(ServerUser::new("", key.as_bytes().to_vec()));
        }
        Self { server_key: settings.server_key.clone(), manager: Arc::new(manager) }
    }

    pub fn manager(&self) -> Arc<ServerUserManager> {
        Arc::clone(&self.manager)
    }

    /// Who begins a connection like this, if it is one of ours. It is proven only when the request
    /// opens with the user's key.
    pub fn claimed(&self, head: &[u8; HEAD]) -> Option<User> {
        let (salt, rest) = head.split_at(32);
        let material = [self.server_key.as_bytes().as_slice(), salt].concat();
        let key = blake3::derive_key("shadowsocks 2022 identity subkey", &material);
        let mut identity = [0; 16];
        identity.copy_from_slice(&rest[..16]);
        let mut block = aes::Block::from(identity);
        Aes256::new(&key.into()).decrypt_block(&mut block);
        self.manager.get_user_by_hash(&block).map(|_| User(block.into()))
    }
}

/// How many of one kind each user has at once.
#[derive(Debug, Default, Clone)]
pub(super) struct Quota(Arc<Mutex<HashMap<User, u32>>>);

/// One of them, given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    user: User,
    quota: Quota,
}

impl Quota {
    pub fn take(&self, user: User) -> Option<Share> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(user).or_default();
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Share { user, quota: self.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.quota.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_gives_back_it_may_take_again_and_others_are_not_touched() {
        let quota = Quota::default();
        let (one, other) = (User([1; 16]), User([2; 16]));
        let mut held = (0..AT_ONCE).map(|_| quota.take(one).unwrap()).collect::<Vec<_>>();
        assert!(quota.take(one).is_none());
        assert!(quota.take(other).is_some());
        held.pop();
        assert!(quota.take(one).is_some());
        drop(held);
        assert!(quota.0.lock().unwrap().is_empty());
    }
}
