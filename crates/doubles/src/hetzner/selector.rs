//! Labels, and what selects by them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::refusal::invalid;
use crate::answer::Answer;

/// Labels of a thing.
pub type Labels = BTreeMap<String, String>;

/// The labels of a request's body.
pub fn labels(body: &Value) -> Result<Labels, Answer> {
    let Some(given) = body.get("labels") else {
        return Ok(Labels::new());
    };
    let wrong = || invalid("labels", "is invalid");
    let given = given.as_object().ok_or_else(wrong)?;
    let pair = |(key, value): (&String, &Value)| {
        let value = value.as_str().filter(|v| v.is_empty() || is_word(v))?;
        let name = key.rsplit('/').next().unwrap_or_default();
        let free = is_word(name) && !key.starts_with("hetzner.cloud/");
        free.then(|| (key.clone(), value.to_owned()))
    };
    given.iter().map(|pair_| pair(pair_).ok_or_else(wrong)).collect()
}

/// The name of a label, or its value: 63 symbols, letters and digits at both ends.
fn is_word(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(inner)
        && ends(text.chars().next())
        && ends(text.chars().last())
}

/// Whether a selector takes things with these labels: `k=v`, `k==v`, `k!=v`, `k` and `!k`, with
/// commas between.
pub fn selects(selector: Option<&str>, labels: &Labels) -> bool {
    let terms = selector.unwrap_or_default().split(',').map(str::trim).filter(|t| !t.is_empty());
    terms.into_iter().all(|term| {
        let is = |key: &str, value: &str| labels.get(key.trim()).is_some_and(|v| v == value.trim());
        match (term.split_once("!="), term.split_once('='), term.strip_prefix('!')) {
            (Some((key, value)), _, _) => !is(key, value),
            (_, Some((key, value)), _) => is(key, value.trim_start_matches('=')),
            (_, _, Some(key)) => !labels.contains_key(key),
            _ => labels.contains_key(term),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_take_what_they_say() {
        let labels: Labels = [("a".to_owned(), "1".to_owned())].into();
        for (selector, takes) in [
            ("a=1", true),
            ("a==1", true),
            ("a=2", false),
            ("a", true),
            ("b", false),
            ("!b", true),
            ("a!=1", false),
            ("a=1,!a", false),
            ("", true),
        ] {
            assert_eq!(selects(Some(selector), &labels), takes, "{selector}");
        }
    }
}
