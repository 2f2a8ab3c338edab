//! Signed requests to one of the vendor's services.

use damm_clouds::Error;
use damm_fleet::{FailureClass, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::dialect::Words;
use super::sign::{Key, Scope};
use super::xml::{self, Element};
use crate::http::{Ask, Http, Reply};

/// What signatures write with a percent sign: all but RFC 3986's unreserved symbols.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// More pages than any listing has; a listing that goes on for longer goes in circles.
const PAGES: usize = 1_000;

/// One service.
pub struct Service {
    http: Http,
    host: String,
    key: Key,
    scope: Scope,
}

/// One call of a service that takes its parameters in a form.
#[derive(Clone)]
pub struct Query {
    operation: &'static str,
    action: &'static str,
    parameters: Vec<(String, String)>,
    private: Vec<String>,
}

impl Query {
    /// A call without parameters.
    pub fn new(operation: &'static str, action: &'static str, version: &str) -> Self {
        let parameters = vec![
            ("Action".to_owned(), action.to_owned()),
            ("Version".to_owned(), version.to_owned()),
        ];
        Self { operation, action, parameters, private: Vec::new() }
    }

    /// With a parameter.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// With a parameter that may be left out.
    pub fn maybe(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With the filter of this number that listings go by.
    pub fn filter(self, number: usize, name: &str, values: &[&str]) -> Self {
        let at = format!("Filter.{number}");
        let named = self.with(format!("{at}.Name"), name);
        values
            .iter()
            .enumerate()
            .fold(named, |query, (i, value)| query.with(format!("{at}.Value.{}", i + 1), *value))
    }

    /// With a text that no error may repeat.
    pub fn private(mut self, text: impl Into<String>) -> Self {
        self.private.push(text.into());
        self
    }

    /// The request without its parameters, for errors.
    fn short(&self) -> Ask {
        Ask { private: self.private.clone(), ..Ask::post(self.operation, "/", &()) }
    }

    fn ask(&self) -> Ask {
        let form = encoded(self.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        self.short().body(kind, form)
    }
}

impl Service {
    /// A service at a host, as in `https://ec2.eu-north-1.amazonaws.com`.
    pub const fn new(http: Http, host: String, key: Key, scope: Scope) -> Self {
        Self { http, host, key, scope }
    }

    /// The time by the account's clock.
    pub fn now(&self) -> Timestamp {
        self.http.clock().now()
    }

    /// Makes a call and reads its answer.
    ///
    /// # Errors
    ///
    /// As [`Http::call`]; `Unknown` when a success can't be read.
    pub async fn call(&self, query: &Query) -> Result<Element, Error> {
        let wanted = format!("{}Response", query.action);
        self.exchange(query.ask(), &wanted).await
    }

    /// Makes a call whose answer comes in pages, and brings all of them.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn pages(&self, query: &Query) -> Result<Vec<Element>, Error> {
        let mut pages = Vec::new();
        let mut next: Option<String> = None;
        while pages.len() < PAGES {
            let page = self.call(&query.clone().maybe("NextToken", next.as_deref())).await?;
            let token = page.text(&["nextToken"]).map(str::to_owned);
            pages.push(page);
            match token {
                Some(token) if next.as_ref() != Some(&token) => next = Some(token),
                Some(_) => break,
                None => return Ok(pages),
            }
        }
        Err(self.failed(&query.short(), FailureClass::Unknown, "the listing never ends"))
    }

    /// Signs and makes a request, and reads an answer whose outermost element has this name.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn exchange(&self, ask: Ask, wanted: &str) -> Result<Element, Error> {
        let short = Ask { body: None, ..ask.clone() };
        let signed = self.key.sign(ask, &self.host, &self.scope, self.now());
        let signed = signed.ok_or_else(|| {
            self.failed(&short, FailureClass::Rejected, "the request can't be signed")
        })?;
        let short = Ask { private: signed.private.clone(), ..short };
        let reply = self.http.call(signed, &Words).await?;
        let document = xml::read(&reply.body).filter(|d| d.name == wanted);
        document.ok_or_else(|| self.unreadable(&short, &reply))
    }

    /// The answer to a call lacks what it has to hold.
    pub fn lacking(&self, query: &Query) -> Error {
        self.failed(&query.short(), FailureClass::Unknown, "the answer lacks what was made")
    }

    /// A call that is not made, or whose answer says no in its own way.
    pub fn refused(&self, operation: &'static str, class: FailureClass, words: &str) -> Error {
        self.failed(&Ask::get(operation, "/"), class, words)
    }

    fn failed(&self, ask: &Ask, class: FailureClass, words: &str) -> Error {
        self.http.failed(ask, class, words, None)
    }

    fn unreadable(&self, ask: &Ask, reply: &Reply) -> Error {
        let words = "the answer is not what this service answers";
        self.http.failed(ask, FailureClass::Unknown, words, Some(reply))
    }
}

/// Pairs as a form and a query string hold them.
pub fn encoded<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let one = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let pairs: Vec<_> =
        pairs.map(|(name, value)| format!("{}={}", one(name), one(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded_as_signatures_want_them() {
        let pairs = [("Filter.1.Name", "tag:damm-fleet"), ("a b", "x+/=~*é")];
        let text = "Filter.1.Name=tag%3Adamm-fleet&a%20b=x%2B%2F%3D~%2A%C3%A9";
        assert_eq!(encoded(pairs.into_iter()), text);
    }
}
