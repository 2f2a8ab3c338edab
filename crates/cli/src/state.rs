//! Where the fleet's state is, and opening it.

use std::path::{Path, PathBuf};

use damm_store::{Access, Store};

use crate::exit::{Failure, Result};

/// The state file's name where none is told.
const USUAL: &str = "damm.db";

/// The state file: as told by `--state` or `DAMM_STATE`, else beside the topology, else here.
///
/// # Errors
///
/// When another kind of database is asked for than this damm has.
pub fn path(told: Option<&str>, topology: Option<&Path>) -> Result<PathBuf> {
    let Some(url) = told else {
        let beside = topology.and_then(Path::parent).unwrap_or(Path::new(""));
        return Ok(beside.join(USUAL));
    };
    match url.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
        Some((kind, _)) if kind.len() > 1 && kind.chars().all(char::is_alphanumeric) => {
            let message = format!("`{kind}:` is no kind of state that this damm has");
            Err(Failure::error(message).help("write it as in --state sqlite:damm.db"))
        }
        _ if url.is_empty() => {
            Err(Failure::error("the state's name is empty").help("write sqlite:PATH"))
        }
        _ => Ok(PathBuf::from(url)),
    }
}

/// The file beside a state that holds what was learned of reachability.
pub fn scores(state: &Path) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(".reach");
    PathBuf::from(name)
}

/// Opens a state to be read.
///
/// # Errors
///
/// As [`Store::open`], with what to do.
pub async fn read(told: Option<&str>, topology: Option<&Path>) -> Result<Store> {
    Ok(Store::open(&path(told, topology)?, Access::Read).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_beside_the_topology_unless_told() {
        let of = |told, topology: Option<&str>| path(told, topology.map(Path::new)).unwrap();
        assert_eq!(of(None, Some("fleets/a/topology.json")), Path::new("fleets/a/damm.db"));
        assert_eq!(of(None, Some("topology.json")), Path::new("damm.db"));
        assert_eq!(of(None, None), Path::new("damm.db"));
        assert_eq!(of(Some("sqlite:/x/y.db"), Some("t.json")), Path::new("/x/y.db"));
        assert_eq!(of(Some("/x/y.db"), None), Path::new("/x/y.db"));
    }

    #[test]
    fn an_unknown_kind_of_state_is_refused() {
        let refused = path(Some("postgres://host/db"), None).unwrap_err();
        assert!(refused.message.contains("postgres"), "{refused:?}");
        assert!(path(Some(""), None).is_err());
    }
}
