//! The keys beside the topology: what signs catalogs, what names their files, what nodes join with.
//!
//! ```text
//! keys/root.json      public: which keys may sign catalogs; clients are given it
//! keys/online.pem     signs catalogs
//! keys/fleet.secret   decides who is told what, and names catalogs' files
//! keys/join.secret    nodes' one-time join tokens and the controller's TLS key follow from it
//! keys/root.pem       signs the next root.json; to be moved offline, damm never reads it
//! ```

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use damm_catalog::{FleetSecret, Root, SecretKey};
use damm_fleet::{Span, Timestamp};
use zeroize::Zeroizing;

use crate::bootstrap::JoinKey;
use crate::controller_key::ControllerKey;

/// A root is believed for two years: long enough to be forgotten in a drawer, short enough that
/// the drawer is opened now and then.
const ROOT_LIFE: Span = Span::from_days(730);

/// What the text of a join key starts with.
const JOIN_LABEL: &str = "damm-join-key-1:";

/// Why keys can't be used. No message holds a part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file is not there.
    #[error("{path} is missing: run `damm init` beside the topology, or put the backup back")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner can read a secret.
    #[error("{path} can be read by others (mode {mode:o}): run `chmod 600 {path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A file is there that would be overwritten.
    #[error("{path} is there already, and is not overwritten: move it away first")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what its name says.
    #[error("{path} is not what its name says ({why}): put the backup back")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A file can't be read or written.
    #[error("{path} can't be {verb}")]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        verb: &'static str,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
}

/// The controller's keys.
pub struct Keys {
    root: Vec<u8>,
    online: SecretKey,
    secret: FleetSecret,
    join: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// New keys, with the one that is to be taken offline.
#[derive(Debug)]
pub struct NewKeys {
    /// What the controller keeps.
    pub keys: Keys,
    /// What signs the next root.
    pub offline: SecretKey,
}

impl Keys {
    /// New keys for a fleet. `draw` fills 32 bytes from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`damm_catalog::Error`] when the fleet's name is no name.
    pub fn generate(
        fleet: &str,
        now: Timestamp,
        mut draw: impl FnMut(&mut [u8; 32]),
    ) -> Result<NewKeys, damm_catalog::Error> {
        let mut bytes = || {
            let mut drawn = Zeroizing::new([0; 32]);
            draw(&mut drawn);
            drawn
        };
        let (offline, online) = (SecretKey::new(&bytes()), SecretKey::new(&bytes()));
        let (roots, signers) = ([offline.public()], [online.public()]);
        let root = Root::new(fleet, 1, now + ROOT_LIFE, (&roots, 1), (&signers, 1))?;
        let keys = Self {
            root: root.seal(&[&offline]).to_bytes(),
            online,
            secret: FleetSecret::new(*bytes()),
            join: bytes(),
        };
        Ok(NewKeys { keys, offline })
    }

    /// Reads the keys of a directory.
    ///
    /// # Errors
    ///
    /// [`KeysError`] when one is missing, damaged, or can be read by others than its owner.
    pub fn load(dir: &Path) -> Result<Self, KeysError> {
        let root = read(&dir.join("root.json"))?;
        let online =
            secret(&dir.join("online.pem"), |t| SecretKey::from_pem(t).map_err(|e| e.to_string()))?;
        let fleet = secret(&dir.join("fleet.secret"), |t| {
            FleetSecret::from_text(t).map_err(|e| e.to_string())
        })?;
        let join = secret(&dir.join("join.secret"), |t| {
            join_from(t).ok_or_else(|| "it is no join key".to_owned())
        })?;
        Ok(Self { root: root.as_bytes().to_vec(), online, secret: fleet, join })
    }

    /// The root that clients are given, as it was signed.
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// What signs catalogs.
    pub const fn online(&self) -> &SecretKey {
        &self.online
    }

    /// What decides who is told what.
    pub const fn secret(&self) -> &FleetSecret {
        &self.secret
    }

    /// What nodes' join tokens follow from.
    pub fn join(&self) -> JoinKey {
        JoinKey::new(*self.join)
    }

