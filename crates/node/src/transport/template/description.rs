//! A service's description, as a file says it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::service::ServiceError;

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
    pub fn read(
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
