//! The operations of a description.

use serde_json::{Value, json};

use crate::asked::Asked;
use crate::description::schemas::{Schemas, resolved};

/// An operation that a request is of.
pub struct Operation<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The description's path, with names in braces.
    pub path: &'a str,
    /// Where it stands in the document.
    pub pointer: String,
    /// What stands in the request's path in place of the names.
    pub named: Vec<(&'a str, String)>,
}

/// The operation with the most words of its own that a path fits.
pub fn find<'a>(document: &'a Value, method: &'a str, path: &str) -> Option<Operation<'a>> {
    let key = method.to_ascii_lowercase();
    let paths = document["paths"].as_object()?.iter();
    let fitting = paths.filter(|(_, item)| item.get(&key).is_some());
    let fitting = fitting.filter_map(|(template, _)| Some((template, fit(template, path)?)));
    let (template, named) = fitting.min_by_key(|(_, named)| named.len())?;
    let pointer = format!("/paths/{}/{key}", escaped(template));
    Some(Operation { method, path: template, pointer, named })
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

/// The values in a path in place of a template's names; none where it does not fit.
fn fit<'a>(template: &'a str, path: &str) -> Option<Vec<(&'a str, String)>> {
    let parts = |text: &'_ str| text.trim_matches('/').split('/').count();
    if parts(template) != parts(path) {
        return None;
    }
    let mut named = Vec::new();
    let pairs = template.trim_matches('/').split('/').zip(path.trim_matches('/').split('/'));
    for (own, given) in pairs {
        match own.strip_prefix('{').and_then(|o| o.strip_suffix('}')) {
            Some(name) => named.push((name, given.to_owned())),
            None if own == given => {}
            None => return None,
        }
    }
    Some(named)
}

impl Operation<'_> {
    /// As in `GET /servers/{id}`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Where the description of an answer stands, by its status.
    pub fn response(&self, document: &Value, status: u16) -> Option<String> {
        let class = status / 100;
        let keys = [status.to_string(), format!("{class}XX"), format!("{class}xx")];
        let mut keys = keys.into_iter().chain(["default".to_owned()]);
        let place = |key: String| format!("{}/responses/{key}", self.pointer);
        keys.find(|key| document.pointer(&place(key.clone())).is_some()).map(place)
    }

    /// What is wrong with the parameters of a request.
    pub fn parameters(&self, document: &Value, schemas: &Schemas, asked: &Asked) -> Vec<String> {
        let described = self.described(document);
        let mut all = Vec::new();
        for (parameter, place) in &described {
            let (name, within) = (text(&parameter["name"]), text(&parameter["in"]));
            match self.given(asked, within, name) {
                None if parameter["required"] == true && within != "header" => {
                    all.push(format!("the {within} parameter `{name}` is missing"));
                }
                Some(given) if !parameter["schema"].is_null() => {
                    let wrong = wrong(schemas, &format!("{place}/schema"), &given);
                    all.extend(wrong.map(|w| format!("the {within} parameter `{name}`: {w}")));
                }
                _ => {}
            }
        }
        let known = |name: &str| {
            let plain = |p: &Value| text(&p["in"]) == "query" && is_named(p, name);
            described.iter().any(|(p, _)| plain(p))
        };
        let unknown = asked.query.iter().filter(|(name, _)| !known(name));
        all.extend(unknown.map(|(name, _)| format!("there is no query parameter `{name}`")));
        all
    }

    fn described<'a>(&self, document: &'a Value) -> Vec<(&'a Value, String)> {
        let whole = self.pointer.rsplit_once('/').map_or("", |(path, _)| path);
        let mut all = Vec::new();
        for place in [whole, &self.pointer] {
            let place = format!("{place}/parameters");
            let many = document.pointer(&place).and_then(Value::as_array).map_or(0, Vec::len);
            all.extend((0..many).filter_map(|n| resolved(document, &format!("{place}/{n}"))));
        }
        all
    }

    fn given(&self, asked: &Asked, within: &str, name: &str) -> Option<String> {
        match within {
            "path" => self.named.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()),
            "query" => asked.query(name).map(str::to_owned),
            "header" => asked.header(&name.to_ascii_lowercase()).map(str::to_owned),
            _ => None,
        }
    }
}

/// Lists may be given as `name` or `name[]`.
fn is_named(parameter: &Value, name: &str) -> bool {
    text(&parameter["name"]).trim_end_matches("[]") == name.trim_end_matches("[]")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A parameter is text; it may be meant as a number, a truth value or a list. It is right when one
/// of these readings is.
fn wrong(schemas: &Schemas, place: &str, given: &str) -> Option<String> {
    let list: Vec<Value> = given.split(',').map(reading).collect();
    let mut complaints = Vec::new();
    for value in [json!(given), reading(given), json!(list)] {
        complaints = schemas.complaints(place, &value);
        if complaints.is_empty() {
            return None;
        }
    }
    complaints.into_iter().next()
}

fn reading(given: &str) -> Value {
    serde_json::from_str(given).unwrap_or_else(|_| json!(given))
}
