//! A service's files and words, from its templates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use damm_protocol::{Credential, TunnelAddresses};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::description::Description;
use crate::service::ServiceError;

/// What is asked of a service: what its templates are given.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'a> {
    /// Where it listens.
    pub listen: &'a str,
    pub port: u16,
    /// Where its files are written.
    pub dir: PathBuf,
    /// Where what it was prepared with is kept.
    pub keys: PathBuf,
    /// Settings that were given.
    pub params: &'a BTreeMap<String, String>,
    /// A word that is this server's, twelve letters.
    pub seed: &'a str,
    /// What it was prepared with, by file.
    pub made: &'a BTreeMap<String, String>,
    pub credentials: &'a [Credential],
}

impl<'a> Asked<'a> {
    /// The same, with what it was prepared with.
    pub fn with(self, made: &'a BTreeMap<String, String>) -> Self {
        Self { made, ..self }
    }
}

/// A service's files and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub run: Vec<String>,
    pub files: BTreeMap<String, String>,
}

impl Description {
    /// What the service is run with.
    pub fn render(&self, asked: &Asked<'_>) -> Result<Rendered, ServiceError> {
        let given = self.given(asked)?;
        let words = self.run.iter().map(|word| self.text("run", word, &given));
        let file = |(name, template): (&String, &String)| {
            Ok((name.clone(), self.text(&format!("files.{name}"), template, &given)?))
        };
        Ok(Rendered {
            run: words.collect::<Result<_, _>>()?,
            files: self.files.iter().map(file).collect::<Result<_, _>>()?,
        })
    }

    /// What clients need to know.
    pub fn render_public(
        &self,
        asked: &Asked<'_>,
    ) -> Result<BTreeMap<String, String>, ServiceError> {
        let given = self.given(asked)?;
        let text = |(name, template): (&String, &String)| {
            Ok((name.clone(), self.text(&format!("public.{name}"), template, &given)?))
        };
        self.public.iter().map(text).collect()
    }

    /// What prepares the service, if anything does.
    pub fn render_prepare(&self, asked: &Asked<'_>) -> Result<Vec<String>, ServiceError> {
        let given = self.given(asked)?;
        let words = self.prepare.iter().flat_map(|p| &p.run);
        words.map(|word| self.text("prepare.run", word, &given)).collect()
    }

    fn given(&self, asked: &Asked<'_>) -> Result<Value, ServiceError> {
        let resolver = TunnelAddresses::RESOLVER;
        let credential = |c: &Credential| {
            let (password, key) = (c.password.expose(), c.shadowsocks.expose());
            json!({ "number": c.id.number(), "password": password, "shadowsocks": key })
        };
        let passwords = asked.credentials.iter().map(|c| c.password.expose());
        let path = |path: &Path| path.display().to_string();
        Ok(json!({
            "listen": asked.listen,
            "port": asked.port,
            "dir": path(&asked.dir),
            "keys": path(&asked.keys),
            "params": self.params(asked)?,
            "seed": asked.seed,
            "made": asked.made,
            "resolver": { "v4": resolver.v4, "v6": resolver.v6 },
            "passwords": passwords.collect::<Vec<_>>(),
            "credentials": asked.credentials.iter().map(credential).collect::<Vec<_>>(),
        }))
    }

    /// Every setting that the description knows, given or by default.
    fn params(&self, asked: &Asked<'_>) -> Result<BTreeMap<&str, String>, ServiceError> {
        if let Some(name) = asked.params.keys().find(|n| !self.params.contains_key(*n)) {
            let why = "a setting of this name is given, and the description has none";
            return Err(self.wrong(&format!("params.{name}"), why));
        }
        let value = |(name, param): (&'_ String, &super::description::Param)| {
            let field = format!("params.{name}");
            match (asked.params.get(name), &param.default) {
                (Some(given), _) => Ok(given.clone()),
                (None, Some(default)) => self.text(&field, default, &json!({ "seed": asked.seed })),
                (None, None) => Err(self.wrong(&field, "it has no default and is not given")),
            }
        };
        self.params.iter().map(|p| Ok((p.0.as_str(), value(p)?))).collect()
    }

    /// Files whose names end in `.json` get values as JSON writes them; others as they are.
    fn text(&self, field: &str, template: &str, given: &Value) -> Result<String, ServiceError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.ends_with(".json") {
            true => AutoEscape::Json,
            false => AutoEscape::None,
        });
        let rendered = environment
            .template_from_named_str(field, template)
            .and_then(|t| t.render(minijinja::value::Serde(given)));
        rendered.map_err(|e| {
            let line = e.line().map(|l| format!(" in line {l}")).unwrap_or_default();
            self.wrong(field, &format!("{}{line}", describe(&e)))
        })
    }

    fn wrong(&self, field: &str, why: &str) -> ServiceError {
        ServiceError::field(&self.path, field, why)
    }
}

/// Without the template's text or values: it may hold secrets by now.
fn describe(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) if error.kind() == minijinja::ErrorKind::SyntaxError => detail.to_owned(),
        _ => error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use damm_protocol::{ClientSecret, CredentialId, Secret32};

    use super::super::Kinds;
    use super::*;

    /// The trojan that comes with damm, asked with these settings.
    fn trojan(params: &[(&str, &str)]) -> Result<Rendered, ServiceError> {
        let kinds = Kinds::read(Path::new("/nowhere")).unwrap();
        let params = params.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let secret = ClientSecret::new(Secret32::new([5; 32]));
        kinds.transports["trojan"].render(&Asked {
            listen: "127.0.0.1",
            port: 443,
            dir: "/run/x".into(),
            keys: "/k\"eys".into(),
            params: &params,
            seed: "abcdefghijkl",
            made: &BTreeMap::new(),
            credentials: &[secret.credential(CredentialId::new(0).unwrap())],
        })
    }

    #[test]
    fn what_comes_with_damm_is_json_whatever_the_values_hold() {
        let rendered = trojan(&[("front", "20003")]).unwrap();
        assert_eq!(rendered.run, ["/usr/bin/trojan", "--config", "/run/x/config.json"]);
        let config: Value = serde_json::from_str(&rendered.files["config.json"]).unwrap();
        assert_eq!(config["ssl"]["key"], "/k\"eys/key.pem");
        assert_eq!(config["remote_port"], 20_003);
        assert_eq!(config["password"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a_setting_that_nobody_knows_or_that_is_no_number_is_named() {
        let error = trojan(&[("fornt", "80")]).unwrap_err().to_string();
        assert!(error.contains("transport.json: params.fornt: "), "{error}");
        let error = trojan(&[("front", "x")]).unwrap_err().to_string();
        assert!(error.contains("transport.json: files.config.json: "), "{error}");
        assert!(!error.contains("password"), "{error}");
    }
}
