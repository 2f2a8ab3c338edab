//! A service's description, as a file says it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::service::{ServiceError, files};

/// What a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

/// How a service comes to know that its files have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnChange {
    /// A new process takes new connections; the old one ends with its last. TCP only.
    HandOver,
    /// SIGHUP: for programs that read their files again and cut nothing.
    HangUp,
    /// By being started anew, which cuts what it serves.
    Restart,
}

/// What is made once and kept on this server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prepare {
    /// A program and its arguments, each a template.
    pub run: Vec<String>,
    /// The files that it leaves in the directory of keys. Files of these names beside the
    /// description are taken instead.
    pub makes: Vec<String>,
}

/// A setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Param {
    /// What it is for.
    #[serde(rename = "about")]
    _about: String,
    /// A template; without it the setting has to be given.
    pub default: Option<String>,
}

/// A service that files describe.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    /// The file, for messages.
    pub path: PathBuf,
    pub protocols: Vec<Protocol>,
    /// The program and its arguments, each a template.
    pub run: Vec<String>,
    /// Its config files, each a template's text.
    pub files: BTreeMap<String, String>,
    pub prepare: Option<Prepare>,
    /// What clients need to know, each a template.
    pub public: BTreeMap<String, String>,
    pub params: BTreeMap<String, Param>,
    pub on_change: OnChange,
}

/// The fields of a description, taken one by one, so that each message names its own.
struct Fields<'a> {
    path: &'a Path,
    left: Map<String, Value>,
}

impl Fields<'_> {
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ServiceError> {
        let Some(value) = self.left.remove(name) else { return Ok(None) };
        let read = serde_json::from_value(value);
        read.map(Some).map_err(|e| ServiceError::field(self.path, name, e))
    }

    fn need<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ServiceError> {
        self.take(name)?.ok_or_else(|| ServiceError::field(self.path, name, "it is missing"))
    }
}

impl Description {
    /// Reads a description; `beside` gives the files that it names.
    fn read(
        path: &Path,
        text: &[u8],
        beside: impl Fn(&str) -> Result<Option<String>, ServiceError>,
    ) -> Result<Self, ServiceError> {
        let line = |e: &serde_json::Error| format!("line {}, column {}", e.line(), e.column());
        let left = serde_json::from_slice(text)
            .map_err(|e| ServiceError::field(path, line(&e), "one JSON object is expected"))?;
        let mut fields = Fields { path, left };
        fields.need::<String>("about")?;
        let named = fields.need::<BTreeMap<String, String>>("files")?;
        let description = Self {
            path: path.to_owned(),
            protocols: fields.need("protocols")?,
            run: fields.need("run")?,
            files: texts(path, named, beside)?,
            prepare: fields.take("prepare")?,
            public: fields.take("public")?.unwrap_or_default(),
            params: fields.take("params")?.unwrap_or_default(),
            on_change: fields.need("on_change")?,
        };
        match fields.left.keys().next() {
            Some(name) => Err(ServiceError::field(path, name, "there is no such field")),
            None => description.checked(),
        }
    }

    fn checked(self) -> Result<Self, ServiceError> {
        let wrong = |field: &str, why: &str| Err(ServiceError::field(&self.path, field, why));
        if !self.run.first().is_some_and(|p| p.starts_with('/')) {
            return wrong("run", "it begins with a program's absolute path");
        }
        if self.protocols.is_empty() {
            return wrong("protocols", "at least one of `tcp` and `udp` is needed");
        }
        if self.on_change == OnChange::HandOver && self.protocols != [Protocol::Tcp] {
            return wrong("on_change", "`hand-over` is for what speaks TCP alone");
        }
        let makes = self.prepare.iter().flat_map(|p| &p.makes);
        if let Some(name) = makes.chain(self.files.keys()).find(|n| !is_plain(n)) {
            return wrong(name, "a file's name has no slash and does not begin with a dot");
        }
        Ok(self)
    }
}

fn texts(
    path: &Path,
    named: BTreeMap<String, String>,
    beside: impl Fn(&str) -> Result<Option<String>, ServiceError>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let text = |(name, template): (String, String)| {
        let missing = || {
            let why = format!("there is no template `{template}` beside it");
            ServiceError::field(path, format!("files.{name}"), why)
        };
        let plain = is_plain(&template).then_some(()).ok_or_else(missing);
        let text = plain.and_then(|()| beside(&template)?.ok_or_else(missing))?;
        Ok((name, text))
    };
    named.into_iter().map(text).collect()
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains('/')
}

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
    let built_in = [super::super::WIREGUARD, super::super::SHADOWSOCKS].contains(&kind);
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
