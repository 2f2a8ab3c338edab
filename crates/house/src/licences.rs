//! `deny.toml`, held against the resolved packages, for machines without cargo-deny.

use std::collections::BTreeMap;

use serde_json::Value;
use toml_edit::DocumentMut;

use crate::Complaints;
use crate::spdx::satisfied;

/// The one registry that packages come from, as cargo writes it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What `deny.toml` asks for, as far as it can be held against resolved packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Licences that a package may have.
    pub licences: Vec<String>,
    /// More licences that single packages may have, by the packages' names.
    pub exceptions: BTreeMap<String, Vec<String>>,
    /// Packages that may not be there.
    pub banned: Vec<String>,
}

impl Policy {
    /// The policy that a `deny.toml` states; none when it can't be read.
    pub fn read(text: &str) -> Option<Self> {
        let document: DocumentMut = text.parse().ok()?;
        let list = |table: &str, key: &str| {
            let item = document.get(table)?.get(key)?;
            Some(item.as_array()?.iter().cloned().collect::<Vec<_>>())
        };
        let licences = list("licenses", "allow")?;
        let banned = list("bans", "deny")?;
        let name = |ban: &toml_edit::Value| {
            let name = ban.as_inline_table()?.get("crate")?;
            name.as_str().map(str::to_owned)
        };
        let exceptions = list("licenses", "exceptions").unwrap_or_default();
        Some(Self {
            licences: licences.iter().filter_map(|l| l.as_str()).map(str::to_owned).collect(),
            exceptions: exceptions.iter().map(exception).collect::<Option<_>>()?,
            banned: banned.iter().map(name).collect::<Option<_>>()?,
        })
    }
}

/// `{ crate = "name", allow = ["LICENCE"] }`
fn exception(item: &toml_edit::Value) -> Option<(String, Vec<String>)> {
    let table = item.as_inline_table()?;
    let licences = table.get("allow")?.as_array()?.iter();
    let licences = licences.map(|l| l.as_str().map(str::to_owned)).collect::<Option<_>>()?;
    Some((table.get("crate")?.as_str()?.to_owned(), licences))
}

/// Packages that the policy does not allow; `metadata` is what `cargo metadata` prints.
pub fn unwelcome(metadata: &Value, policy: &Policy) -> Complaints {
    let resolved = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let ids: Vec<_> = resolved.map(|node| &node["id"]).collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter(|p| ids.contains(&&p["id"]) && !p["source"].is_null())
        .flat_map(|package| wrong(package, policy))
        .collect()
}

fn wrong(package: &Value, policy: &Policy) -> Complaints {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    let (name, licence, source) = (text("name"), text("license"), text("source"));
    let mut complaints = Vec::new();
    let more = policy.exceptions.get(name).into_iter().flatten().cloned();
    let allowed = policy.licences.iter().cloned().chain(more).collect::<Vec<_>>();
    if !satisfied(licence, &allowed) {
        complaints
            .push(format!("{name} has the licence `{licence}`, which deny.toml does not allow"));
    }
    if policy.banned.iter().any(|banned| banned == name) {
        complaints
            .push(format!("{name} is banned by deny.toml: turn off the feature that brings it"));
    }
    if source != REGISTRY {
        complaints.push(format!("{name} comes from {source}: take it from crates.io"));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "gotatun", allow = ["MPL-2.0"] }]
        [bans]
        deny = [{ crate = "openssl" }]
    "#;

    fn complaints(name: &str, licence: &str, source: &str) -> usize {
        let metadata = serde_json::json!({
            "packages": [{ "id": "1", "name": name, "license": licence, "source": source }],
            "resolve": { "nodes": [{ "id": "1" }] },
        });
        unwelcome(&metadata, &Policy::read(DENY).unwrap()).len()
    }

    #[test]
    fn each_way_of_being_unwelcome_is_found() {
        assert_eq!(complaints("serde", "MIT OR Apache-2.0", REGISTRY), 0);
        assert_eq!(complaints("serde", "GPL-3.0", REGISTRY), 1);
        assert_eq!(complaints("serde", "", REGISTRY), 1);
        assert_eq!(complaints("gotatun", "MPL-2.0", REGISTRY), 0);
        assert_eq!(complaints("serde", "MPL-2.0", REGISTRY), 1);
        assert_eq!(complaints("openssl", "MIT", REGISTRY), 1);
        assert_eq!(complaints("serde", "MIT", "git+https://example.invalid/x"), 1);
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_none() {
        assert_eq!(Policy::read("[licenses]\nallow = [\"MIT\"]\n"), None);
        assert_eq!(Policy::read("[bans]\ndeny = [\"openssl\"]\n"), None);
        assert_eq!(Policy::read("x"), None);
    }
}
