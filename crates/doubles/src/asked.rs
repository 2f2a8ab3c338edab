//! A request, as a double reads it.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What fate holds for a request, beside what the front does to it: a double carries it out where
/// it applies. All of it is off unless the dial says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Luck {
    /// What is made now is missing from listings for a while, within the vendor's listing lag.
    pub late_listing: bool,
    /// A machine that is made now never runs.
    pub stuck_create: bool,
    /// There is no machine of this size to be had.
    pub out_of_stock: bool,
    /// The address was just attached elsewhere by somebody else.
    pub attached_elsewhere: bool,
    /// What is deleted now is gone much later.
    pub slow_delete: bool,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method, in capitals.
    pub method: String,
    /// The path, still encoded, without the query.
    pub path: String,
    /// The query's pairs in their order, decoded.
    pub query: Vec<(String, String)>,
    /// Header fields in their order, names in small letters. What is not text is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// What fate holds for it.
    pub luck: Luck,
    /// The query, as it came.
    pub(crate) raw_query: Option<String>,
}

impl Asked {
    /// The path's parts between slashes, without empty ones; still encoded.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|s| !s.is_empty()).collect()
    }

    /// The first value of a query's key.
    pub fn query(&self, key: &str) -> Option<&str> {
        first(&self.query, key)
    }

    /// The first value of a header field; the name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The token of an `Authorization: Bearer` field.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The body as JSON; `Null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body's pairs, as a web form and the AWS query protocol send them.
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body))
    }

    /// All that a client might find quoted in a careless refusal: the body, plain and decoded, and
    /// the header fields that credentials stand in.
    pub(crate) fn quoted(&self) -> String {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        let kept = |name: &str| {
            name == "authorization" || name.starts_with("x-auth") || name.contains("key")
        };
        let fields = self.headers.iter().filter(|(n, _)| kept(n)).map(|(_, v)| v.clone());
        let values = self.json();
        let texts = texts(&values).into_iter().chain(self.form().into_iter().map(|(_, v)| v));
        let all: Vec<_> = fields.chain(texts).chain([body]).collect();
        all.join(" ")
    }
}

/// A query's or a form's pairs, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|p| !p.is_empty());
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(key), decoded(value))
    };
    parts.map(pair).collect()
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// All texts in a JSON value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(s) => vec![s.clone()],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(all) => all.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn first<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded() {
        let read = pairs("Action=RunInstances&Name=a%2Fb+c&Empty=&Bare");
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let wanted = [("Action", "RunInstances"), ("Name", "a/b c"), ("Empty", ""), ("Bare", "")];
        assert_eq!(read, wanted);
    }
}
