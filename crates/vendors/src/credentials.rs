//! Secrets: where they are found, and how they are kept out of every text.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use damm_fleet::topology::Credentials;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::SetupError;

/// A secret text. It is wiped when it is dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, to be sent and not to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where environment variables come from; tests bring their own.
pub type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Reads an account's secret. Files are found from `base`; space around the text is cut off.
///
/// # Errors
///
/// When it is not there or empty; the message says what to do.
pub fn read(
    credentials: &Credentials,
    base: &Path,
    environment: Environment<'_>,
) -> Result<Secret, SetupError> {
    let text = match credentials {
        Credentials::Env(name) => {
            let value = environment(name).map(Zeroizing::new);
            value.ok_or_else(|| SetupError::NoVariable(name.clone()))?
        }
        Credentials::File(file) => {
            let file = base.join(file);
            let text = std::fs::read_to_string(&file).map(Zeroizing::new);
            text.map_err(|e| SetupError::NoFile { file, why: e.to_string() })?
        }
    };
    match text.trim() {
        "" => Err(SetupError::Credentials("they are empty".to_owned())),
        text => Ok(Secret::new(text)),
    }
}

/// A secret of several values: lines `name = value`, or a JSON object. A name that ends in `?` may
/// be left out.
///
/// # Errors
///
/// Names what is missing or unknown, and never a value.
pub fn fields(secret: &Secret, names: &[&str]) -> Result<BTreeMap<String, Secret>, SetupError> {
    let wrong = |why: String| Err(SetupError::Credentials(why));
    let Some(given) = parse(secret.expose()) else {
        let names = names.join(", ");
        return wrong(format!("write a line `name = value` for each of {names}"));
    };
    for name in names.iter().filter(|n| !n.ends_with('?')) {
        if given.get(*name).is_none_or(|v| v.expose().is_empty()) {
            return wrong(format!("`{name}` is missing"));
        }
    }
    let known = |key: &str| names.iter().any(|n| n.trim_end_matches('?') == key);
    match given.keys().position(|key| !known(key)) {
        // Its name may be a secret that was pasted alone.
        Some(at) => wrong(format!("entry {} is none of {}", at + 1, names.join(", "))),
        None => Ok(given),
    }
}

fn parse(text: &str) -> Option<BTreeMap<String, Secret>> {
    if text.trim_start().starts_with('{') {
        let object: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
        let pairs = object.into_iter().map(|(k, v)| Some((k, Secret::new(v.as_str()?))));
        return pairs.collect();
    }
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.trim().to_owned(), Secret::new(value.trim())))
    };
    lines.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["id", "key", "token?"];

    #[test]
    fn several_values_are_read_from_lines_and_from_json() {
        for text in ["# mine\nid = a\nkey=b=\n", r#"{ "id": "a", "key": "b=" }"#] {
            let fields = fields(&Secret::new(text), &NAMES).unwrap();
            let fields: Vec<_> = fields.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
            assert_eq!(fields, [("id", "a"), ("key", "b=")]);
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_any_of_the_secret() {
        for text in ["hunter2", "id = hunter2", "id=a\nkey=b\nhunter2 = c", "{\"hunter2\": 1}"] {
            let error = fields(&Secret::new(text), &NAMES).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_secret_is_found_in_the_environment_or_a_file_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "hunter2\n").unwrap();
        let environment = |name: &str| (name == "TOKEN").then(|| "hunter2".to_owned());
        for place in [Credentials::Env("TOKEN".into()), Credentials::File("token".into())] {
            let secret = read(&place, dir.path(), &environment).unwrap();
            assert_eq!(secret.expose(), "hunter2");
            assert_eq!(format!("{secret:?}"), "Secret(…)");
        }
        let missing = read(&Credentials::Env("OTHER".into()), dir.path(), &environment);
        assert!(missing.unwrap_err().to_string().contains("`OTHER` is not set"));
    }
}
