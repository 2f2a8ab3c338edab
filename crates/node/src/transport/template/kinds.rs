//! All services that files describe: those that come with damm, and operators' own.

use std::collections::BTreeMap;
use std::path::Path;

use super::description::Description;
use crate::service::{ServiceError, files};
use crate::transport::{SHADOWSOCKS, WIREGUARD};

/// All services that files describe.
#[derive(Debug)]
pub(crate) struct Kinds {
    pub transports: BTreeMap<String, Description>,
    pub resolver: Description,
}

/// What comes with damm: where an operator may write another, and the files.
type Shipped = (&'static str, &'static [(&'static str, &'static str)]);

const TROJAN: Shipped = (
    "transport.json",
    &[
        ("transport.json", include_str!("../../../transports/trojan/transport.json")),
        ("config.json", include_str!("../../../transports/trojan/config.json")),
    ],
);

const RESOLVER: Shipped = (
    "service.json",
    &[
        ("service.json", include_str!("../../../resolver/service.json")),
        ("unbound.conf", include_str!("../../../resolver/unbound.conf")),
    ],
);

impl Kinds {
    /// Those that come with damm, and those in `transports/KIND` and `resolver` of the operator's
    /// directory, which go before.
    pub fn read(etc: &Path) -> Result<Self, ServiceError> {
        let all = etc.join("transports");
        let mut transports = BTreeMap::new();
        transports.insert("trojan".to_owned(), described(&all.join("trojan"), TROJAN)?);
        for kind in directories(&all)? {
            let dir = all.join(&kind);
            if dir.join("transport.json").exists() {
                check(&dir, &kind)?;
                transports.insert(kind, described(&dir, ("transport.json", &[]))?);
            }
        }
        let resolver = described(&etc.join("resolver"), RESOLVER)?;
        Ok(Self { transports, resolver })
    }
}

/// A service of the directory, or the one that comes with damm.
fn described(dir: &Path, (name, shipped): Shipped) -> Result<Description, ServiceError> {
    let path = dir.join(name);
    let text = |content: Vec<u8>| String::from_utf8_lossy(&content).into_owned();
    if let Some(own) = files::read(&path)? {
        return Description::read(&path, &own, |n| Ok(files::read(&dir.join(n))?.map(text)));
    }
    let find = |wanted: &str| shipped.iter().find(|(n, _)| *n == wanted).map(|(_, t)| *t);
    let own = find(name).unwrap_or_default();
    Description::read(&path, own.as_bytes(), |n| Ok(find(n).map(str::to_owned)))
}

fn directories(dir: &Path) -> Result<Vec<String>, ServiceError> {
    let entries = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(ServiceError::file(dir))?,
    };
    let mut names: Vec<_> =
        entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// A kind is part of unit and file names, and may not be one of those that need no file.
fn check(dir: &Path, kind: &str) -> Result<(), ServiceError> {
    let sign = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let built_in = [WIREGUARD, SHADOWSOCKS].contains(&kind);
    if built_in || kind.len() > 32 || !kind.chars().all(sign) {
        let why =
            "a kind has up to 32 of a-z, 0-9 and hyphens, and is not one that damm has itself";
        return Err(ServiceError::field(dir, kind, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{ "about": "x", "protocols": ["tcp"], "run": ["/bin/x"],
        "files": { "a.conf": "a.conf" }, "on_change": "hand-over" }"#;

    fn written(kind: &str, description: &str) -> (tempfile::TempDir, Result<Kinds, ServiceError>) {
        let etc = tempfile::tempdir().unwrap();
        let dir = etc.path().join("transports").join(kind);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("transport.json"), description).unwrap();
        std::fs::write(dir.join("a.conf"), "port {{ port }}").unwrap();
        let kinds = Kinds::read(etc.path());
        (etc, kinds)
    }

    #[test]
    fn what_an_operator_adds_stands_beside_what_comes_with_damm() {
        let (_etc, kinds) = written("obfs4", GOOD);
        let kinds = kinds.unwrap();
        assert_eq!(kinds.transports.keys().collect::<Vec<_>>(), ["obfs4", "trojan"]);
        assert_eq!(kinds.transports["obfs4"].files["a.conf"], "port {{ port }}");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name_and_the_fields() {
        let cases = [
            (GOOD.replace("\"about\": \"x\",", ""), "transport.json: about: it is missing"),
            (GOOD.replace("[\"tcp\"]", "[\"sctp\"]"), "transport.json: protocols: unknown variant"),
            (GOOD.replace("/bin/x", "x"), "transport.json: run: it begins with"),
            (
                GOOD.replace("\"a.conf\" }", "\"b.conf\" }"),
                "files.a.conf: there is no template `b.conf`",
            ),
            (GOOD.replace("\"a.conf\" }", "\"../x\" }"), "files.a.conf: there is no template"),
            (GOOD.replace("about", "abuot"), "transport.json: about: it is missing"),
            (
                GOOD.replace("{ \"about\"", "{ \"colour\": 1, \"about\""),
                "colour: there is no such field",
            ),
            (GOOD.replace("[\"tcp\"]", "[\"udp\"]"), "transport.json: on_change: `hand-over`"),
            ("{".into(), "transport.json: line 1, column 1: one JSON object is expected"),
        ];
        for (description, message) in cases {
            let (_etc, kinds) = written("obfs4", &description);
            let error = kinds.map(drop).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_kind_that_damm_has_itself_cannot_be_described_anew() {
        let (_etc, kinds) = written("wireguard", GOOD);
        assert!(kinds.is_err());
    }
}
