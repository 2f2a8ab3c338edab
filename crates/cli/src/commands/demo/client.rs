//! What a client sees: published files, and whether they verify.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use damm_catalog::{Catalog, Envelope, Expected, Verifier};
use damm_fleet::{FrontdoorId, Timestamp};
use sha2::{Digest, Sha256};

use crate::exit::{Failure, Result};

/// The published files, in order of their names.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let io = |e: std::io::Error| Failure::io("read", dir, &e);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .map_err(io)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    Ok(files)
}

/// SHA-256 over the names and bytes of all published files: all that any client can be told.
pub fn digest(dir: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for path in files(dir)? {
        let bytes = std::fs::read(&path).map_err(|e| Failure::io("read", &path, &e))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(&bytes);
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

/// Until when each front door is named by what is published now; whoever fetched it may come until
/// then.
pub fn named_until(dir: &Path) -> Result<BTreeMap<FrontdoorId, Timestamp>> {
    let mut named = BTreeMap::new();
    let published = if dir.exists() { files(dir)? } else { Vec::new() };
    for path in published {
        let bytes = std::fs::read(&path).map_err(|e| Failure::io("read", &path, &e))?;
        let catalog = Envelope::from_bytes(&bytes).and_then(|e| Catalog::from_bytes(&e.payload));
        let catalog = catalog.map_err(|e| Failure::error(format!("{}: {e}", path.display())))?;
        for front in &catalog.fronts {
            let until = named.entry(front.id).or_insert(catalog.expires);
            *until = catalog.expires.max(*until);
        }
    }
    Ok(named)
}

/// All published catalogs, each verified under the root as a client does.
pub fn verified(dir: &Path, root: &Path, fleet: &str, now: Timestamp) -> Result<Vec<Catalog>> {
    let bytes = std::fs::read(root).map_err(|e| Failure::io("read", root, &e))?;
    let refused = |e: damm_catalog::Refusal| Failure::error(format!("a catalog was refused: {e}"));
    let verifier = Verifier::trust(&bytes, Expected::fleet(fleet)).map_err(refused)?;
    let mut catalogs = Vec::new();
    for path in files(dir)? {
        let bytes = std::fs::read(&path).map_err(|e| Failure::io("read", &path, &e))?;
        catalogs.push(verifier.verify(&bytes, now, None).map_err(refused)?);
    }
    Ok(catalogs)
}
