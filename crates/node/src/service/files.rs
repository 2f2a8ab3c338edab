//! Files of services: written whole or not at all, and readable by whom they are for.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::Path;

use serde::de::DeserializeOwned;

use super::ServiceError;

/// Makes a directory, with those above it, that others may pass through but not list.
pub(crate) fn directory(path: &Path) -> Result<(), ServiceError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o711).create(path);
    made.map_err(ServiceError::file(path))
}

/// Writes a file that only `uid` and root can read, unless it holds just that already.
pub(crate) fn write(path: &Path, uid: u32, content: &[u8]) -> Result<bool, ServiceError> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    let next = path.with_added_extension("next");
    replace(&next, path, uid, content).map_err(ServiceError::file(path))?;
    Ok(true)
}

fn replace(next: &Path, path: &Path, uid: u32, content: &[u8]) -> std::io::Result<()> {
    // It may be left from a run that was killed, with other rights.
    match fs::remove_file(next) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(next)?;
    file.write_all(content)?;
    if uid != 0 {
        chown(next, Some(uid), Some(uid))?;
    }
    file.sync_all()?;
    fs::rename(next, path)
}

/// Gives a file that a program made to `uid`, and shuts others out of it.
pub(crate) fn give(path: &Path, uid: u32) -> Result<(), ServiceError> {
    let private = fs::Permissions::from_mode(0o600);
    let given = fs::set_permissions(path, private).and_then(|()| chown(path, Some(uid), Some(uid)));
    given.map_err(ServiceError::file(path))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), ServiceError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(ServiceError::file(path)(e)),
        _ => Ok(()),
    }
}

/// A file's content; `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, ServiceError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(ServiceError::file(path)(e)),
    }
}

/// What the agent tells a program of its own. Where it can't be read, the message names the line
/// and shows none of it: there are keys in it.
pub(crate) fn settings<T: DeserializeOwned>(path: &Path) -> Result<T, ServiceError> {
    let text = fs::read(path).map_err(ServiceError::file(path))?;
    serde_json::from_slice(&text).map_err(|e| {
        let field = format!("line {}", e.line());
        ServiceError::field(path, field, "not what this version of the agent writes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once_for_one_content_and_others_cannot_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        assert!(write(&path, 0, b"one").unwrap());
        assert!(!write(&path, 0, b"one").unwrap());
        fs::write(path.with_added_extension("next"), "left over").unwrap();
        assert!(write(&path, 0, b"two").unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