    /// What the controller shows to its nodes.
    pub fn controller(&self) -> ControllerKey {
        ControllerKey::of(&self.join)
    }
}

impl NewKeys {
    /// Writes the keys into a directory, which is made when it is missing. Nothing is overwritten.
    ///
    /// # Errors
    ///
    /// [`KeysError::Exists`] or [`KeysError::Io`]; files that were written before stay.
    pub fn write_to(&self, dir: &Path) -> Result<(), KeysError> {
        let keys = &self.keys;
        make_dir(dir)?;
        let files = [
            ("root.pem", self.offline.to_pem()),
            ("online.pem", keys.online.to_pem()),
            ("fleet.secret", keys.secret.to_text()),
            ("join.secret", join_text(&keys.join)),
        ];
        for (name, text) in &files {
            write(&dir.join(name), text.as_bytes(), 0o600)?;
        }
        // Last: a directory with a root is whole.
        write(&dir.join("root.json"), &keys.root, 0o644)
    }
}

fn join_text(key: &[u8; 32]) -> Zeroizing<String> {
    let digits: Zeroizing<String> =
        Zeroizing::new(key.iter().map(|b| format!("{b:02x}")).collect());
    Zeroizing::new(format!("{JOIN_LABEL}{}\n", *digits))
}

fn join_from(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let digits = text.trim_end().strip_prefix(JOIN_LABEL)?;
    let plain = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let mut key = Zeroizing::new([0; 32]);
    for (i, byte) in key.iter_mut().enumerate().filter(|_| plain) {
        *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()?;
    }
    plain.then_some(key)
}

fn secret<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, KeysError> {
    let text = read(path)?;
    private(path)?;
    parse(&text).map_err(|why| KeysError::Damaged { path: path.to_owned(), why })
}

fn read(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    let text = fs::read_to_string(path);
    text.map(Zeroizing::new).map_err(|e| failed(path, "read", e))
}

fn failed(path: &Path, verb: &'static str, source: std::io::Error) -> KeysError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound => KeysError::Missing { path },
        ErrorKind::AlreadyExists => KeysError::Exists { path },
        ErrorKind::InvalidData => KeysError::Damaged { path, why: "it is no text".to_owned() },
        _ => KeysError::Io { path, verb, source },
    }
}

#[cfg(unix)]
fn private(path: &Path) -> Result<(), KeysError> {
    use std::os::unix::fs::PermissionsExt;
    let meta = fs::metadata(path).map_err(|e| failed(path, "read", e))?;
    let mode = meta.permissions().mode() & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(KeysError::Open { path: path.to_owned(), mode }),
    }
}

#[cfg(not(unix))]
fn private(_: &Path) -> Result<(), KeysError> {
    Ok(())
}

fn make_dir(dir: &Path) -> Result<(), KeysError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|e| failed(dir, "written", e))
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeysError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(path).and_then(|mut f: File| {
        f.write_all(bytes)?;
        f.sync_all()
    });
    written.map_err(|e| failed(path, "written", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_keys() -> NewKeys {
        let mut n = 0;
        let draw = |bytes: &mut [u8; 32]| {
            n += 1;
            bytes.fill(n);
        };
        Keys::generate("example", Timestamp::EPOCH, draw).unwrap()
    }

    #[test]
    fn keys_read_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let new = new_keys();
        new.write_to(&dir.path().join("keys")).unwrap();
        let read = Keys::load(&dir.path().join("keys")).unwrap();
        assert_eq!(read.root(), new.keys.root());
        assert_eq!(read.online().public(), new.keys.online().public());
        assert_eq!(read.secret().to_text(), new.keys.secret().to_text());
        assert_eq!(read.join, new.keys.join);
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        new_keys().write_to(dir.path()).unwrap();
        let refused = new_keys().write_to(dir.path()).unwrap_err();
        assert!(matches!(refused, KeysError::Exists { .. }), "{refused}");
    }

    #[test]
    fn a_missing_or_damaged_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        new_keys().write_to(dir.path()).unwrap();
        for name in ["root.json", "online.pem", "fleet.secret", "join.secret"] {
            let path = dir.path().join(name);
            let kept = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            let missing = Keys::load(dir.path()).unwrap_err().to_string();
            assert!(missing.contains(name) && missing.contains("damm init"), "{missing}");
            fs::write(&path, &kept).unwrap();
            make_private(&path);
        }
        fs::write(dir.path().join("join.secret"), "damm-join-key-1:xyz").unwrap();
        let damaged = Keys::load(dir.path()).unwrap_err();
        assert!(matches!(damaged, KeysError::Damaged { .. }), "{damaged}");
    }

    #[cfg(unix)]
    fn make_private(path: &Path) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[cfg(not(unix))]
    fn make_private(_: &Path) {}

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        new_keys().write_to(dir.path()).unwrap();
        let path = dir.path().join("online.pem");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Keys::load(dir.path()).unwrap_err();
        assert!(matches!(refused, KeysError::Open { mode: 0o640, .. }), "{refused}");
        assert!(refused.to_string().contains("chmod 600"));
    }

    #[test]
    fn keys_do_not_show_themselves() {
        assert_eq!(format!("{:?}", new_keys().keys), "Keys(…)");
    }
}
